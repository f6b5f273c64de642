/**
 * Matches the elements of an old array with those of the new one: with a shortest edit
 * script (Myers) for few edits, and with a longest increasing subsequence of elements
 * matched by identity, key or value for many. Time is bounded either way: it grows with
 * the length of the arrays and with the number of edits up to {@linkcode MOST_EDITS}.
 */
import { isContainer, isJson } from "./json.ts";

/** The most insertions and deletions of one array for which an exact script is sought. */
const MOST_EDITS = 128;

/** Whether two elements are the same value. */
type Same = (a: unknown, b: unknown) => boolean;

/** Elements of the old array, and the elements of the new one that replace them. */
export interface Gap {
  from: number;
  to: number;
  newFrom: number;
  newTo: number;
}

/**
 * The gaps where `before` and `after` differ, in order. Elements between two gaps are
 * the same.
 */
export function alignArrays(
  before: readonly unknown[],
  after: readonly unknown[],
  same: Same,
): Gap[] {
  const least = Math.min(before.length, after.length);
  const head = alike(before, after, 0, 0, 1, least, same);
  const tail = alike(
    before,
    after,
    before.length - 1,
    after.length - 1,
    -1,
    least - head,
    same,
  );
  return gapsOf(before, after, {
    from: head,
    to: before.length - tail,
    newFrom: head,
    newTo: after.length - tail,
  }, same);
}

/** How many elements are the same from two positions on, in steps of `step`. */
function alike(
  before: readonly unknown[],
  after: readonly unknown[],
  at: number,
  newAt: number,
  step: 1 | -1,
  most: number,
  same: Same,
): number {
  let count = 0;
  for (; count < most; count++, at += step, newAt += step) {
    const a = before[at];
    const b = after[newAt];
    // Tests identity first: most elements are the same object, and there may be many.
    if (a !== b && !same(a, b)) break;
  }
  return count;
}

/** The gaps where old and new elements differ, in order. */
function gapsOf(
  before: readonly unknown[],
  after: readonly unknown[],
  middle: Gap,
  same: Same,
): Gap[] {
  const { from, to, newFrom, newTo } = middle;
  const count = to - from;
  const newCount = newTo - newFrom;
  if (count === 0 && newCount === 0) return [];
  if (count <= 1 || newCount <= 1) {
    return anchored(before, after, middle, same);
  }
  if (count === newCount) {
    // With equal lengths, elements most likely changed in place.
    const gaps: Gap[] = [];
    let different = 0;
    for (let index = 0; index < count; index++) {
      if (same(before[from + index], after[newFrom + index])) {
        continue;
      }
      different++;
      gaps.push({
        from: from + index,
        to: from + index + 1,
        newFrom: newFrom + index,
        newTo: newFrom + index + 1,
      });
    }
    if (different <= Math.max(2, count / 2)) return gaps;
  }
  return anchored(before, after, middle, same);
}

/**
 * The gaps in a longest common subsequence, by Myers' algorithm for up to
 * {@linkcode MOST_EDITS} edits; {@linkcode matched} takes over for more.
 *
 * @see {@link https://doi.org/10.1007/BF01840446}
 */
function anchored(
  before: readonly unknown[],
  after: readonly unknown[],
  middle: Gap,
  same: Same,
): Gap[] {
  const { from, to, newFrom, newTo } = middle;
  const count = to - from;
  const newCount = newTo - newFrom;
  const most = Math.min(MOST_EDITS, count + newCount);
  // The furthest old index on each diagonal, for each number of edits.
  const trace: Int32Array[] = [];
  let reached = new Int32Array(2 * most + 3);
  for (let edits = 0; edits <= most; edits++) {
    trace.push(reached.slice());
    const next = reached;
    for (let k = -edits; k <= edits; k += 2) {
      const centre = most + 1 + k;
      let x = k === -edits ||
          (k !== edits && next[centre - 1]! < next[centre + 1]!)
        ? next[centre + 1]!
        : next[centre - 1]! + 1;
      let y = x - k;
      while (
        x < count && y < newCount &&
        same(before[from + x], after[newFrom + y])
      ) {
        x++;
        y++;
      }
      next[centre] = x;
      if (x >= count && y >= newCount) {
        return gapsFrom(trace, most, edits, middle);
      }
    }
    reached = next;
  }
  return matched(before, after, middle, same);
}

/** Walks the trace back from the end and joins neighbouring edits. */
function gapsFrom(
  trace: Int32Array[],
  most: number,
  edits: number,
  { from, to, newFrom, newTo }: Gap,
): Gap[] {
  const gaps: Gap[] = [];
  let x = to - from;
  let y = newTo - newFrom;
  for (let d = edits; d > 0; d--) {
    const reached = trace[d]!;
    const k = x - y;
    const centre = most + 1 + k;
    const down = k === -d ||
      (k !== d && reached[centre - 1]! < reached[centre + 1]!);
    const previous = down ? k + 1 : k - 1;
    const startX = reached[most + 1 + previous]!;
    const startY = startX - previous;
    const endX = down ? startX : startX + 1;
    const endY = down ? startY + 1 : startY;
    const last = gaps.at(-1);
    if (last && last.from === from + endX && last.newFrom === newFrom + endY) {
      last.from = from + startX;
      last.newFrom = newFrom + startY;
    } else {
      gaps.push({
        from: from + startX,
        to: from + endX,
        newFrom: newFrom + startY,
        newTo: newFrom + endY,
      });
    }
    x = startX;
    y = startY;
  }
  return gaps.reverse();
}

/**
 * The gaps between the elements that keep their order. Elements are matched by
 * identity, the remaining ones by key or value; a longest increasing subsequence of the
 * matches stays in place, and the rest is deleted and inserted.
 *
 * @see {@link https://doi.org/10.1016/0012-365X(75)90103-X}
 */
function matched(
  before: readonly unknown[],
  after: readonly unknown[],
  { from, to, newFrom, newTo }: Gap,
  same: Same,
): Gap[] {
  /** The index of the old element that each new one came from, or -1. */
  const origins = new Int32Array(newTo - newFrom).fill(-1);
  const taken = new Uint8Array(to - from);
  for (const nameOf of [identityOf, keyOf]) {
    const places = new Map<unknown, number[]>();
    for (let index = to - 1; index >= from; index--) {
      if (taken[index - from]) continue;
      const name = nameOf(before[index]);
      if (name === undefined) continue;
      const list = places.get(name);
      if (list) list.push(index);
      else places.set(name, [index]);
    }
    if (places.size === 0) break;
    for (let index = newFrom; index < newTo; index++) {
      if (origins[index - newFrom] !== -1) continue;
      const name = nameOf(after[index]);
      const place = name === undefined ? undefined : places.get(name)?.pop();
      if (place === undefined) continue;
      origins[index - newFrom] = place;
      taken[place - from] = 1;
    }
  }
  const gaps: Gap[] = [];
  let old = from;
  let at = newFrom;
  const close = (until: number, newUntil: number) => {
    if (old < until || at < newUntil) {
      gaps.push({ from: old, to: until, newFrom: at, newTo: newUntil });
    }
  };
  for (const index of increasing(origins)) {
    const place = origins[index]!;
    close(place, newFrom + index);
    old = place;
    at = newFrom + index;
    if (same(before[place], after[at])) {
      old++;
      at++;
    } else {
      // The same key with a different value gets its own gap, to be compared.
      close(old + 1, at + 1);
      old++;
      at++;
    }
  }
  close(to, newTo);
  return gaps;
}

/** The identity of an element: containers by reference, other values by value. */
function identityOf(element: unknown): unknown {
  return element;
}

/** Identifies a container that is a new object: by its key, otherwise by its text. */
function keyOf(element: unknown): string | undefined {
  if (!isContainer(element) || !isJson(element)) return undefined;
  const { id, key } = element as { id?: unknown; key?: unknown };
  const name = id ?? key;
  return typeof name === "string" || typeof name === "number"
    ? `${typeof name} ${name}`
    : JSON.stringify(element);
}

/** The indexes of a longest increasing subsequence of `values`, ignoring -1. */
function increasing(values: Int32Array): number[] {
  /** For each length, the index of the smallest last value. */
  const ends: number[] = [];
  const previous = new Int32Array(values.length);
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (value < 0) continue;
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[ends[middle]!]! < value) low = middle + 1;
      else high = middle;
    }
    previous[index] = low > 0 ? ends[low - 1]! : -1;
    ends[low] = index;
  }
  const run: number[] = [];
  for (let index = ends.at(-1) ?? -1; index >= 0; index = previous[index]!) {
    run.push(index);
  }
  return run.reverse();
}
