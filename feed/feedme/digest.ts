/**
 * The digest that server and client compare: MD5 of the canonical text of the
 * feed data.
 *
 * Writing that text anew for each action costs as much as the data is large.
 * Snapshots share structure, so what is the same object has the same text: a
 * {@linkcode Text} keeps the texts of a container's children, and writes anew
 * only those that are others than last time.
 */
import { canonicalJson, sortedNames } from "./canonical.ts";
import { Md5 } from "./md5.ts";
import { isObject, type JsonObject } from "./protocol.ts";

/** A container whose text is longer is kept in parts once it changes. */
const LONG = 100;

/** Below this depth nothing is, so that nesting cannot exhaust the stack. */
const DEEPEST = 64;

/** The canonical text of a container, with its name and colon, in parts. */
class Text {
  readonly #head: string;
  /** An object's names in canonical order; an array has none. */
  #names: string[] | undefined;
  /** The children, in the order of the text. */
  #values: readonly unknown[] = [];
  #parts: readonly (string | Text)[] = [];

  constructor(head: string) {
    this.#head = head;
  }

  /** Brings the text in line with `node`. */
  update(node: object, depth: number): void {
    const oldNames = this.#names;
    const old = this.#values;
    const parts = this.#parts;
    const names = this.#names = isObject(node)
      ? namesOf(node, oldNames)
      : undefined;
    const values = this.#values = names
      ? names.map((name) => (node as JsonObject)[name])
      : node as unknown[];

    const shift = values.length - old.length;
    const same = (index: number, was: number) =>
      values[index] === old[was] && names?.[index] === oldNames?.[was];
    const least = Math.min(old.length, values.length);
    let start = 0;
    while (start < least && same(start, start)) start++;
    let end = values.length;
    while (end - shift > start && end > start && same(end - 1, end - 1 - shift)) {
      end--;
    }

    const middle = values.slice(start, end).map((value, offset) => {
      const index = start + offset;
      const name = names?.[index];
      const head = name === undefined ? "" : JSON.stringify(name) + ":";
      const part = shift === 0 && name === oldNames?.[index]
        ? parts[index]
        : undefined;
      if (part && value === old[index]) return part;
      if (
        part && part.length > LONG && depth < DEEPEST &&
        typeof value === "object" && value !== null
      ) {
        const text = part instanceof Text ? part : new Text(head);
        text.update(value, depth + 1);
        return text;
      }
      return head + canonicalJson(value);
    });
    this.#parts = [
      ...parts.slice(0, start),
      ...middle,
      ...parts.slice(end - shift),
    ];
  }

  /** Counts as long, whatever has become of it. */
  get length(): number {
    return Infinity;
  }

  toString(): string {
    // Joins with commas.
    return this.#head + (this.#names ? `{${this.#parts}}` : `[${this.#parts}]`);
  }
}

/** Old names if `node` still has exactly these: sorting many costs the most. */
function namesOf(node: object, oldNames: string[] = []): string[] {
  return Object.keys(node).length === oldNames.length &&
      oldNames.every((name) => Object.hasOwn(node, name))
    ? oldNames
    : sortedNames(node);
}

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
  readonly #text = new Text("");
  readonly #md5 = new Md5();

  /** The digest of `data` as `FeedMd5` holds it. */
  of(data: JsonObject): string {
    this.#text.update(data, 0);
    return this.#md5.of(`${this.#text}`);
  }
}

/** The digest of `data`, as `FeedMd5` holds it, without a past. */
export function feedMd5(data: JsonObject): string {
  return new Digest().of(data);
}
