/** The `x-verified-*` headers, which only the gate sets. No I/O. */
import type { Access } from "./token.ts";

/** The user of a connection, as a connect request gives it. */
export interface Identity {
  /** The user's name. */
  user?: string | undefined;
  /** More data about the user. */
  auth?: Record<string, unknown> | undefined;
}

/** The most characters of `user` and of `auth`, so that they fit in a request's headers. */
const MAX_HEADER = 8 * 1024;

/**
 * Checks that headers can carry an identity.
 * @throws {TypeError} naming the field if they cannot
 */
export function checkIdentity(identity: Identity): void {
  encodeIdentity(identity);
}

/** The headers that tell a backend who a request comes from. `path` is as the client sent it. */
export function verifiedHeaders(
  access: Access,
  path: string,
): Record<string, string | undefined> {
  const { user, userData } = encodeIdentity(access);
  return {
    "x-verified-username": sendsUtf8() ? access.user : user,
    "x-verified-user-data": userData,
    "x-verified-secret": access.secret,
    "x-verified-path": path,
    "x-verified-backend": access.backendId,
  };
}

let utf8: boolean | undefined;

/** Whether this runtime sends the text of a header as UTF-8, as workerd does. */
function sendsUtf8(): boolean {
  if (utf8 !== undefined) return utf8;
  try {
    // The Fetch standard allows only characters that are sent as one byte.
    new Headers({ "x-verified-username": "✓" });
    return utf8 = true;
  } catch {
    return utf8 = false;
  }
}

/**
 * The user as UTF-8 bytes, as Plane sends them (`verifiedUser` decodes them), the rest as
 * JSON in ASCII.
 */
function encodeIdentity(
  { user: name, auth }: Identity,
): { user: string | undefined; userData: string | undefined } {
  // deno-lint-ignore no-control-regex
  if (name !== undefined && /[\x00-\x1f\x7f]/.test(name)) {
    throw new TypeError(
      "user: must not contain control characters, which a header cannot carry",
    );
  }
  const user = name === undefined
    ? undefined
    : Array.from(new TextEncoder().encode(name), (byte) =>
      String.fromCharCode(byte)).join("");
  let userData: string | undefined;
  try {
    userData = auth && JSON.stringify(auth).replace(
      /[\x7f-\uffff]/g,
      (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0"),
    );
  } catch {
    throw new TypeError("auth: too deeply nested");
  }
  for (const [field, value] of Object.entries({ user, auth: userData })) {
    if (value && value.length > MAX_HEADER) {
      throw new TypeError(
        `${field}: too long for a header (at most ${MAX_HEADER} characters)`,
      );
    }
  }
  return { user, userData };
}
