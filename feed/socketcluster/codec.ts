/**
 * Encodes packets as frames: JSON, with binary data as
 * `{"base64": true, "data": "<base64>"}`, like SocketCluster's default codec. Decoding
 * leaves such objects as they are.
 */
import { tagOf } from "../../net/shape.ts";

/** Turns packets into frames and back. Pass your own as the option `codecEngine`. */
export interface CodecEngine {
  /** Turns a packet, or an array of packets, into a frame. If it throws, the call fails. */
  encode(packet: unknown): unknown;
  /**
   * Turns a frame into a packet or an array of packets; any other result is a raw
   * message. If it throws, the frame is dropped and an `error` event reports the error.
   */
  decode(frame: unknown): unknown;
}

/** The most values to search for binary data; beyond that, a replacer finds it. */
const SEARCHED_VALUES = 1000;

/**
 * The start of a publication from the server. The rest, up to the last two braces, is
 * its data: if that is valid JSON, so is the frame, and parsing only the data is up to
 * three times as fast.
 */
const PUBLICATION =
  // deno-lint-ignore no-control-regex -- JSON escapes these in strings
  /^\{"event":"#publish","data":\{"channel":"([^"\\\x00-\x1f]*)","data":/;

/** SocketCluster's default codec. */
export const jsonCodec: {
  /** Turns a packet, or an array of packets, into JSON. */
  encode(packet: unknown): string;
  /** Turns JSON into packets. Leaves other text and binary data unchanged. */
  decode(frame: unknown): unknown;
} = {
  encode(packet: unknown): string {
    if (packet === "#1" || packet === "#2") return packet;
    // A replacer makes JSON.stringify several times slower, and binary data is rare,
    // so it is used only after a search.
    return mayHoldBinary(packet, { left: SEARCHED_VALUES })
      ? JSON.stringify(packet, replaceBinary)
      : JSON.stringify(packet);
  },
  decode(frame: unknown): unknown {
    if (typeof frame !== "string") return frame ?? null;
    const publication = PUBLICATION.exec(frame);
    if (publication && frame.endsWith("}}")) {
      const [head, channel] = publication;
      try {
        const data = JSON.parse(frame.slice(head.length, -2));
        return { event: "#publish", data: { channel, data } };
      } catch {
        // The rest is not only data: parses the whole frame instead.
      }
    }
    try {
      const packet = JSON.parse(frame);
      // Packets are objects and arrays; other JSON stays text.
      return typeof packet === "object" && packet !== null ? packet : frame;
    } catch {
      return frame;
    }
  },
};

/**
 * Whether `value` may contain binary data. Also true if finding out would cost too much:
 * for more values than `budget` has left, cycles, and objects with their own `toJSON`.
 */
function mayHoldBinary(value: unknown, budget: { left: number }): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (--budget.left < 0) return true;
  if (Array.isArray(value)) {
    return value.some((item) => mayHoldBinary(item, budget));
  }
  const { toJSON } = value as { toJSON?: unknown };
  if (
    toBytes(value) ||
    (typeof toJSON === "function" && tagOf(value) !== "Date")
  ) return true;
  for (const key in value) {
    if (mayHoldBinary((value as Record<string, unknown>)[key], budget)) {
      return true;
    }
  }
  return false;
}

function replaceBinary(this: unknown, key: string, value: unknown): unknown {
  // Some binary types have a toJSON, so `value` may be its result; reads the original.
  const bytes = toBytes((this as Record<string, unknown>)[key]);
  return bytes ? { base64: true, data: toBase64(bytes) } : value;
}

/** The bytes of binary data from any realm; `undefined` for anything else. */
function toBytes(value: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  return isArrayBuffer(value) ? new Uint8Array(value) : undefined;
}

function isArrayBuffer(value: unknown): value is ArrayBuffer {
  // Tests the length first, because getting the tag of every object would be slow.
  return typeof (value as { byteLength?: unknown } | null | undefined)
        ?.byteLength === "number" && tagOf(value) === "ArrayBuffer";
}

/** Encodes bytes as standard base64 with padding (RFC 4648, section 4). */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  // In chunks, because the number of arguments of a call is limited.
  for (let i = 0; i < bytes.length; i += 0x2000) {
    binary += String.fromCharCode(...bytes.subarray(i, i + 0x2000));
  }
  return btoa(binary);
}

/**
 * Decodes base64 or base64url, with or without padding.
 * @throws {DOMException} if it is neither
 */
export function fromBase64(text: string): Uint8Array {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}
