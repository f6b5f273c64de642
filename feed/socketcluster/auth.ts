/**
 * Where auth tokens are kept, and what can be read from them.
 */
import { fromBase64 } from "./codec.ts";
import type { AuthToken } from "./types.ts";

/**
 * Keeps auth tokens. Pass your own as the option `authEngine`.
 *
 * `new AuthEngine()` is socketcluster-client's standard engine: the same as
 * {@linkcode localStorageAuth}.
 */
export interface AuthEngine {
  /**
   * Resolves with the signed token, or `null`. Called once for each connection; a
   * rejection ends the attempt to connect.
   */
  loadToken(name: string): Promise<AuthToken | string | null>;
  /** Keeps the token and resolves with it. */
  saveToken(
    name: string,
    token: string,
    options?: Record<string, unknown>,
  ): Promise<AuthToken | string>;
  /** Removes the token and resolves with it, or with `null`. */
  removeToken(name: string): Promise<AuthToken | string | null>;
}

/** What an engine may load: the server takes signed tokens only. */
export type LoadedToken = AuthToken | string | null;

/** The names that `@types/socketcluster-client` gives to the types of an engine. */
export declare namespace AuthEngine {
  /** An engine of your own. */
  interface AGAuthEngine extends AuthEngine {}
  /** What a signed token says. */
  interface AuthToken {
    /** A claim. */
    [claim: string]: unknown;
  }
  /** A signed token. */
  type SignedAuthToken = string;
}

/** Where {@linkcode MemoryAuth} keeps tokens: what it needs of a `Map`. */
export interface TokenMap {
  /** The token, if there is one. */
  get(name: string): string | null | undefined;
  /** Keeps the token. */
  set(name: string, token: string): unknown;
  /** Forgets the token. */
  delete(name: string): unknown;
}

/**
 * Keeps tokens in memory, so that they are gone when the page or process ends,
 * or wherever a {@linkcode TokenMap} keeps them.
 */
export class MemoryAuth implements AuthEngine {
  readonly #tokens: TokenMap;

  /** If a method of `tokens` throws, the promise of the engine rejects. */
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

  /** Keeps the token. */
  // deno-lint-ignore require-await
  async saveToken(name: string, token: string): Promise<string> {
    this.#tokens.set(name, token);
    return token;
  }

  /** Forgets the token and resolves with it. */
  // deno-lint-ignore require-await
  async removeToken(name: string): Promise<string | null> {
    const token = this.#tokens.get(name) ?? null;
    this.#tokens.delete(name);
    return token;
  }
}

/**
 * Keeps tokens in `localStorage`, under the key that socketcluster-client uses,
 * so that users stay logged in when an application changes over. Where there
 * is no `localStorage`, or it refuses to store, tokens are kept in memory.
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

/** socketcluster-client's standard engine, by its name there. */
export const AuthEngine: new () => AuthEngine = class extends MemoryAuth {
  /** Looks for `localStorage`. */
  constructor() {
    super(pageStorage());
  }
};

/** `localStorage`, if there is one that stores. */
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
 * What a signed token (a JWT) says, without checking its signature: the payload, as
 * text if it is not JSON, or `null` if there is none. See RFC 7519, section 3.
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
