/**
 * The digest that server and client compare: MD5 of the canonical text of the
 * feed data.
 *
 * Hashing the whole text for each action costs as much as the data is large.
 * A {@linkcode Digest} keeps the text of the snapshot it saw last, the length
 * of each part of it, and MD5 states at regular distances. Snapshots share
 * structure, so parts that are the same object have the same text: only what
 * changed is written anew, and MD5 is resumed from the last state before it.
 */
import {
  canonicalJson,
  sizeUpTo,
  sortedNames,
  utf8Length,
} from "./canonical.ts";
import { MD5_BLOCK, MD5_PADDING, MD5_START, md5Blocks, md5End } from "./md5.ts";
import { isObject, type JsonObject } from "./protocol.ts";

/** Containers of at most this many values are written anew as a whole. */
const SMALL = 32;

/** Containers below this depth too, so that nesting cannot exhaust the stack. */
const DEEPEST_SPAN = 64;

/** Bytes between two saved MD5 states: a multiple of its block. */
const STRIDE = 64 * MD5_BLOCK;

/** The text of a container, part by part, in bytes. */
interface Span {
  /** The container that was written. */
  node: object;
  /** An object's names in canonical order; an array has none. */
  names: string[] | undefined;
  /** The children, in the order of the text. */
  values: readonly unknown[];
  parts: Part[];
  /** The length of the name and colon before the container. */
  head: number;
  /** The length of the whole text, `head` included. */
  bytes: number;
}

/** The length of a child's text with its name and colon, or its span. */
type Part = number | Span;

/**
 * A range of the old text, replaced by another of `bytes` bytes. Edits come in
 * ascending order.
 */
interface Edit {
  from: number;
  to: number;
  text: string;
  bytes: number;
}

const encoder: TextEncoder = /* @__PURE__ */ new TextEncoder();

/**
 * Computes the digests of successive snapshots of one feed.
 *
 * ```ts ignore
 * const digest = new Digest();
 * digest.of({ n: 1 }); // whole text
 * digest.of({ n: 2 }); // what changed since
 * ```
 */
export class Digest {
  #span: Span | undefined;
  #text: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #length = 0;
  /** MD5 states before each `STRIDE` bytes, four words each. */
  #states: number[] = [...MD5_START];

  /** The digest of `data` as `FeedMd5` holds it. */
  of(data: JsonObject): string {
    const edits: Edit[] = [];
    if (this.#span) {
      update(this.#span, data, 0, 0, edits);
    } else {
      const out: string[] = [];
      const span = this.#span = writeSpan("", data, 0, out);
      edits.push({ from: 0, to: 0, text: out.join(""), bytes: span.bytes });
    }
    const from = edits[0]?.from ?? this.#length;
    this.#apply(edits, from);
    return this.#hash(from);
  }

  /** Brings the text up to date, whose bytes before `from` stay. */
  #apply(edits: Edit[], from: number): void {
    let length = this.#length;
    for (const { from, to, bytes } of edits) length += bytes - (to - from);
    const old = this.#text;
    let text = old;
    // Several edits of other lengths could overwrite what they still need.
    const apart = edits.length > 1 &&
      edits.some(({ from, to, bytes }) => bytes !== to - from);
    if (apart || length + MD5_PADDING > old.length) {
      // Some room to grow, so that appending does not copy each time.
      text = new Uint8Array(length + (length >>> 3) + MD5_PADDING);
      text.set(old.subarray(0, from));
    }
    let at = from;
    edits.forEach(({ to, text: piece, bytes }, index) => {
      const rest = edits[index + 1]?.from ?? this.#length;
      const next = at + bytes;
      // The text behind moves first: it may lie where the piece will.
      if (text !== old || next !== to) text.set(old.subarray(to, rest), next);
      encoder.encodeInto(piece, text.subarray(at));
      at = next + rest - to;
    });
    this.#text = text;
    this.#length = length;
  }

  /** Hashes the text, whose bytes before `from` are the ones of last time. */
  #hash(from: number): string {
    const states = this.#states;
    let index = Math.floor(from / STRIDE);
    states.length = 4 * index + 4;
    const state = states.slice(-4);
    const view = new DataView(this.#text.buffer);
    while ((index + 1) * STRIDE <= this.#length) {
      md5Blocks(state, view, index * STRIDE, ++index * STRIDE);
      states.push(...state);
    }
    return md5End(state, this.#text, index * STRIDE, this.#length);
  }
}

/** The digest of `data`, as `FeedMd5` holds it, without a past. */
export function feedMd5(data: JsonObject): string {
  return new Digest().of(data);
}

/** Writes the name and colon `head`, if it has one, and a value. */
function write(
  head: string,
  value: unknown,
  depth: number,
  out: string[],
): Part {
  if (
    typeof value === "object" && value !== null && depth < DEEPEST_SPAN &&
    sizeUpTo(value, SMALL) > SMALL
  ) return writeSpan(head, value, depth, out);
  const text = head + canonicalJson(value);
  out.push(text);
  return utf8Length(text);
}

/** The same with a container, of which it tells the length of each part. */
function writeSpan(
  head: string,
  node: object,
  depth: number,
  out: string[],
): Span {
  const names = isObject(node) ? sortedNames(node) : undefined;
  const values = childrenOf(node, names);
  out.push(head, names ? "{" : "[");
  const parts = values.map((value, index) => {
    if (index > 0) out.push(",");
    return write(headOf(names, index), value, depth + 1, out);
  });
  out.push(names ? "}" : "]");
  const length = utf8Length(head);
  // Brackets, and a comma less than there are parts.
  const bytes = length + lengthOf(parts) + (parts.length > 0 ? 1 : 2);
  return { node, names, values, parts, head: length, bytes };
}

function childrenOf(
  node: object,
  names: string[] | undefined,
): readonly unknown[] {
  return names
    ? names.map((name) => (node as Record<string, unknown>)[name])
    : node as unknown[];
}

function headOf(names: string[] | undefined, index: number): string {
  return names ? JSON.stringify(names[index]) + ":" : "";
}

function bytesOf(part: Part): number {
  return typeof part === "number" ? part : part.bytes;
}

/** The length of `parts` from `from` up to `to`, each with a comma. */
function lengthOf(parts: Part[], from = 0, to = parts.length): number {
  let bytes = to - from;
  for (let index = from; index < to; index++) bytes += bytesOf(parts[index]!);
  return bytes;
}

/**
 * Brings `span`, whose old text begins at byte `at`, in line with `node` and
 * notes what that changes in the text.
 */
function update(
  span: Span,
  node: object,
  at: number,
  depth: number,
  edits: Edit[],
): void {
  if (span.node === node) return;
  const { names: oldNames, values: old, parts } = span;
  const names = oldNames && namesOf(node, oldNames);
  const values = childrenOf(node, names);
  const sameNames = names === oldNames;

  const least = Math.min(old.length, values.length);
  let start = 0;
  while (
    start < least && old[start] === values[start] &&
    (sameNames || oldNames![start] === names![start])
  ) start++;
  // How far the ends of both are apart.
  const shift = values.length - old.length;
  let end = old.length;
  while (
    end > start && end + shift > start &&
    old[end - 1] === values[end - 1 + shift] &&
    (sameNames || oldNames![end - 1] === names![end - 1 + shift])
  ) end--;

  span.node = node;
  span.names = names;
  span.values = values;
  let pos = at + span.head + 1 + lengthOf(parts, 0, start);
  if (shift !== 0 || !sameNames) {
    return replaceMiddle(span, old.length, start, end, pos, depth, edits);
  }
  for (let index = start; index < end; index++) {
    const bytes = bytesOf(parts[index]!);
    if (old[index] !== values[index]) {
      span.bytes += updatePart(span, index, pos, depth + 1, edits) - bytes;
    }
    pos += bytes + 1;
  }
}

/** Old names if `node` still has exactly these: sorting many costs the most. */
function namesOf(node: object, oldNames: string[]): string[] {
  if (
    Object.keys(node).length === oldNames.length &&
    oldNames.every((name) => Object.hasOwn(node, name))
  ) return oldNames;
  return sortedNames(node);
}

/** Brings one child in line, whose old text begins at `at`; its new length. */
function updatePart(
  { names, values, parts }: Span,
  index: number,
  at: number,
  depth: number,
  edits: Edit[],
): number {
  const part = parts[index]!;
  const value = values[index];
  if (
    typeof part !== "number" && typeof value === "object" && value !== null &&
    Array.isArray(value) === Array.isArray(part.node)
  ) {
    update(part, value, at, depth, edits);
    return part.bytes;
  }
  const out: string[] = [];
  const renewed = parts[index] = write(
    headOf(names, index),
    value,
    depth,
    out,
  );
  const bytes = bytesOf(renewed);
  edits.push({ from: at, to: at + bytesOf(part), text: out.join(""), bytes });
  return bytes;
}

/**
 * Writes children anew: of `count` old ones those from `start` up to `end`, of
 * which there is another number now, or which have other names. `pos` is where
 * they begin.
 */
function replaceMiddle(
  span: Span,
  count: number,
  start: number,
  end: number,
  pos: number,
  depth: number,
  edits: Edit[],
): void {
  const { names, values, parts } = span;
  const newEnd = end + values.length - count;
  const renewed: Part[] = [];
  const out: string[] = [];
  for (let index = start; index < newEnd; index++) {
    if (index > start) out.push(",");
    renewed.push(write(headOf(names, index), values[index], depth + 1, out));
  }
  // A comma stands before each child but the first; where the children in
  // question come first, the one behind them is theirs, if any are left there.
  const first = start === 0;
  const last = end === count;
  if (renewed.length > 0) {
    if (!first) out.unshift(",");
    else if (!last) out.push(",");
  }
  const lengthWithCommas = (parts: Part[]) =>
    lengthOf(parts) - (first && last && parts.length > 0 ? 1 : 0);
  const from = first ? pos : pos - 1;
  const length = lengthWithCommas(parts.slice(start, end));
  const bytes = lengthWithCommas(renewed);
  edits.push({ from, to: from + length, text: out.join(""), bytes });
  span.bytes += bytes - length;
  span.parts = [...parts.slice(0, start), ...renewed, ...parts.slice(end)];
}
