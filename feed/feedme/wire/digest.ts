/**
 * The digest that server and client compare: MD5 of the canonical text of the
 * feed data.
 *
 * Writing that text anew for each action costs as much as the data is large.
 * Snapshots share structure, and what is the same object has the same text; so
 * the texts of what has changed, and of its children, are kept for the next one.
 */
import { md5 } from "./md5.ts";
import { isContainer, type JsonObject } from "./protocol.ts";

/** A value, its canonical text, and those of its children in the same order. */
interface Written {
  readonly value: unknown;
  readonly text: string;
  /** None until it has changed once, and none of a short text: most never do. */
  readonly children: readonly Written[];
}

/** Characters. */
const SHORT = 100;

/** Deeper down no texts are kept: each level holds the ones below once more. */
const DEEPEST = 16;

const NONE: readonly Written[] = [];

/** Writes `value` anew where it differs from `old`. */
function write(
  value: unknown,
  old: Written | undefined,
  depth: number,
): Written {
  if (old && old.value === value) return old;
  if (!isContainer(value)) {
    return { value, text: JSON.stringify(value), children: NONE };
  }
  // At once as a whole: that is several times as fast.
  if (!old || depth === DEEPEST) {
    return { value, text: canonicalJson(value), children: NONE };
  }
  const list = Array.isArray(value) ? value : undefined;
  const names = list ? [] : sortedNames(value);
  const { length } = list ?? names;
  const before = old.children;
  // Behind an insertion or removal the same children have other places.
  const shift = length - before.length;
  const children: Written[] = [];
  const texts: string[] = [];
  for (let index = 0; index < length; index++) {
    const name = names[index]!;
    const child = list ? list[index] : (value as JsonObject)[name];
    const here = before[index];
    const written = here && here.value === child
      ? here
      : write(child, before[index - shift], depth + 1);
    children.push(written);
    texts.push(list ? written.text : `${JSON.stringify(name)}:${written.text}`);
  }
  // An array as a text is what it holds, with commas between.
  const text = (list ? ["[", texts, "]"] : ["{", texts, "}"]).join("");
  return { value, text, children: text.length > SHORT ? children : NONE };
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
  #last: Written | undefined;

  /** The digest of `data` as `FeedMd5` holds it. */
  of(data: JsonObject): string {
    this.#last = write(data, this.#last, 0);
    return md5(this.#last.text);
  }
}

/** The digest of `data`, as `FeedMd5` holds it, for a single snapshot. */
export function feedMd5(data: JsonObject): string {
  return new Digest().of(data);
}

/**
 * The canonical text of `value`: names in the order of their UTF-16 code units, no
 * spaces, numbers and strings as `JSON.stringify` writes them. It keeps its own
 * stack, so any nesting is fine.
 */
export function canonicalJson(value: unknown): string {
  // Joined at the end: engines are slow to read a text that grew piece by piece.
  const texts: string[] = [];
  /** Containers yet to be written, and texts as they are; the next one is last. */
  const pending = [container(value)];
  while (pending.length > 0) {
    const next = pending.pop()!;
    if (typeof next === "string") {
      texts.push(next);
      continue;
    }
    const names = Array.isArray(next) ? undefined : sortedNames(next);
    texts.push(names ? "{" : "[");
    pending.push(names ? "}" : "]");
    for (let index = (names ?? next as unknown[]).length; index-- > 0;) {
      const name = names?.[index];
      pending.push(
        container((next as Record<string, unknown>)[name ?? index]),
        (index > 0 ? "," : "") +
          (name === undefined ? "" : `${JSON.stringify(name)}:`),
      );
    }
  }
  return texts.join("");
}

/** A container as it is; any other value as its text. */
function container(value: unknown): object | string {
  return isContainer(value) ? value : JSON.stringify(value);
}

/** The own names of `node` in canonical order. */
function sortedNames(node: object): string[] {
  const names = Object.keys(node);
  for (let index = 1; index < names.length; index++) {
    // Most objects come sorted already, or nearly so; `sort` compares code units.
    if (names[index - 1]! > names[index]!) return names.sort();
  }
  return names;
}
