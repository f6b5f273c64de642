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
  /** The length of each name with its colon. */
  heads: number[] | undefined;
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
  const span: Span = {
    node,
    names,
    values: childrenOf(node, names),
    heads: names && [],
    parts: [],
    bytes: 0,
  };
  const { values, parts, heads } = span;
  out.push(names ? "{" : "[");
  for (let index = 0; index < values.length; index++) {
    if (index > 0) out.push(",");
    if (names) heads!.push(writeHead(names[index]!, out));
    parts.push(writePart(values[index], depth + 1, out));
  }
  out.push(names ? "}" : "]");
  span.bytes = lengthOf(span, 0, parts.length) + (parts.length > 0 ? 1 : 2);
  return span;
}

function childrenOf(
  node: object,
  names: string[] | undefined,
): readonly unknown[] {
  return names
    ? names.map((name) => (node as Record<string, unknown>)[name])
    : node as unknown[];
}

function writeHead(name: string, out: string[]): number {
  const head = JSON.stringify(name) + ":";
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

function bytesOf(part: number | Span): number {
  return typeof part === "number" ? part : part.bytes;
}

/** The length of children `from` up to `to`, each with a comma. */
function lengthOf(
  { parts, heads }: Pick<Span, "parts" | "heads">,
  from: number,
  to: number,
): number {
  let bytes = to - from;
  for (let index = from; index < to; index++) {
    const part = parts[index]!;
    bytes += typeof part === "number" ? part : part.bytes;
    if (heads) bytes += heads[index]!;
  }
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
): Span {
  if (span.node === node) return span;
  const { names: oldNames, values: old, parts, heads } = span;
  const names = oldNames && namesOf(node, oldNames);
  const values = childrenOf(node, names);
  const sameNames = names === oldNames;

  const least = Math.min(old.length, values.length);
  let head = 0;
  while (
    head < least && old[head] === values[head] &&
    (sameNames || oldNames![head] === names![head])
  ) head++;
  // How far the ends of both are apart.
  const shift = values.length - old.length;
  let end = old.length;
  while (
    end > head && end + shift > head &&
    old[end - 1] === values[end - 1 + shift] &&
    (sameNames || oldNames![end - 1] === names![end - 1 + shift])
  ) end--;

  let pos = at + 1 + lengthOf(span, 0, head);
  if (shift === 0 && sameNames) {
    for (let index = head; index < end; index++) {
      if (heads) pos += heads[index]!;
      const part = parts[index]!;
      const bytes = bytesOf(part);
      if (old[index] !== values[index]) {
        parts[index] = updatePart(part, values[index], pos, depth + 1, edits);
        span.bytes += bytesOf(parts[index]!) - bytes;
      }
      pos += bytes + 1;
    }
  } else {
    replaceMiddle(span, names, values, head, end, pos, depth, edits);
  }
  span.node = node;
  span.names = names;
  span.values = values;
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
    to: at + bytesOf(part),
    text: out.join(""),
    bytes: bytesOf(renewed),
  });
  return renewed;
}

/**
 * Writes children anew: the old ones from `head` up to `end`, of which there is
 * another number now, or which have other names. `pos` is where they begin.
 */
function replaceMiddle(
  span: Span,
  names: string[] | undefined,
  values: readonly unknown[],
  head: number,
  end: number,
  pos: number,
  depth: number,
  edits: Edit[],
): void {
  const { values: old, parts, heads } = span;
  const newEnd = end + values.length - old.length;
  const out: string[] = [];
  const renewed: Pick<Span, "parts" | "heads"> = {
    parts: [],
    heads: heads && [],
  };
  // A comma stands before each child but the first; where the children in
  // question come first, the commas behind them are theirs.
  const behind = head === 0;
  const last = end === old.length;
  for (let index = head; index < newEnd; index++) {
    if (!behind) out.push(",");
    if (names) renewed.heads!.push(writeHead(names[index]!, out));
    renewed.parts.push(writePart(values[index], depth + 1, out));
    if (behind && !(last && index === newEnd - 1)) out.push(",");
  }
  const length = (count: number, lengths: number) =>
    behind && last && count > 0 ? lengths - 1 : lengths;
  const from = behind ? pos : pos - 1;
  const to = from + length(end, lengthOf(span, head, end));
  const bytes = length(newEnd, lengthOf(renewed, 0, newEnd - head));
  edits.push({ from, to, text: out.join(""), bytes });
  span.bytes += bytes - (to - from);
  span.parts = [...parts.slice(0, head), ...renewed.parts, ...parts.slice(end)];
  span.heads = heads &&
    [...heads.slice(0, head), ...renewed.heads!, ...heads.slice(end)];
}
