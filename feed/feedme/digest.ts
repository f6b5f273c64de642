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
  /** The length of each child's text, or a span where the child is large. */
  parts: (number | Span)[];
  /** The length of the whole text. */
  bytes: number;
}

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
    if (this.#span && isObject(data)) {
      this.#span = update(this.#span, data, 0, 0, edits);
    } else {
      const out: string[] = [];
      this.#span = write(data, 0, out);
      edits.push({
        from: 0,
        to: this.#length,
        text: out.join(""),
        bytes: this.#span.bytes,
      });
    }
    const first = edits[0]?.from ?? this.#length;
    this.#apply(edits);
    return this.#hash(first);
  }

  /** Brings the text up to date. */
  #apply(edits: Edit[]): void {
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
      text.set(old.subarray(0, edits[0]?.from));
    }
    let at = edits[0]?.from ?? 0;
    edits.forEach(({ to, text: piece, bytes }, index) => {
      const rest = edits[index + 1]?.from ?? this.#length;
      const next = at + bytes;
      // The text behind moves first: it may lie where the piece will.
      if (text !== old) text.set(old.subarray(to, rest), next);
      else if (next !== to) text.copyWithin(next, to, rest);
      encoder.encodeInto(piece, text.subarray(at));
      at = next + rest - to;
    });
    this.#text = text;
    this.#length = length;
  }

  /** Hashes the text, whose bytes before `from` are the ones of last time. */
  #hash(from: number): string {
    const states = this.#states;
    let index = Math.min(
      Math.floor(from / STRIDE),
      Math.floor(this.#length / STRIDE),
      states.length / 4 - 1,
    );
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

/** Writes a container and tells the length of each of its parts. */
function write(node: object, depth: number, out: string[]): Span {
  const names = isObject(node) ? sortedNames(node) : undefined;
  const count = names ? names.length : (node as unknown[]).length;
  const parts: (number | Span)[] = new Array(count);
  let bytes = 2 + Math.max(0, count - 1);
  out.push(names ? "{" : "[");
  for (let index = 0; index < count; index++) {
    if (index > 0) out.push(",");
    bytes += writeHead(names, index, out);
    const part = writePart(childAt(node, names, index), depth + 1, out);
    parts[index] = part;
    bytes += lengthOf(part);
  }
  out.push(names ? "}" : "]");
  return { node, names, parts, bytes };
}

function writeHead(
  names: string[] | undefined,
  index: number,
  out: string[],
): number {
  if (!names) return 0;
  const head = JSON.stringify(names[index]) + ":";
  out.push(head);
  return utf8Length(head);
}

function writePart(
  value: unknown,
  depth: number,
  out: string[],
): number | Span {
  if (
    typeof value === "object" && value !== null && depth < DEEPEST_SPAN &&
    sizeUpTo(value, SMALL) > SMALL
  ) return write(value, depth, out);
  const text = canonicalJson(value);
  out.push(text);
  return utf8Length(text);
}

function lengthOf(part: number | Span): number {
  return typeof part === "number" ? part : part.bytes;
}

function childAt(
  node: object,
  names: string[] | undefined,
  index: number,
): unknown {
  return (node as Record<string | number, unknown>)[
    names ? names[index]! : index
  ];
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
): Span {
  const { node: oldNode, names: oldNames, parts } = span;
  if (oldNode === node) return span;
  const names = oldNames && namesOf(node, oldNames);
  const oldCount = parts.length;
  const count = names ? names.length : (node as unknown[]).length;
  const same = (oldIndex: number, index: number) =>
    childAt(oldNode, oldNames, oldIndex) === childAt(node, names, index) &&
    (names === oldNames || names![index] === oldNames![oldIndex]);

  const least = Math.min(oldCount, count);
  let head = 0;
  while (head < least && same(head, head)) head++;
  let tail = 0;
  while (
    tail < least - head && same(oldCount - 1 - tail, count - 1 - tail)
  ) tail++;

  let pos = at + 1;
  for (let index = 0; index < head; index++) {
    pos += headLength(oldNames, index) + lengthOf(parts[index]!) + 1;
  }
  if (oldCount === count && names === oldNames) {
    for (let index = head; index < count - tail; index++) {
      pos += headLength(names, index);
      const part = parts[index]!;
      if (!same(index, index)) {
        const value = childAt(node, names, index);
        const bytes = lengthOf(part);
        const renewed = updatePart(part, value, pos, depth + 1, edits);
        parts[index] = renewed;
        span.bytes += lengthOf(renewed) - bytes;
        pos += bytes + 1;
      } else {
        pos += lengthOf(part) + 1;
      }
    }
  } else {
    replaceMiddle(span, node, names, head, tail, pos, depth, edits);
  }
  span.node = node;
  span.names = names;
  return span;
}

/** Old names if `node` still has exactly these: sorting many costs the most. */
function namesOf(node: object, oldNames: string[]): string[] {
  if (
    Object.keys(node).length === oldNames.length &&
    oldNames.every((name) => Object.hasOwn(node, name))
  ) return oldNames;
  return sortedNames(node);
}

function headLength(names: string[] | undefined, index: number): number {
  return names ? utf8Length(JSON.stringify(names[index])) + 1 : 0;
}

function updatePart(
  part: number | Span,
  value: unknown,
  at: number,
  depth: number,
  edits: Edit[],
): number | Span {
  if (
    typeof part !== "number" && typeof value === "object" && value !== null &&
    Array.isArray(value) === Array.isArray(part.node)
  ) return update(part, value, at, depth, edits);
  const out: string[] = [];
  const renewed = writePart(value, depth, out);
  edits.push({
    from: at,
    to: at + lengthOf(part),
    text: out.join(""),
    bytes: lengthOf(renewed),
  });
  return renewed;
}

/**
 * Writes anew the children between the first `head` and the last `tail`, of
 * which there is another number than before. `pos` is where they begin.
 */
function replaceMiddle(
  span: Span,
  node: object,
  names: string[] | undefined,
  head: number,
  tail: number,
  pos: number,
  depth: number,
  edits: Edit[],
): void {
  const { names: oldNames, parts } = span;
  const oldEnd = parts.length - tail;
  const end = (names ? names.length : (node as unknown[]).length) - tail;
  // A comma stands before each child but the first; where the children in
  // question come first, the commas behind them are theirs.
  let from = pos;
  let to = pos;
  for (let index = head; index < oldEnd; index++) {
    to += headLength(oldNames, index) + lengthOf(parts[index]!) + 1;
  }
  if (head > 0) {
    from--;
    to--;
  } else if (tail === 0 && oldEnd > 0) {
    to--;
  }
  const out: string[] = [];
  const renewed: (number | Span)[] = [];
  let bytes = 0;
  for (let index = head; index < end; index++) {
    if (head > 0) out.push(",");
    bytes += writeHead(names, index, out);
    const part = writePart(childAt(node, names, index), depth + 1, out);
    renewed.push(part);
    bytes += lengthOf(part);
    if (head === 0 && (tail > 0 || index < end - 1)) out.push(",");
  }
  bytes += head > 0
    ? renewed.length
    : Math.max(0, renewed.length - (tail > 0 ? 0 : 1));
  edits.push({ from, to, text: out.join(""), bytes });
  span.bytes += bytes - (to - from);
  span.parts = [...parts.slice(0, head), ...renewed, ...parts.slice(oldEnd)];
}
