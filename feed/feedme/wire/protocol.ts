/**
 * Feedme 0.1 on the wire: defines, checks and serializes every message. Client and
 * server share this file, which does not depend on connections.
 *
 * In addition to the specification, it accepts the dialect of the servers on npm:
 * `ActionRevelation`, the old name of `FeedAction`, and a `ClientId` in the handshake.
 *
 * It also has an extension, which our server speaks only to clients that offered the
 * subprotocol `feedme+alive` ({@linkcode ALIVE}), and announces in its response to the
 * handshake (`Alive`). Either side may then ask the other for a sign of life (`Alive`,
 * answered by `AliveResponse`). A feed whose server keeps a log (`LogId` in
 * `FeedOpenResponse`) can be resumed: `FeedOpen` says which actions the client has, and
 * after `FeedResumeResponse` the missing ones follow.
 *
 * @see {@link https://github.com/aarong/feedme-spec}
 */
import { isObject } from "../../../net/shape.ts";
import {
  DEFAULT_MAX_DEPTH,
  isNestedDeeper,
  type Json,
  type JsonObject,
  type JsonPath,
} from "./json.ts";

export { isObject } from "../../../net/shape.ts";
export { isContainer, type Json, type JsonObject } from "./json.ts";

/** The arguments of a feed: zero or more strings. */
export type FeedArgs = { readonly [name: string]: string };

/** The version of the protocol. */
export const VERSION = "0.1";

/** The subprotocol of WebSockets that carry Feedme. */
export const SUBPROTOCOL = "feedme";

/** The subprotocol that a client offers beside it if it understands the extension. */
export const ALIVE = "feedme+alive";

/** The path of a part of the feed data: property names and element indexes. */
export type DeltaPath = JsonPath;

/**
 * One change of the feed data. The union has one member per operation, so that the
 * compiler checks each `switch`.
 */
export type Delta =
  | { Operation: "Set"; Path: DeltaPath; Value: Json }
  | { Operation: "Delete"; Path: DeltaPath }
  | { Operation: "DeleteValue"; Path: DeltaPath; Value: Json }
  | { Operation: "Prepend"; Path: DeltaPath; Value: string }
  | { Operation: "Append"; Path: DeltaPath; Value: string }
  | { Operation: "Increment"; Path: DeltaPath; Value: number }
  | { Operation: "Decrement"; Path: DeltaPath; Value: number }
  | { Operation: "Toggle"; Path: DeltaPath }
  | { Operation: "InsertFirst"; Path: DeltaPath; Value: Json }
  | { Operation: "InsertLast"; Path: DeltaPath; Value: Json }
  | { Operation: "InsertBefore"; Path: DeltaPath; Value: Json }
  | { Operation: "InsertAfter"; Path: DeltaPath; Value: Json }
  | { Operation: "DeleteFirst"; Path: DeltaPath }
  | { Operation: "DeleteLast"; Path: DeltaPath };

/** How many levels of the feed data surround a delta's value once it is applied. */
export function levelsAround(delta: Delta): number {
  switch (delta.Operation) {
    case "Set":
    case "InsertBefore":
    case "InsertAfter":
      return delta.Path.length;
    case "InsertFirst":
    case "InsertLast":
      // The path leads to the array that receives the value.
      return delta.Path.length + 1;
    case "DeleteValue":
      // The value is only compared, and too deep a value would match nothing.
    case "Delete":
    case "Prepend":
    case "Append":
    case "Increment":
    case "Decrement":
    case "Toggle":
    case "DeleteFirst":
    case "DeleteLast":
      return 0;
    default:
      return delta satisfies never;
  }
}

/** Identifies the feed that a message is about. */
interface FeedRef {
  FeedName: string;
  FeedArgs: FeedArgs;
}

/** A message from a client. */
export type ClientMessage =
  | { MessageType: "Handshake"; Versions: string[] }
  | {
    MessageType: "Action";
    ActionName: string;
    ActionArgs: JsonObject;
    CallbackId: string;
  }
  | { MessageType: "FeedOpen" } & FeedRef & Partial<LogPosition>
  | { MessageType: "FeedClose" } & FeedRef
  | { MessageType: "Alive" | "AliveResponse" };

/** A position in the log of a feed: which actions of it a client has. */
export interface LogPosition {
  /** From the `FeedOpenResponse` with which the client's data began. */
  readonly LogId: string;
  /** How many actions it has received since. */
  readonly LogCount: number;
}

/** The server's reason to reject an action or a feed. */
interface Refusal {
  Success: false;
  ErrorCode: string;
  ErrorData: JsonObject;
}

/** A message from a server. */
export type ServerMessage =
  | { MessageType: "ViolationResponse"; Diagnostics: JsonObject }
  | {
    MessageType: "HandshakeResponse";
    Success: true;
    Version: string;
    ClientId?: string;
    Alive?: true;
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
      | { Success: true; FeedData: JsonObject; LogId?: string }
      | Refusal
    )
  | { MessageType: "FeedResumeResponse" } & FeedRef
  | { MessageType: "FeedCloseResponse" } & FeedRef
  | {
    MessageType: "FeedAction" | "ActionRevelation";
    ActionName: string;
    ActionData: JsonObject;
    FeedDeltas: readonly Delta[];
    FeedMd5?: string;
    /**
     * The pending action of this client that caused it. Not in the specification; sent
     * where the connection's subprotocol allows it.
     */
    CallbackId?: string;
  } & FeedRef
  | {
    MessageType: "FeedTermination";
    ErrorCode: string;
    ErrorData: JsonObject;
  } & FeedRef
  | { MessageType: "Alive" | "AliveResponse" };

/** Whether `value` is valid as the arguments of a feed. */
export function isFeedArgs(value: unknown): value is FeedArgs {
  return isObject(value) &&
    Object.values(value).every((each) => typeof each === "string");
}

/** Returns what is wrong with a value, or `undefined`. */
type Check = (value: unknown) => string | undefined;

const isAny: Check = () => undefined;

const isText: Check = (value) =>
  typeof value === "string" ? undefined : "Not a string.";

const isNumber: Check = (value) =>
  Number.isFinite(value) ? undefined : "Not a number.";

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

const isKey: Check = (value) =>
  typeof value === "string" || (Number.isInteger(value) && Number(value) >= 0)
    ? undefined
    : "Not a string or non-negative integer.";

const isTrue: Check = (value) => value === true ? undefined : "Not true.";

const isCount: Check = (value) =>
  Number.isSafeInteger(value) && Number(value) >= 0
    ? undefined
    : "Not a non-negative integer.";

const isVersions: Check = (value) =>
  checkList(value, isText) ??
    ((value as string[]).length > 0 ? undefined : "Empty.");

/** Returns what is wrong with `list`, whose elements must pass `check`, or `undefined`. */
function checkList(list: unknown, check: Check): string | undefined {
  if (!Array.isArray(list)) return "Not an array.";
  for (let index = 0; index < list.length; index++) {
    const reason = check(list[index]);
    if (reason) return `Element ${index} > ${reason}`;
  }
  return undefined;
}

/** The properties of a closed object, other than its tag. */
type Shape = readonly Property[];
type Property = readonly [name: string, check: Check, optional?: true];

/** Shapes by tag; a `Map`, because the tag comes from outside. */
type Shapes = ReadonlyMap<unknown, Shape>;

/** The shapes of a closed set; a missing name is a compile error. */
function shapes<Name extends string>(of: Record<Name, Shape>): Shapes {
  return new Map(Object.entries(of));
}

const PATH: Shape = [["Path", (value) => checkList(value, isKey)]];
const WITH_ANY: Shape = [...PATH, ["Value", isAny]];
const WITH_TEXT: Shape = [...PATH, ["Value", isText]];
const WITH_NUMBER: Shape = [...PATH, ["Value", isNumber]];

const DELTAS: Shapes = /* @__PURE__ */ shapes<Delta["Operation"]>({
  Set: WITH_ANY,
  Delete: PATH,
  DeleteValue: WITH_ANY,
  Prepend: WITH_TEXT,
  Append: WITH_TEXT,
  Increment: WITH_NUMBER,
  Decrement: WITH_NUMBER,
  Toggle: PATH,
  InsertFirst: WITH_ANY,
  InsertLast: WITH_ANY,
  InsertBefore: WITH_ANY,
  InsertAfter: WITH_ANY,
  DeleteFirst: PATH,
  DeleteLast: PATH,
});

const FEED: Shape = [["FeedName", isText], ["FeedArgs", isArgs]];
const REFUSAL: Shape = [["ErrorCode", isText], ["ErrorData", isRecord]];
const ID: Property = ["CallbackId", isText];
const FEED_ACTION: Shape = [
  ...FEED,
  ["ActionName", isText],
  ["ActionData", isRecord],
  ["FeedDeltas", (value) => checkList(value, checkDelta)],
  ["FeedMd5", isMd5, true],
  ["CallbackId", isText, true],
];

const SERVER_MESSAGES: Shapes = /* @__PURE__ */ shapes<
  ServerMessage["MessageType"]
>({
  ViolationResponse: [["Diagnostics", isRecord]],
  HandshakeResponse: [
    ["Version", isText],
    ["ClientId", isText, true],
    ["Alive", isTrue, true],
  ],
  ActionResponse: [ID, ["ActionData", isRecord]],
  FeedOpenResponse: [...FEED, ["FeedData", isRecord], ["LogId", isText, true]],
  FeedResumeResponse: FEED,
  FeedCloseResponse: FEED,
  FeedAction: FEED_ACTION,
  ActionRevelation: FEED_ACTION,
  FeedTermination: [...FEED, ...REFUSAL],
  Alive: [],
  AliveResponse: [],
});

/** The messages that can have `Success: false`. */
type Fallible = Extract<ServerMessage, { Success: false }>["MessageType"];

/** The shapes of responses with `Success: false`. */
const FAILURES: Shapes = /* @__PURE__ */ shapes<Fallible>({
  HandshakeResponse: [],
  ActionResponse: [ID, ...REFUSAL],
  FeedOpenResponse: [...FEED, ...REFUSAL],
});

const CLIENT_MESSAGES: Shapes = /* @__PURE__ */ shapes<
  ClientMessage["MessageType"]
>({
  Handshake: [["Versions", isVersions]],
  Action: [ID, ["ActionName", isText], ["ActionArgs", isRecord]],
  FeedOpen: [...FEED, ["LogId", isText, true], ["LogCount", isCount, true]],
  FeedClose: FEED,
  Alive: [],
  AliveResponse: [],
});

const MISFIT = "Missing or extraneous property.";

/** Returns where `value` violates the closed shape that its `tag` names, or `undefined`. */
function checkTagged(
  value: unknown,
  tag: string,
  shapes: Shapes,
  what: string,
): string | undefined {
  if (!isObject(value)) return "Not an object.";
  const type = own(value, tag);
  const shape = shapes.get(type);
  if (!shape) return `${tag} > Missing or invalid.`;
  const reason = checkShape(value, shape, FAILURES.get(type));
  return reason && `(${type} ${what}) ${reason}`;
}

function checkShape(
  object: Record<string, unknown>,
  shape: Shape,
  onFailure?: Shape,
): string | undefined {
  let count = 1;
  if (onFailure) {
    const success = own(object, "Success");
    if (typeof success !== "boolean") return "Success > Missing or invalid.";
    if (!success) shape = onFailure;
    count++;
  }
  for (const [name, check, optional] of shape) {
    const value = own(object, name);
    if (value === undefined) {
      if (optional) continue;
      return MISFIT;
    }
    count++;
    const reason = check(value);
    if (reason) return `${name} > ${reason}`;
  }
  return Object.keys(object).length === count ? undefined : MISFIT;
}

/** The object's own property `name`, ignoring its prototype. */
function own(object: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Returns where `delta` violates the shape of a delta, or `undefined`. */
export function checkDelta(delta: unknown): string | undefined {
  return checkTagged(delta, "Operation", DELTAS, "Delta");
}

/** Returns where `message` violates the shape of a server's messages, or `undefined`. */
export function checkServerMessage(message: unknown): string | undefined {
  return checkTagged(message, "MessageType", SERVER_MESSAGES, "Message");
}

/** Returns where `message` violates the shape of a client's messages, or `undefined`. */
export function checkClientMessage(message: unknown): string | undefined {
  return checkTagged(message, "MessageType", CLIENT_MESSAGES, "Message");
}

/** A parsed server message, or what is wrong with it. */
export type Received =
  | { message: ServerMessage }
  | { message?: undefined; serverMessage: string; parseError: Error }
  | { message?: undefined; serverMessage: unknown; schemaViolation: string };

/** The level of an Action around its arguments. */
const CLIENT_ENVELOPE = 1;

/**
 * Reads a message from a server. Never throws. Does not limit nesting: the client does,
 * because it needs to know what the message is about.
 */
export function readServerMessage(text: string): Received {
  let serverMessage: unknown;
  try {
    serverMessage = JSON.parse(text);
  } catch (error) {
    return { serverMessage: text, parseError: error as Error };
  }
  const schemaViolation = checkServerMessage(serverMessage);
  return schemaViolation
    ? { serverMessage, schemaViolation }
    : { message: serverMessage as ServerMessage };
}

/** Serializes a message from a client. */
export function writeClientMessage(message: ClientMessage): string {
  return JSON.stringify(message);
}

/** A parsed client message, or what is wrong with it. */
export type ClientReceived =
  | { message: ClientMessage }
  | { message?: undefined; problem: string };

/**
 * Reads a message from a client. Never throws. Action arguments with more than
 * `maxDepth` levels of arrays and objects are reported as nested too deeply.
 */
export function readClientMessage(
  text: string,
  maxDepth: number = DEFAULT_MAX_DEPTH,
): ClientReceived {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return { problem: "Invalid JSON." };
  }
  // Each level takes at least two characters, so short texts need no check.
  if (
    text.length > 2 * maxDepth &&
    isNestedDeeper(raw, maxDepth + CLIENT_ENVELOPE)
  ) return { problem: "Nested too deeply." };
  return checkClientMessage(raw) === undefined
    ? { message: raw as ClientMessage }
    : { problem: "Schema violation." };
}

/** Serializes a message from a server. */
export function writeServerMessage(message: ServerMessage): string {
  return JSON.stringify(message);
}
