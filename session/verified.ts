/** Tells a session backend which user a request comes from, as the platform verified it. */
import { isObject } from "../net/shape.ts";

/** What the platform has verified about a request. */
export interface VerifiedUser<Auth extends object = Record<string, unknown>> {
  /** `user` of the connect request. */
  user: string | undefined;
  /** `auth` of the connect request; an empty object if there was none. */
  auth: Auth;
  /** The `secret_token` of the connect response. */
  secret: string | undefined;
  /** The path as the client sent it, with the connection token: a secret. */
  path: string | undefined;
  /** The id of this backend. */
  backendId: string | undefined;
}

/**
 * Reads the `x-verified-*` headers of a request that reached a session backend.
 * The platform's proxy sets them and drops any that a client sends, so you can
 * trust them in a backend that only the proxy can reach.
 *
 * The proxy sends text as UTF-8 bytes, which `Headers` presents as one character per
 * byte; this function decodes them.
 *
 * Pass the type of `auth` as the type argument if you know it. It is not checked,
 * because `auth` is what your own application passed to `connect`.
 *
 * ```ts
 * import { verifiedUser } from "@feedline/feedline/server";
 *
 * const headers = new Headers({
 *   "x-verified-username": "ada",
 *   "x-verified-user-data": '{"role":"editor"}',
 * });
 * const { user, auth } = verifiedUser<{ role?: string }>(headers);
 * console.log(user, auth.role); // ada editor
 * ```
 *
 * @throws {TypeError} if the argument is not a `Headers` object; Node's
 * `request.headers` is a plain object
 */
export function verifiedUser<Auth extends object = Record<string, unknown>>(
  headers: Headers,
): VerifiedUser<Auth> {
  if (typeof headers?.get !== "function") {
    throw new TypeError(
      "verifiedUser needs a Headers object; in Node, pass new Headers(request.headers)",
    );
  }
  const read = (name: string) => {
    const value = headers.get(`x-verified-${name}`);
    return value === null ? undefined : decode(value);
  };
  return {
    user: read("username"),
    auth: parseObject(read("user-data")) as Auth,
    secret: read("secret") || undefined,
    path: read("path"),
    backendId: read("backend"),
  };
}

/** Decodes UTF-8 bytes given as one character each. */
function decode(value: string): string {
  // Where `Headers` holds text and not bytes (workerd), it needs no decoding.
  if (/[\u0100-\uffff]/.test(value)) return value;
  const bytes = Uint8Array.from(value, (char) => char.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Not UTF-8: the proxy sends Latin-1.
    return value;
  }
}

function parseObject(text: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
