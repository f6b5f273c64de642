/**
 * The errors of SocketCluster, their form on the wire, and the meaning of close codes.
 *
 * An error from the server is a plain `Error` with the server's `name` and properties,
 * so test `error.name` rather than `instanceof`.
 */
import {
  FeedlineError,
  type FeedlineErrorCode,
  isFeedlineError,
} from "../../net/errors.ts";
import { tagOf } from "../../net/shape.ts";
import { TimeoutError } from "../streams.ts";

export { OverflowError, TimeoutError } from "../streams.ts";

/** Details of a call that failed without a response from the server. */
export interface CallFailure {
  /**
   * Whether the call had been passed to the network. If `false`, the server has not
   * seen it. If `true`, it may have seen and performed it.
   */
  sent?: boolean;
}

/** The base class of this client's errors. `name` is an own property, as on the wire. */
export class SocketClusterError<
  Code extends FeedlineErrorCode | number = FeedlineErrorCode | number,
> extends FeedlineError<Code> implements CallFailure {
  /** The kind of error. */
  override name = "SocketClusterError";
  /** If a call failed: whether it had been passed to the network. */
  declare sent?: boolean; // no property, unless a call failed

  /** `options.cause` is the error that led to this one. */
  constructor(message: string, options?: ErrorOptions, code?: Code) {
    super(code ?? "SOCKETCLUSTER" as Code, message, options);
  }
}

/** Whether this client created the error; an error from the server is a plain `Error`. */
export function isOwnError(error: unknown): boolean {
  return isFeedlineError(error);
}

/** Whether a call failed because the connection was lost or never established. */
export function isBadConnection(error: unknown): boolean {
  return isFeedlineError(error) && error.name === "BadConnectionError";
}

/** An argument or option is invalid. */
export class InvalidArgumentsError
  extends SocketClusterError<"INVALID_ARGUMENT"> {
  /** The name of the class. */
  override name = "InvalidArgumentsError";

  /** `options.cause` is the error that led to this one. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options, "INVALID_ARGUMENT");
  }
}

/** A message violates the protocol, or cannot be encoded. */
export class InvalidMessageError extends SocketClusterError<"INVALID_MESSAGE"> {
  /** The name of the class. */
  override name = "InvalidMessageError";

  /** `options.cause` is the error that led to this one. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options, "INVALID_MESSAGE");
  }
}

/** An operation is not possible in the current state. */
export class InvalidActionError extends SocketClusterError<"INVALID_STATE"> {
  /** The name of the class. */
  override name = "InvalidActionError";

  /** `options.cause` is the error that led to this one. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options, "INVALID_STATE");
  }
}

/** A limit was reached, e.g. that of the outbound queue. */
export class ResourceLimitError extends SocketClusterError<"LIMIT_REACHED"> {
  /** The name of the class. */
  override name = "ResourceLimitError";

  /** `options.cause` is the error that led to this one. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options, "LIMIT_REACHED");
  }
}

/** The connection was closed with a code that indicates an error. */
export class SocketProtocolError extends SocketClusterError<number> {
  /** The name of the class. */
  override name = "SocketProtocolError";

  /** `code` is the close code; `cause` may be the reason why the WebSocket did not open. */
  constructor(message: string, code: number, options?: ErrorOptions) {
    super(message, options, code);
  }
}

/** A call failed because the connection was lost or never established. */
export class BadConnectionError extends SocketClusterError<number> {
  /** The name of the class. */
  override name = "BadConnectionError";
  /** Whether an open connection was lost, or none was established. */
  type: "disconnect" | "connectAbort";
  /** The close reason. */
  reason: string;

  /** `code` and `reason` are those of the close. */
  constructor(
    message: string,
    type: "disconnect" | "connectAbort",
    code = 1001,
    reason: string = ignoreStatuses[code] ?? "",
  ) {
    super(message, undefined, code);
    this.type = type;
    this.reason = reason;
  }
}

/** Close codes that indicate a normal end, with their meanings. */
export const ignoreStatuses: Readonly<Record<number, string>> = {
  1000: "Socket closed normally",
  1001: "Socket was disconnected",
};

/** Close codes that indicate an error, with their meanings. */
export const errorStatuses: Readonly<Record<number, string>> = {
  1001: "Socket was disconnected",
  1002: "A WebSocket protocol error was encountered",
  1003: "Server terminated socket because it received invalid data",
  1005: "Socket closed without status code",
  1006: "Socket hung up",
  1007: "Message format was incorrect",
  1008: "Encountered a policy violation",
  1009: "Message was too big to process",
  1010:
    "Client ended the connection because the server did not comply with extension requirements",
  1011: "Server encountered an unexpected fatal condition",
  4000: "Server ping timed out",
  4001: "Client pong timed out",
  4002: "Server failed to sign auth token",
  4003: "Failed to complete handshake",
  4004: "Client failed to save auth token",
  4005: "Did not receive #handshake from client before timeout",
  4006: "Failed to bind socket to message broker",
  4007: "Client connection establishment timed out",
  4008: "Server rejected handshake from client",
  4009: "Server received a message before the client handshake",
};

/** The error for a close code; `undefined` for a normal end. */
export function protocolError(
  code: number,
  reason: string | undefined,
  cause?: unknown,
): SocketProtocolError | undefined {
  if (code in ignoreStatuses) return undefined;
  const message = errorStatuses[code] ??
    `Socket connection closed with status code ${code}` +
      (typeof reason === "string" ? ` and reason: ${reason}` : "");
  return new SocketProtocolError(
    message,
    code,
    cause === undefined ? undefined : { cause },
  );
}

/** The error for a call without a response in time. */
export function callTimeout(event: string): TimeoutError {
  return new TimeoutError(`Event response for ${event} event timed out`);
}

/**
 * Converts an error from the wire to an `Error`. Strings and other values stay
 * unchanged; `undefined` becomes `null`.
 */
export function hydrateError(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value !== "object") return value;
  const { message, name, ...rest } = value as Record<string, unknown>;
  const error = new Error(
    typeof message === "string" ? message : "Invalid error message format",
  );
  if (typeof name === "string") error.name = name;
  for (const [key, property] of Object.entries(rest)) {
    // The server must not replace members that every Error has or inherits.
    if (key in error) continue;
    (error as unknown as Record<string, unknown>)[key] = property;
  }
  return error;
}

/**
 * Converts an error to its form on the wire: its message and own enumerable properties
 * (`name` only if it is one). An object that occurs again becomes
 * `{"$ref": <JSONPath of the first>}`.
 */
export function dehydrateError(error: unknown): unknown {
  if (typeof error === "function") {
    return `[function ${error.name || "anonymous"}]`;
  }
  if (typeof error !== "object" || error === null) return error;
  // On our errors `name` is an own, enumerable property; elsewhere it is inherited.
  const sent: Record<string, unknown> = {
    message: (error as Error).message,
    ...error,
  };
  // Peers expect close codes, not the string codes of this package.
  if (isFeedlineError(error) && typeof error.code === "string") {
    delete sent.code;
  }
  return withoutCycles(sent, "$", new Map());
}

/** Kinds of objects, of any realm, that must reach the codec unchanged. */
const EXOTIC: ReadonlySet<string> = new Set([
  "Date",
  "RegExp",
  "Number",
  "String",
  "Boolean",
  "ArrayBuffer",
]);

function withoutCycles(
  value: unknown,
  path: string,
  seen: Map<object, string>,
): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value) || EXOTIC.has(tagOf(value))) return value;
  const first = seen.get(value);
  if (first !== undefined) return { $ref: first };
  seen.set(value, path);
  if (Array.isArray(value)) {
    return value.map((item, i) => withoutCycles(item, `${path}[${i}]`, seen));
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      withoutCycles(item, `${path}[${JSON.stringify(key)}]`, seen),
    ]),
  );
}
