/**
 * Says what a message is: of Feedme, of SocketCluster, or other JSON, text or bytes. No
 * I/O. It recognizes a message by its shape, because the subprotocol names neither.
 */
import { isObject } from "../../../net/shape.ts";
import { isNestedDeeper } from "../../../feed/feedme/wire/json.ts";
import { HIDDEN, redactJson, redactText } from "./redact.ts";

/** A message for people. */
export interface Decoded {
  /** What speaks it. */
  protocol: "feedme" | "socketcluster" | "json" | "text" | "binary";
  /** What it is, in a few words: `FeedAction moved`, `#publish chat`. */
  title: string;
  /** What it concerns: the feed with its arguments, the channel, the ids of a call. */
  about?: string;
  /** The changes of a Feedme action, one each: `Set notes.a.x`. */
  deltas?: string[];
  /** The message without secrets, cut after {@linkcode MAX_TEXT} characters. */
  text: string;
}

/** The longest text that is shown of one message, in characters. */
export const MAX_TEXT = 4096;
/** A longer message is not parsed. */
const MAX_PARSED = 256 * 1024;
/** JSON that is nested deeper is not walked through. */
const MAX_DEPTH = 200;
/** The longest title, and the longest text that says what a message concerns. */
const MAX_LABEL = 120;
/** How many changes are listed. */
const MAX_DELTAS = 20;
/** How many bytes of a binary message are shown. */
const MAX_BYTES = 64;

/** Decodes a message. */
export function decode(data: string | ArrayBuffer | Uint8Array): Decoded {
  if (typeof data !== "string") return decodeBytes(new Uint8Array(data));
  const value = parse(data);
  if (value === undefined) {
    return {
      ...describeText(data),
      text: cut(redactText(data.slice(0, 2 * MAX_TEXT)), MAX_TEXT),
    };
  }
  const known = decodeFeedme(value) ?? decodeSocketCluster(value);
  const text = JSON.stringify(known?.shown ?? redactJson(value));
  const { shown: _, ...decoded } = known ??
    { protocol: "json" as const, title: "", shown: undefined };
  return { ...decoded, text: cut(text, MAX_TEXT) };
}

/** A decoded message of a protocol; `shown` is what may be shown of its JSON. */
type Known = Omit<Decoded, "text"> & { shown: unknown };

function parse(text: string): unknown {
  if (text.length > MAX_PARSED || !/^\s*[[{]/.test(text)) return undefined;
  try {
    const value = JSON.parse(text);
    return isNestedDeeper(value, MAX_DEPTH) ? undefined : value;
  } catch {
    return undefined;
  }
}

/** SocketCluster's signs of life: an empty message, or a number in older versions. */
function describeText(text: string): Pick<Decoded, "protocol" | "title"> {
  switch (text) {
    case "":
      return { protocol: "socketcluster", title: "ping or pong" };
    case "#1":
      return { protocol: "socketcluster", title: "ping" };
    case "#2":
      return { protocol: "socketcluster", title: "pong" };
    default:
      return { protocol: "text", title: "" };
  }
}

function decodeFeedme(value: unknown): Known | undefined {
  if (!isObject(value) || typeof value.MessageType !== "string") {
    return undefined;
  }
  const { MessageType, ActionName, FeedName, FeedArgs, FeedDeltas } = value;
  const result = value.Success === false
    ? ` failed${
      typeof value.ErrorCode === "string" ? `: ${value.ErrorCode}` : ""
    }`
    : "";
  const title = [MessageType, ActionName].filter(isText).join(" ") + result;
  return {
    protocol: "feedme",
    title: cut(redactText(title), MAX_LABEL),
    ...(isText(FeedName)
      ? { about: cut(redactText(feedName(FeedName, FeedArgs)), MAX_LABEL) }
      : isText(value.CallbackId)
      ? { about: `callback ${cut(value.CallbackId, 40)}` }
      : {}),
    ...(Array.isArray(FeedDeltas) ? { deltas: deltasOf(FeedDeltas) } : {}),
    shown: redactJson(value),
  };
}

/** `board(room: "a")`. */
function feedName(name: string, args: unknown): string {
  const list = isObject(args)
    ? Object.entries(redactJson(args) as object).map(([key, value]) =>
      `${key}: ${JSON.stringify(value)}`
    )
    : [];
  return `${name}(${list.join(", ")})`;
}

function deltasOf(deltas: readonly unknown[]): string[] {
  const shown = deltas.slice(0, MAX_DELTAS).map((delta) => {
    if (!isObject(delta)) return "?";
    const path = Array.isArray(delta.Path) ? delta.Path : [];
    return cut(
      redactText(`${delta.Operation} ${path.join(".") || "(everything)"}`),
      MAX_LABEL,
    );
  });
  const more = deltas.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more`] : shown;
}

function decodeSocketCluster(value: unknown): Known | undefined {
  if (Array.isArray(value)) {
    // A batch.
    const packets = value.map(decodeSocketCluster);
    if (packets.length === 0 || packets.includes(undefined)) return undefined;
    return {
      protocol: "socketcluster",
      title: cut(packets.map((packet) => packet!.title).join(", "), MAX_LABEL),
      about: `batch of ${packets.length}`,
      shown: packets.map((packet) => packet!.shown),
    };
  }
  if (!isObject(value)) return undefined;
  const { event, data, cid, rid } = value;
  if (isText(event)) {
    const channel = isObject(data) && isText(data.channel)
      ? data.channel
      : event === "#unsubscribe" && isText(data)
      ? data
      : undefined;
    return {
      protocol: "socketcluster",
      title: cut(
        redactText(channel ? `${event} ${channel}` : event),
        MAX_LABEL,
      ),
      ...(typeof cid === "number" ? { about: `call ${cid}` } : {}),
      // The whole argument of this call is a token.
      shown: redactJson(
        event === "#authenticate" ? { ...value, data: HIDDEN } : value,
      ),
    };
  }
  if (typeof rid !== "number") return undefined;
  return {
    protocol: "socketcluster",
    title: value.error === undefined ? "answer" : "error",
    about: `answer to call ${rid}`,
    shown: redactJson(value),
  };
}

function decodeBytes(bytes: Uint8Array): Decoded {
  const hex = Array.from(
    bytes.subarray(0, MAX_BYTES),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join(" ");
  return {
    protocol: "binary",
    title: "",
    text: bytes.length > MAX_BYTES ? `${hex} …` : hex,
  };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
