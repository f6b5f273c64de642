/** Who asks, as a session backend learns it from the platform's proxy. */

/** What the platform vouches for in a request. */
export interface VerifiedUser {
  /** `user` of the connect request. */
  user: string | undefined;
  /** `auth` of the connect request; empty if there was none. */
  // deno-lint-ignore no-explicit-any
  auth: Record<string, any>;
  /** The `secret_token` of the connect response. */
  secret: string | undefined;
  /** The path as the client sent it, with the connection token: a secret. */
  path: string | undefined;
  /** The name of this backend. */
  backendId: string | undefined;
}

/**
 * Reads the `x-verified-*` headers of a request that reached a session backend.
 * The platform's proxy sets them and lets none of a client's pass, so they may
 * be believed, in a backend that is reached through the proxy alone.
 *
 * The proxy sends texts as the bytes of UTF-8, which `Headers` shows as if each
 * byte were a character; here they are what was meant.
 *
 * ```ts
 * import { verifiedUser } from "@feedline/feedline/server";
 *
 * const headers = new Headers({
 *   "x-verified-username": "ada",
 *   "x-verified-user-data": '{"role":"editor"}',
 * });
 * const { user, auth } = verifiedUser(headers);
 * console.log(user, auth.role);
 * ```
 *
 * @throws {TypeError} if these are no `Headers`: those of Node's own requests are
 * a plain object
 */
export function verifiedUser(headers: Headers): VerifiedUser {
  if (typeof headers?.get !== "function") {
    throw new TypeError(
      "verifiedUser needs Headers; in Node, new Headers(request.headers)",
    );
  }
  const read = (name: string) => {
    const value = headers.get(`x-verified-${name}`);
    return value === null ? undefined : decode(value);
  };
  return {
    user: read("username"),
    auth: parseObject(read("user-data")),
    secret: read("secret") || undefined,
    path: read("path"),
    backendId: read("backend"),
  };
}

/** Bytes that were shown as characters, as the text that they are in UTF-8. */
function decode(value: string): string {
  const bytes = Uint8Array.from(value, (char) => char.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // No UTF-8: a proxy that sends Latin-1.
    return value;
  }
}

function parseObject(text: string | undefined): Record<string, unknown> {
  try {
    const value = JSON.parse(text ?? "{}");
    return typeof value === "object" && value && !Array.isArray(value)
      ? value
      : {};
  } catch {
    return {};
  }
}
