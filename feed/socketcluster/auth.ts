/**
 * Where auth tokens are kept, and what can be read from them.
 */
import { fromBase64 } from "./codec.ts";

/** Keeps signed auth tokens. Replace it by the option `authEngine`. */
export interface AuthEngine {
  /** The token, or `null`. Asked once for each connection; a rejection ends the attempt. */
  loadToken(name: string): Promise<string | null>;
  /** Keeps the token. */
  saveToken(
    name: string,
    token: string,
    options?: Record<string, unknown>,
  ): Promise<string>;
  /** Forgets the token and resolves with it. */
  removeToken(name: string): Promise<string | null>;
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
  const probe = "feedline.storageTest";
  try {
    const storage = globalThis.localStorage;
    storage.setItem(probe, "1");
    storage.removeItem(probe);
    return new MemoryAuth({
      get: (name) => storage.getItem(name),
      set: (name, token) => storage.setItem(name, token),
      delete: (name) => storage.removeItem(name),
    });
  } catch {
    return new MemoryAuth();
  }
}

/**
 * What a signed token (a JWT) says, not verified: its payload, as text if that
 * is not JSON, or `null` if there is none. See RFC 7519, section 3.
 */
// deno-lint-ignore no-explicit-any
export function decodeToken(signedAuthToken: unknown): any {
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
