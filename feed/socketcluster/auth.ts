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

/** Keeps tokens in memory: they are gone when the page or process ends. */
export class MemoryAuth implements AuthEngine {
  readonly #tokens = new Map<string, string>();

  /** Resolves with the token, or `null`. */
  loadToken(name: string): Promise<string | null> {
    return Promise.resolve(this.#tokens.get(name) ?? null);
  }

  /** Keeps the token. */
  saveToken(name: string, token: string): Promise<string> {
    this.#tokens.set(name, token);
    return Promise.resolve(token);
  }

  /** Forgets the token and resolves with it. */
  removeToken(name: string): Promise<string | null> {
    const token = this.#tokens.get(name) ?? null;
    this.#tokens.delete(name);
    return Promise.resolve(token);
  }
}

/** Keeps tokens in a `Storage`. */
class StorageAuth implements AuthEngine {
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  // deno-lint-ignore require-await -- a storage that throws must reject
  async loadToken(name: string): Promise<string | null> {
    return this.#storage.getItem(name);
  }

  // deno-lint-ignore require-await
  async saveToken(name: string, token: string): Promise<string> {
    this.#storage.setItem(name, token);
    return token;
  }

  // deno-lint-ignore require-await
  async removeToken(name: string): Promise<string | null> {
    const token = this.#storage.getItem(name);
    this.#storage.removeItem(name);
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
    return new StorageAuth(storage);
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
