/**
 * Stores auth tokens, and decodes them.
 */
import { fromBase64 } from "./codec.ts";
import type { AuthToken } from "./types.ts";

/**
 * Stores auth tokens. Pass your own as the option `authEngine`.
 *
 * `new AuthEngine()` is the default engine of socketcluster-client, the same as
 * {@linkcode localStorageAuth}.
 */
export interface AuthEngine {
  /**
   * Resolves with the signed token, or `null`. Called once per connection; a rejection
   * makes the attempt to connect fail.
   */
  loadToken(name: string): Promise<AuthToken | string | null>;
  /** Stores the token and resolves with it. */
  saveToken(
    name: string,
    token: string,
    options?: Record<string, unknown>,
  ): Promise<AuthToken | string>;
  /** Removes the token and resolves with it, or with `null`. */
  removeToken(name: string): Promise<AuthToken | string | null>;
}

/** The result of `loadToken`. Servers accept only signed tokens. */
export type LoadedToken = AuthToken | string | null;

/** Types of an engine, with the names of `@types/socketcluster-client`. */
export declare namespace AuthEngine {
  /** An engine of your own. */
  interface AGAuthEngine extends AuthEngine {}
  /** The claims of a signed token. */
  interface AuthToken {
    /** A claim. */
    [claim: string]: unknown;
  }
  /** A signed token. */
  type SignedAuthToken = string;
}

/** The part of a `Map` that {@linkcode MemoryAuth} needs to store tokens. */
export interface TokenMap {
  /** Returns the token, if there is one. */
  get(name: string): string | null | undefined;
  /** Stores the token. */
  set(name: string, token: string): unknown;
  /** Removes the token. */
  delete(name: string): unknown;
}

/**
 * Stores tokens in memory, so that they are lost when the page or process ends, or in
 * a {@linkcode TokenMap} of your own.
 */
export class MemoryAuth implements AuthEngine {
  readonly #tokens: TokenMap;

  /** If a method of `tokens` throws, the method of the engine rejects. */
  constructor(
    tokens: TokenMap = new Map<string, string>(),
  ) {
    this.#tokens = tokens;
  }

  /** Resolves with the token, or `null`. */
  // deno-lint-ignore require-await -- a storage that throws must reject
  async loadToken(name: string): Promise<string | null> {
    return this.#tokens.get(name) ?? null;
  }

  /** Stores the token. */
  // deno-lint-ignore require-await
  async saveToken(name: string, token: string): Promise<string> {
    this.#tokens.set(name, token);
    return token;
  }

  /** Removes the token and resolves with it. */
  // deno-lint-ignore require-await
  async removeToken(name: string): Promise<string | null> {
    const token = this.#tokens.get(name) ?? null;
    this.#tokens.delete(name);
    return token;
  }
}

/**
 * Stores tokens in `localStorage`, under the key that socketcluster-client uses, so
 * that users stay logged in when an application switches to this client. If
 * `localStorage` is missing or cannot store, tokens are kept in memory.
 *
 * Every script of the page's origin can read `localStorage`.
 *
 * ```ts
 * import { create, localStorageAuth } from "@feedline/feedline/feed/socketcluster";
 *
 * const socket = create({
 *   hostname: "example.com",
 *   secure: true,
 *   authEngine: localStorageAuth(),
 *   autoConnect: false,
 * });
 * ```
 */
export function localStorageAuth(): AuthEngine {
  return new MemoryAuth(pageStorage());
}

/** The default engine of socketcluster-client, under its name there. */
export const AuthEngine: new () => AuthEngine = class extends MemoryAuth {
  /** Uses `localStorage` if it is available. */
  constructor() {
    super(pageStorage());
  }
};

/** `localStorage`, if it exists and can store. */
function pageStorage(): TokenMap | undefined {
  const probe = "feedline.storageTest";
  try {
    const storage = globalThis.localStorage;
    storage.setItem(probe, "1");
    storage.removeItem(probe);
    return {
      get: (name) => storage.getItem(name),
      set: (name, token) => storage.setItem(name, token),
      delete: (name) => storage.removeItem(name),
    };
  } catch {
    return undefined;
  }
}

/**
 * Decodes the payload of a signed token (a JWT) without verifying its signature.
 * Returns text if the payload is not JSON, or `null` if there is none. See RFC 7519,
 * section 3.
 */
export function decodeToken(signedAuthToken: unknown): unknown {
  if (typeof signedAuthToken !== "string") return null;
  const payload = signedAuthToken.split(".")[1];
  if (payload === undefined) return null;
  let text = payload;
  try {
    text = new TextDecoder().decode(fromBase64(payload));
    return JSON.parse(text);
  } catch {
    return text;
  }
}
