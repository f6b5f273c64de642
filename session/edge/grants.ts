/**
 * Reads the return value of `authorize`, strictly: only a value that is clearly a
 * grant lets a request in. No I/O.
 *
 * Values are recognized by shape rather than `instanceof`: a server or a second copy
 * of a library may have its own `Response` class, and a refusal that went
 * unrecognized would let the request in.
 */
import type { ConnectRequest } from "../../types.ts";
import { ProxyError } from "../pass/failure.ts";
import { relay } from "../pass/relay.ts";

/** The part of a grant that does not say who the user is. */
export interface GrantScope {
  /**
   * The key of the backend, not empty. A `key` that is present but `undefined`
   * is an error, so that a failed lookup never falls back to the name that the
   * client chose. @default the name in the path
   */
  key?: string;
  /** More data about the user; reaches the backend as `x-verified-user-data`. */
  auth?: Record<string, unknown> | undefined;
  /** Whether and how to spawn a backend if none holds the key. @default {true} */
  spawn?: ConnectRequest["spawn"];
}

/** Lets a named user in. */
export interface UserGrant extends GrantScope {
  /** The user's name, not empty; reaches the backend as `x-verified-username`. */
  user: string;
  /** A named user is not anonymous. */
  anonymous?: false;
}

/** Explicitly lets a request in without a user. */
export interface AnonymousGrant extends GrantScope {
  /** Confirms that the request may pass without a user. */
  anonymous: true;
  /** An anonymous request has no user. */
  user?: never;
}

/**
 * Lets a request in: `{ user: "ada" }`, or `{ anonymous: true }` for a request
 * without a user. Unknown fields are an error, so that a refusal in an unexpected
 * form is not mistaken for a grant.
 */
export type SessionGrant = UserGrant | AnonymousGrant;

/** The decision of `authorize`. */
export type Decision =
  | { kind: "granted"; grant: SessionGrant }
  | { kind: "answered"; response: Response }
  | { kind: "refused" };

/** The fields of a grant, and a check for each that is present. */
const MEMBERS: ReadonlyMap<string, (value: unknown) => boolean> =
  /* @__PURE__ */ new Map<string, (value: unknown) => boolean>([
    ["user", isName],
    ["anonymous", (value) => typeof value === "boolean"],
    ["key", isName],
    ["auth", (value) => value === undefined || isPlainObject(value)],
    [
      "spawn",
      (value) =>
        value === undefined || typeof value === "boolean" ||
        isPlainObject(value),
    ],
  ]);

/**
 * Reads the return value of `authorize`.
 *
 * @throws {ProxyError} 500 for anything but a grant, a Response, `null`,
 * `undefined` or `false`; its cause names the mistake without quoting values
 */
export function readDecision(value: unknown): Decision {
  if (value === null || value === undefined || value === false) {
    return { kind: "refused" };
  }
  if (isResponse(value)) {
    return { kind: "answered", response: ownResponse(value) };
  }
  return { kind: "granted", grant: readGrant(value) };
}

/** Copies the own, enumerable fields of `value` into a grant, reading each once. */
function readGrant(value: unknown): SessionGrant {
  if (!isPlainObject(value)) throw misused(`got ${describe(value)}`);
  const grant: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const member = value[name];
    const valid = MEMBERS.get(name);
    if (!valid) throw misused(`a grant has no field ${JSON.stringify(name)}`);
    if (!valid(member)) {
      throw misused(`${name} must not be ${describe(member)}`);
    }
    grant[name] = member;
  }
  const anonymous = grant.anonymous === true;
  if (anonymous === ("user" in grant)) {
    throw misused(
      anonymous
        ? "a grant has user or anonymous, not both"
        : "a grant needs user; { anonymous: true } lets a request in without one",
    );
  }
  return grant as unknown as SessionGrant;
}

function misused(fault: string): ProxyError {
  return new ProxyError(
    500,
    "the application failed to authorize this request",
    {
      cause: new TypeError(
        `authorize must return a grant such as { user }, a Response, or null to refuse: ${fault}`,
      ),
    },
  );
}

/** Describes a value by its kind, never its content. */
function describe(value: unknown): string {
  if (value === "") return "an empty string";
  if (value === null || value === undefined) return `${value}`;
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return typeof value === "object" ? `an object (${tag})` : `a ${typeof value}`;
}

function isName(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

/** Whether `value` is an object literal of any realm, or has no prototype. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (Object.prototype.toString.call(value) !== "[object Object]") return false;
  const prototype = Object.getPrototypeOf(value);
  // A plain object's prototype is an `Object.prototype` of some realm, which has no
  // prototype itself; an instance of a class has a longer chain.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Whether `value` is a Response of any class or realm. */
function isResponse(value: unknown): value is Response {
  const response = Object(value) as Partial<Response>;
  return typeof value === "object" && typeof response.status === "number" &&
    typeof response.headers?.get === "function" &&
    typeof response.arrayBuffer === "function";
}

/**
 * Converts to this runtime's own Response class, because the runtime may be unable
 * to send one of another class.
 *
 * @throws {ProxyError} 500 if it cannot be sent, such as `Response.error()`
 */
function ownResponse(response: Response): Response {
  const { status, statusText, headers, body } = response;
  try {
    // The stream, too, may come from another realm or library.
    return new Response(body && relay(body.getReader()).body, {
      status,
      statusText,
      headers: [...headers],
    });
  } catch {
    throw misused(
      `got a Response that cannot be sent (status ${Number(status)})`,
    );
  }
}
