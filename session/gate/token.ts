/**
 * Connection tokens: JSON Web Tokens (RFC 7519) with HMAC-SHA-256, by WebCrypto. No I/O.
 *
 * Our own code and not a library's, because it is stricter than the standard: one
 * algorithm, a header that is compared and never parsed, and one spelling for each
 * token, so that changing any character makes it invalid.
 */
import { isObject } from "../../net/shape.ts";

/** A secret that signs connection tokens. */
export interface GateKey {
  /** Its name, which each token carries: letters, digits, `-` and `_`. */
  id: string;
  /** At least 32 bytes of UTF-8. */
  secret: string;
}

/** What a connection token grants. */
export interface Access {
  /** The backend that it leads to. */
  backendId: string;
  /** The user of the connect request. */
  user: string | undefined;
  /** The verified data about the user. */
  auth: Record<string, unknown> | undefined;
  /** When it was issued, in milliseconds since 1970. */
  issued: number;
  /** When it expires, in milliseconds since 1970; `Infinity` means never. */
  expires: number;
  /** Proves to the backend that a request came through the gate. */
  secret: string;
}

/** An issued token. */
export interface IssuedToken {
  /** The token, which fits in one segment of a path. */
  token: string;
  /** Its {@linkcode Access.secret}. */
  secret: string;
}

/** What a token turned out to be. */
export type Reading =
  | { kind: "valid"; access: Access }
  /** Not a token, or its signature is wrong. */
  | { kind: "invalid" }
  /** Signed with a secret that is not, or no longer, one of the keys. */
  | { kind: "unknown-key" }
  | { kind: "expired"; access: Access };

/** The longest token, in characters: a server must accept it in a path. */
export const MAX_TOKEN = 24 * 1024;
/** The shortest secret, in bytes: as long as the hash (RFC 7518, section 3.2). */
const MIN_SECRET = 32;
const ALGORITHM = { name: "HMAC", hash: "SHA-256" };

/** Signs and reads tokens with a set of keys. */
export class Tokens {
  /** By the first part of a token, which names the key. */
  #keys!: ReadonlyMap<string, Promise<CryptoKey>>;
  #signing!: string;

  /** See {@linkcode Tokens.rotate}. */
  constructor(keys: readonly GateKey[]) {
    this.rotate(keys);
  }

  /**
   * Replaces the keys: the first signs, all verify. To rotate a secret without a cut,
   * put the new key first, and remove the old one when its tokens have expired.
   *
   * @throws {TypeError} if there is no key, or an id is invalid or given twice
   * @throws {RangeError} if a secret is shorter than 32 bytes
   */
  rotate(keys: readonly GateKey[]): void {
    const imported = new Map<string, Promise<CryptoKey>>();
    for (const { id, secret } of keys) {
      if (!/^[\w-]{1,64}$/.test(id)) {
        throw new TypeError(
          "the id of a key must be 1 to 64 letters, digits, - or _",
        );
      }
      const header = headerOf(id);
      if (imported.has(header)) {
        throw new TypeError(`two keys have the id ${id}`);
      }
      const bytes = new TextEncoder().encode(secret);
      if (bytes.length < MIN_SECRET) {
        throw new RangeError(
          `the secret of key ${id} must have at least ${MIN_SECRET} bytes; got ${bytes.length}`,
        );
      }
      const key = crypto.subtle.importKey("raw", bytes, ALGORITHM, false, [
        "sign",
        "verify",
      ]);
      imported.set(header, key);
    }
    const [first] = imported.keys();
    if (first === undefined) {
      throw new TypeError("a gate needs at least one key");
    }
    this.#keys = imported;
    this.#signing = first;
  }

  /**
   * Signs a token; `nonce` makes it unique.
   * @throws {RangeError} if `user` and `auth` make it longer than {@linkcode MAX_TOKEN}
   */
  async issue(
    { backendId, user, auth, issued, expires }: Omit<Access, "secret">,
    nonce: string,
  ): Promise<IssuedToken> {
    const header = this.#signing;
    const key = await this.#keys.get(header)!;
    // Registered names (RFC 7519, section 4.1), whose dates are in seconds.
    const claims = {
      aud: backendId,
      sub: user,
      auth,
      iat: issued / 1000,
      ...(expires === Infinity ? {} : { exp: expires / 1000 }),
      jti: nonce,
    };
    const body = encodeText(JSON.stringify(claims));
    const signed = `${header}.${body}`;
    const token = `${signed}.${await sign(key, signed)}`;
    if (token.length > MAX_TOKEN) {
      throw new RangeError(
        `user and auth: too long for a connection token (${token.length} of at most ${MAX_TOKEN} characters)`,
      );
    }
    return { token, secret: await secretOf(key, signed) };
  }

  /** Reads a token at the time `now`, in milliseconds since 1970. */
  async read(token: string, now: number): Promise<Reading> {
    const [header, body, signature, ...rest] = token.length > MAX_TOKEN
      ? []
      : token.split(".");
    if (
      header === undefined || body === undefined || signature === undefined ||
      rest.length > 0
    ) return { kind: "invalid" };
    const key = await this.#keys.get(header);
    if (!key) return { kind: isHeader(header) ? "unknown-key" : "invalid" };
    const signed = `${header}.${body}`;
    const bytes = decode(signature);
    if (
      // In constant time, so that nothing about the right signature leaks.
      !bytes || !await crypto.subtle.verify("HMAC", key, bytes, utf8(signed))
    ) return { kind: "invalid" };
    const claims = parse(body);
    if (!claims) return { kind: "invalid" };
    const access = { ...claims, secret: await secretOf(key, signed) };
    return { kind: now < access.expires ? "valid" : "expired", access };
  }
}

/** The first part of a token that is signed with the key `id`. */
function headerOf(id: string): string {
  return encodeText(JSON.stringify({ alg: "HS256", kid: id }));
}

/** Whether `header` begins a token of some gate. */
function isHeader(header: string): boolean {
  const value = parseJson(header);
  return isObject(value) && typeof value.kid === "string" &&
    headerOf(value.kid) === header;
}

/** The claims of a token whose signature is right. */
function parse(body: string): Omit<Access, "secret"> | undefined {
  const value = parseJson(body);
  if (!isObject(value)) return undefined;
  const { aud, sub, auth, iat, exp } = value;
  if (
    typeof aud !== "string" || typeof iat !== "number" ||
    sub !== undefined && typeof sub !== "string" ||
    auth !== undefined && !isObject(auth) ||
    exp !== undefined && typeof exp !== "number"
  ) return undefined;
  return {
    backendId: aud,
    user: sub,
    auth,
    issued: Math.round(iat * 1000),
    expires: exp === undefined ? Infinity : Math.round(exp * 1000),
  };
}

function parseJson(part: string): unknown {
  const bytes = decode(part);
  if (!bytes) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

async function sign(key: CryptoKey, text: string): Promise<string> {
  const bytes = await crypto.subtle.sign("HMAC", key, utf8(text));
  return encode(new Uint8Array(bytes));
}

/** What the gate proves itself with; no token is ever signed as this text. */
function secretOf(key: CryptoKey, signed: string): Promise<string> {
  return sign(key, `secret:${signed}`);
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function encodeText(text: string): string {
  return encode(utf8(text));
}

/** Base64url without padding (RFC 4648, section 5). */
export function encode(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_")
    .replace(/=+$/, "");
}

/** The bytes of a base64url text; `undefined` unless it is their only spelling. */
function decode(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]*$/.test(text)) return undefined;
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
    // The last character has bits that mean nothing.
    return encode(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}
