/** Hides what looks like a secret, before a path or a message is shown. No I/O. */
import { isObject } from "../../../net/shape.ts";

/** What a secret is replaced with. */
export const HIDDEN = "•••";

/** Names of fields and parameters that hold secrets. */
const SECRET_NAME =
  /token|secret|passw|passphrase|credential|authorization|cookie|api[-_]?key|private[-_]?key|signature|jwt|^(auth|pwd|pin|otp|sid|session)$/i;
/** A JSON Web Token, or its beginning; this platform's own tokens are some. */
const TOKEN = /(?<![\w-])eyJ[\w-]{8,}(?:\.[\w-]*){0,2}/g;
/** A field with text in JSON that could not be parsed, e.g. because it was cut. */
const FIELD = /"((?:[^"\\]|\\.)*)"(\s*:\s*)"(?:[^"\\]|\\.)*"?/g;

/** Whether a field or a parameter of this name holds a secret. */
function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** Hides tokens in `text`, wherever they are. */
export function redactText(text: string): string {
  return text.replace(TOKEN, HIDDEN).replace(
    FIELD,
    (field, name: string, colon: string) =>
      isSecretName(name) ? `"${name}"${colon}"${HIDDEN}"` : field,
  );
}

/** Hides the values of parameters with such names in a path with a query, and tokens. */
export function redactPath(path: string): string {
  const start = path.indexOf("?");
  if (start < 0) return redactText(path);
  const query = path.slice(start + 1).split("&").map((part) => {
    const equals = part.indexOf("=");
    if (equals < 0) return part;
    const name = part.slice(0, equals);
    return isSecretName(name) ? `${name}=${HIDDEN}` : part;
  });
  return redactText(`${path.slice(0, start)}?${query.join("&")}`);
}

/** A copy of a JSON value in which the values of fields with such names are hidden. */
export function redactJson(value: unknown): unknown {
  if (typeof value === "string") return value.replace(TOKEN, HIDDEN);
  if (Array.isArray(value)) return value.map(redactJson);
  if (!isObject(value)) return value;
  // `fromEntries` defines properties, so that a field named `__proto__` stays one.
  return Object.fromEntries(
    Object.entries(value).map((
      [name, each],
    ) => [
      name,
      isSecretName(name) && each !== null && typeof each !== "boolean"
        ? HIDDEN
        : redactJson(each),
    ]),
  );
}
