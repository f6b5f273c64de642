/**
 * The digest that server and client compare: MD5 of the canonical text of the feed data.
 *
 * Serializing all data for each action would cost time proportional to its size. But
 * snapshots share structure, and the same object has the same text; so the texts of
 * changed containers, and of their children, are cached for the next digest.
 */
import { md5 } from "./md5.ts";
import { isContainer, type JsonObject } from "./protocol.ts";

/** A value, its canonical text, and its children with theirs, in the same order. */
interface Written {
  readonly value: unknown;
  readonly text: string;
  /** Empty until the value has changed once, and for short texts: most values never change. */
  readonly children: readonly Written[];
}

/** Texts up to this many characters have no cached children. */
const SHORT = 100;

/** The deepest level at which texts are cached: each level repeats the texts below it. */
const DEEPEST = 16;

const NONE: readonly Written[] = [];

/** Serializes `value`, reusing the texts of `old` where they are unchanged. */
function write(
  value: unknown,
  old: Written | undefined,
  depth: number,
): Written {
  if (old && old.value === value) return old;
  if (!isContainer(value)) {
    return { value, text: JSON.stringify(value), children: NONE };
  }
  // Serializes the whole value at once, which is several times as fast.
  if (!old || depth === DEEPEST) {
    return { value, text: canonicalJson(value), children: NONE };
  }
  const list = Array.isArray(value) ? value : undefined;
  const names = list ? [] : sortedNames(value);
  const { length } = list ?? names;
  const before = old.children;
  // After an insertion or removal, the same children have different indexes.
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
  // An array converts to a string as its elements joined by commas.
  const text = (list ? ["[", texts, "]"] : ["{", texts, "}"]).join("");
  return { value, text, children: text.length > SHORT ? children : NONE };
}

/**
 * Computes the digests of successive snapshots of one feed.
 *
 * ```ts ignore
 * const digest = new Digest();
 * digest.of({ n: 1 }); // serializes everything
 * digest.of({ n: 2 }); // serializes only the changes
 * ```
 */
export class Digest {
  #last: Written | undefined;

  /** The digest of `data`, in the form of `FeedMd5`. */
  of(data: JsonObject): string {
    this.#last = write(data, this.#last, 0);
    return md5(this.#last.text);
  }
}

/** The digest of a single snapshot, in the form of `FeedMd5`. */
export function feedMd5(data: JsonObject): string {
  return new Digest().of(data);
}

/**
 * The canonical text of `value`: names sorted by UTF-16 code units, no spaces, numbers
 * and strings as `JSON.stringify` formats them. Uses its own stack, so nesting is not
 * limited.
 */
export function canonicalJson(value: unknown): string {
  // Joined at the end, because engines are slow to read a string built by concatenation.
  const texts: string[] = [];
  /** Containers still to be serialized, and finished texts; the next one is last. */
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

/** Returns a container unchanged, and any other value as its text. */
function container(value: unknown): object | string {
  return isContainer(value) ? value : JSON.stringify(value);
}

/** The own names of `node` in canonical order. */
function sortedNames(node: object): string[] {
  const names = Object.keys(node);
  for (let index = 1; index < names.length; index++) {
    // Most objects are already sorted, or nearly so; `sort` compares code units.
    if (names[index - 1]! > names[index]!) return names.sort();
  }
  return names;
}
