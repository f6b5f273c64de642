/**
 * Feedme 0.1 on the wire: every message, its shape, and how it is written and
 * checked. Client and server share this file; it knows nothing of
 * connections.
 *
 * Beside the specification it takes what the servers on npm send:
 * `ActionRevelation`, the old name of `FeedAction`, and a `ClientId` in the
 * handshake.
 *
 * @see {@link https://github.com/aarong/feedme-spec}
 */

/** A JSON value. Feed data is never changed in place, hence `readonly`. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | JsonObject;

/** A JSON object. */
export interface JsonObject {
  /** Any name, `__proto__` too, is an ordinary one. */
  readonly [name: string]: Json;
}

/** The arguments of a feed: zero or more strings. */
export type FeedArgs = { readonly [name: string]: string };

/** The version of the protocol. */
export const VERSION = "0.1";

/** The operations on feed data, and the type of `Value` that each takes. */
const OPERATIONS: ReadonlyMap<string, "any" | "string" | "number" | "none"> =
  /* @__PURE__ */ new Map(
    [
      ["Set", "any"],
      ["Delete", "none"],
      ["DeleteValue", "any"],
      ["Prepend", "string"],
      ["Append", "string"],
      ["Increment", "number"],
      ["Decrement", "number"],
      ["Toggle", "none"],
      ["InsertFirst", "any"],
      ["InsertLast", "any"],
      ["InsertBefore", "any"],
      ["InsertAfter", "any"],
      ["DeleteFirst", "none"],
      ["DeleteLast", "none"],
    ] as const,
  );

/** Leads to a place in the feed data: property names and element indexes. */
export type DeltaPath = readonly (string | number)[];

/** One change of the feed data. */
export type Delta =
  | {
    Operation:
      | "Set"
      | "DeleteValue"
      | "InsertFirst"
      | "InsertLast"
      | "InsertBefore"
      | "InsertAfter";
    Path: DeltaPath;
    Value: Json;
  }
  | { Operation: "Prepend" | "Append"; Path: DeltaPath; Value: string }
  | { Operation: "Increment" | "Decrement"; Path: DeltaPath; Value: number }
  | {
    Operation: "Delete" | "Toggle" | "DeleteFirst" | "DeleteLast";
    Path: DeltaPath;
  };

/** Which feed a message is about. */
interface FeedRef {
  FeedName: string;
  FeedArgs: FeedArgs;
}

/** What a client sends. */
export type ClientMessage =
  | { MessageType: "Handshake"; Versions: string[] }
  | {
    MessageType: "Action";
    ActionName: string;
    ActionArgs: JsonObject;
    CallbackId: string;
  }
  | { MessageType: "FeedOpen" } & FeedRef
  | { MessageType: "FeedClose" } & FeedRef;

/** The server's word on an action or a feed that it refuses. */
interface Refusal {
  Success: false;
  ErrorCode: string;
  ErrorData: JsonObject;
}

/** What a server sends. */
export type ServerMessage =
  | { MessageType: "ViolationResponse"; Diagnostics: JsonObject }
  | {
    MessageType: "HandshakeResponse";
    Success: true;
    Version: string;
    ClientId?: string;
  }
  | { MessageType: "HandshakeResponse"; Success: false }
  | { MessageType: "ActionResponse"; CallbackId: string }
    & (
      | { Success: true; ActionData: JsonObject }
      | Refusal
    )
  | { MessageType: "FeedOpenResponse" }
    & FeedRef
    & (
      | { Success: true; FeedData: JsonObject }
      | Refusal
    )
  | { MessageType: "FeedCloseResponse" } & FeedRef
  | {
    MessageType: "FeedAction" | "ActionRevelation";
    ActionName: string;
    ActionData: JsonObject;
    FeedDeltas: readonly Delta[];
    FeedMd5?: string;
  } & FeedRef
  | {
    MessageType: "FeedTermination";
    ErrorCode: string;
    ErrorData: JsonObject;
  } & FeedRef;

/** Whether `value` is an object or an array. */
export function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Whether `value` is an object in the sense of JSON: no array, not `null`. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return isContainer(value) && !Array.isArray(value);
}

/** Whether `value` can be the arguments of a feed. */
export function isFeedArgs(value: unknown): value is FeedArgs {
  if (!isObject(value)) return false;
  for (const name of Object.keys(value)) {
    if (typeof value[name] !== "string") return false;
  }
  return true;
}

/**
 * Tells feeds apart by name and arguments, whatever the order of the
 * arguments. Lengths make it unambiguous.
 */
export function feedKey(name: string, args: FeedArgs): string {
  const names = Object.keys(args);
  if (names.length === 0) return `:${name}`;
  if (names.length > 1) names.sort();
  let key = "";
  for (const each of names) {
    const value = args[each]!;
    key += `${each.length}:${value.length}:${each}${value}`;
  }
  return `${key}:${name}`;
}

const MISFIT = "Missing or extraneous property.";

/** Tells what is wrong with a value, or nothing. */
type Check = (value: unknown) => string | undefined;

const isText: Check = (value) =>
  typeof value === "string" ? undefined : "Not a string.";

const isRecord: Check = (value) =>
  isObject(value) ? undefined : "Not an object.";

const isArgs: Check = (value) =>
  isFeedArgs(value)
    ? undefined
    : isRecord(value) ?? "One or more properties is not a string.";

const isMd5: Check = (value) =>
  typeof value === "string" && value.length === 24
    ? undefined
    : "Not a 24-character string.";

const isDeltas: Check = (value) => {
  if (!Array.isArray(value)) return "Not an array.";
  for (let index = 0; index < value.length; index++) {
    const reason = checkDelta(value[index]);
    if (reason !== undefined) return `Element ${index} > ${reason}`;
  }
  return undefined;
};

/** Tells where `value` departs from the shape of a delta, or nothing. */
export function checkDelta(value: unknown): string | undefined {
  if (!isObject(value)) return "Not an object.";
  const operation = value.Operation;
  const kind = typeof operation === "string"
    ? OPERATIONS.get(operation)
    : undefined;
  if (kind === undefined) return "Operation > Missing or invalid.";
  const reason = checkDeltaBody(value, kind);
  return reason && `(${operation} Delta) ${reason}`;
}

function checkDeltaBody(
  delta: Record<string, unknown>,
  kind: "any" | "string" | "number" | "none",
): string | undefined {
  const count = kind === "none" ? 2 : 3;
  if (
    Object.keys(delta).length !== count || !Object.hasOwn(delta, "Path") ||
    (kind !== "none" && !Object.hasOwn(delta, "Value"))
  ) return MISFIT;
  const { Path: path, Value: operand } = delta;
  if (!Array.isArray(path)) return "Path > Not an array.";
  for (let index = 0; index < path.length; index++) {
    const element = path[index];
    if (
      typeof element !== "string" &&
      !(Number.isInteger(element) && element >= 0)
    ) {
      return `Path > Element ${index} > Not a string or non-negative integer.`;
    }
  }
  if (kind === "string") {
    if (typeof operand !== "string") return "Value > Not a string.";
  } else if (kind === "number" && !Number.isFinite(operand)) {
    return "Value > Not a number.";
  }
  return undefined;
}

/** The properties of a closed object beside its type. */
type Shape = readonly (readonly [string, Check, optional?: true])[];

/** By type: the shape, or the shapes if `Success` is true and if it is false. */
type Shapes = ReadonlyMap<unknown, readonly [Shape, onFailure?: Shape]>;

const FEED: Shape = [["FeedName", isText], ["FeedArgs", isArgs]];
const REFUSAL: Shape = [["ErrorCode", isText], ["ErrorData", isRecord]];
const ID: Shape = [["CallbackId", isText]];
const FEED_ACTION: Shape = [
  ...FEED,
  ["ActionName", isText],
  ["ActionData", isRecord],
  ["FeedDeltas", isDeltas],
  ["FeedMd5", isMd5, true],
];

const SERVER_MESSAGES: Shapes = /* @__PURE__ */ new Map<
  string,
  [Shape, Shape?]
>([
  ["ViolationResponse", [[["Diagnostics", isRecord]]]],
  ["HandshakeResponse", [
    [["Version", isText], ["ClientId", isText, true]],
    [],
  ]],
  ["ActionResponse", [
    [...ID, ["ActionData", isRecord]],
    [...ID, ...REFUSAL],
  ]],
  ["FeedOpenResponse", [
    [...FEED, ["FeedData", isRecord]],
    [...FEED, ...REFUSAL],
  ]],
  ["FeedCloseResponse", [FEED]],
  ["FeedAction", [FEED_ACTION]],
  ["ActionRevelation", [FEED_ACTION]],
  ["FeedTermination", [[...FEED, ...REFUSAL]]],
]);

const CLIENT_MESSAGES: Shapes = /* @__PURE__ */ new Map<string, [Shape]>([
  ["Handshake", [[["Versions", isVersions]]]],
  ["Action", [[["ActionName", isText], ["ActionArgs", isRecord], [
    "CallbackId",
    isText,
  ]]]],
  ["FeedOpen", [FEED]],
  ["FeedClose", [FEED]],
]);

function isVersions(value: unknown): string | undefined {
  if (!Array.isArray(value)) return "Not an array.";
  if (value.length === 0) return "Empty.";
  return value.every((version) => typeof version === "string")
    ? undefined
    : "One or more elements is not a string.";
}

/** Tells where `message` departs from the shape of its type, or nothing. */
function checkMessage(message: unknown, shapes: Shapes): string | undefined {
  if (!isObject(message)) return "Not an object.";
  const type = Object.hasOwn(message, "MessageType")
    ? message.MessageType
    : undefined;
  const found = shapes.get(type);
  if (!found) return "MessageType > Missing or invalid.";
  const reason = checkShape(message, ...found);
  return reason && `(${type} Message) ${reason}`;
}

/** Tells where `message` departs from a closed shape, or nothing. */
function checkShape(
  message: Record<string, unknown>,
  shape: Shape,
  onFailure?: Shape,
): string | undefined {
  let count = 1;
  if (onFailure) {
    const success = Object.hasOwn(message, "Success")
      ? message.Success
      : undefined;
    if (typeof success !== "boolean") return "Success > Missing or invalid.";
    if (!success) shape = onFailure;
    count = 2;
  }
  let problem: string | undefined;
  for (const [name, check, optional] of shape) {
    if (Object.hasOwn(message, name)) {
      count++;
      const reason = check(message[name]);
      if (reason !== undefined) problem ??= `${name} > ${reason}`;
    } else if (!optional) return MISFIT;
  }
  return Object.keys(message).length === count ? problem : MISFIT;
}

/** Tells where `message` departs from the messages of a server, or nothing. */
export function checkServerMessage(message: unknown): string | undefined {
  return checkMessage(message, SERVER_MESSAGES);
}

/** Tells where `message` departs from the messages of a client, or nothing. */
export function checkClientMessage(message: unknown): string | undefined {
  return checkMessage(message, CLIENT_MESSAGES);
}

/** A message that was read, or why it could not be. */
export type Received =
  | { message: ServerMessage }
  | { message?: undefined; raw: string; parseError: Error }
  | { message?: undefined; raw: unknown; schemaViolation: string };

/** Reads a message of a server. Never throws. */
export function readServerMessage(text: string): Received {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    return { raw: text, parseError: error as Error };
  }
  const schemaViolation = checkServerMessage(raw);
  return schemaViolation === undefined
    ? { message: raw as ServerMessage }
    : { raw, schemaViolation };
}

/** Writes a message of a client. */
export function writeClientMessage(message: ClientMessage): string {
  return JSON.stringify(message);
}

/** A message of a client that was read, or why it could not be. */
export type ClientReceived =
  | { message: ClientMessage }
  | { message?: undefined; problem: string };

/** Reads a message of a client. Never throws. */
export function readClientMessage(text: string): ClientReceived {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return { problem: "Invalid JSON." };
  }
  return checkClientMessage(raw) === undefined
    ? { message: raw as ClientMessage }
    : { problem: "Schema violation." };
}

/** Writes a message of a server. */
export function writeServerMessage(message: ServerMessage): string {
  return JSON.stringify(message);
}
