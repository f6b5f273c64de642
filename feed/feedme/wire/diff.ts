/**
 * Computes the deltas that turn the old feed data into the new.
 *
 * Snapshots share structure: branches that are the same object are skipped unread, so
 * the work depends on the size of the change and the width of the containers around it.
 * Branches that are equal but not identical cost a comparison and no delta. If the
 * deltas within a container would be longer than the container, it is set as a whole.
 */
import { alignArrays } from "./align.ts";
import { deepEqual } from "./delta.ts";
import { checkJson, DEFAULT_MAX_DEPTH, isPlain } from "./json.ts";
import {
  type Delta,
  type DeltaPath,
  isContainer,
  isObject,
  type Json,
  type JsonObject,
} from "./protocol.ts";

/**
 * How many elements the deltas of one array may move at a client. Beyond that, the array
 * is set as a whole, because applying the deltas would take the client longer than
 * parsing the array.
 */
const MOST_WORK = 2e8;

/** The characters of a delta without its path and value. */
const FRAME = 30;

type Path = (string | number)[];

/** Deltas, and their length in characters. */
interface Change {
  deltas: Delta[];
  size: number;
}

/** Options of {@linkcode diff}. */
export interface DiffOptions {
  /** The most levels of arrays and objects in the data. @default {200} */
  maxDepth?: number | undefined;
  /** Filled with the new parts of `after`, so that the caller can freeze them. */
  taken?: Taken | undefined;
}

/** The arrays and objects that a change added to the data. */
export interface Taken {
  /** Containers that are new, although some of their contents are not. */
  readonly containers: object[];
  /** Values that are new with everything in them. */
  readonly values: unknown[];
}

/**
 * The deltas that turn `before` into `after`, in order; none if they are equal. `before`
 * must already have been checked.
 *
 * @throws {DataError} if a new part of `after` is not data as defined in `json.ts`
 */
export function diff(
  before: JsonObject,
  after: JsonObject,
  options: DiffOptions = {},
): Delta[] {
  const { maxDepth = DEFAULT_MAX_DEPTH, taken } = options;
  return diffValue(before, after, [], 0, { maxDepth, taken }).deltas;
}

/** Shared by all steps of one comparison. */
interface Comparison {
  readonly maxDepth: number;
  readonly taken: Taken | undefined;
}

/** Compares two values; `length` is the length of the path as text. */
function diffValue(
  before: unknown,
  after: unknown,
  path: Path,
  length: number,
  comparison: Comparison,
): Change {
  if (Object.is(before, after) || before === after) return none();
  if (isContainer(before) && isContainer(after)) {
    const list = Array.isArray(after);
    if (Array.isArray(before) === list) {
      // An instance of a class may look like the plain object it replaces.
      if (!isPlain(after) || path.length >= comparison.maxDepth) {
        checkNew(after, path, comparison);
      }
      comparison.taken?.containers.push(after);
      const change = list
        ? diffArray(before as unknown[], after, path, length, comparison)
        : diffObject(
          before as JsonObject,
          after as JsonObject,
          path,
          length,
          comparison,
        );
      return shortest(change, after, path);
    }
  } else if (typeof before === "boolean" && typeof after === "boolean") {
    return one({ Operation: "Toggle", Path: path }, length, comparison);
  } else if (typeof before === "string" && typeof after === "string") {
    return diffText(before, after, path, length, comparison);
  }
  return one(
    { Operation: "Set", Path: path, Value: after as Json },
    length,
    comparison,
  );
}

/** Checks a value that will be at `path`; returns its length as text. */
function checkNew(
  value: unknown,
  path: DeltaPath,
  { maxDepth, taken }: Comparison,
): number {
  const size = checkJson(value, "Feed data", {
    maxDepth: maxDepth - path.length,
    path,
  });
  if (isContainer(value)) taken?.values.push(value);
  return size;
}

function none(): Change {
  return { deltas: [], size: 0 };
}

function one(delta: Delta, length: number, comparison: Comparison): Change {
  const value = "Value" in delta
    ? checkNew(delta.Value, placeOf(delta), comparison)
    : 0;
  return { deltas: [delta], size: FRAME + length + value };
}

/** The path of the value of `delta`, or of an element next to it. */
function placeOf({ Operation, Path: path }: Delta): DeltaPath {
  return Operation === "InsertFirst" || Operation === "InsertLast"
    ? [...path, 0]
    : path;
}

function add(change: Change, { deltas, size }: Change): void {
  for (const delta of deltas) change.deltas.push(delta);
  change.size += size;
}

/** The change, or a delta that sets `after` as a whole if that is shorter. */
function shortest(change: Change, after: unknown, path: Path): Change {
  const limit = change.size - FRAME;
  if (change.deltas.length === 0 || limit <= 0) return change;
  const size = textSize(after, limit);
  if (size >= limit) return change;
  return {
    deltas: [{ Operation: "Set", Path: path, Value: after as Json }],
    size: size + FRAME,
  };
}

function diffText(
  before: string,
  after: string,
  path: Path,
  length: number,
  comparison: Comparison,
): Change {
  // Must save more than the few extra characters of the operation's name.
  if (before.length > 4 && after.length > before.length) {
    if (after.startsWith(before)) {
      const Value = after.slice(before.length);
      return one(
        { Operation: "Append", Path: path, Value },
        length,
        comparison,
      );
    }
    if (after.endsWith(before)) {
      const Value = after.slice(0, -before.length);
      return one(
        { Operation: "Prepend", Path: path, Value },
        length,
        comparison,
      );
    }
  }
  return one(
    { Operation: "Set", Path: path, Value: after },
    length,
    comparison,
  );
}

function diffObject(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  path: Path,
  length: number,
  comparison: Comparison,
): Change {
  const change = none();
  const names = Object.keys(after);
  let kept = 0;
  for (const name of names) {
    const value = after[name];
    const known = Object.hasOwn(before, name);
    if (known) kept++;
    if (known && before[name] === value) continue;
    const inner = [...path, name];
    const innerLength = length + name.length + 3;
    add(
      change,
      known
        ? diffValue(before[name], value, inner, innerLength, comparison)
        : one(
          { Operation: "Set", Path: inner, Value: value as Json },
          innerLength,
          comparison,
        ),
    );
  }
  const oldNames = Object.keys(before);
  if (kept === oldNames.length) return change;
  for (const name of oldNames) {
    if (Object.hasOwn(after, name)) continue;
    add(
      change,
      one(
        { Operation: "Delete", Path: [...path, name] },
        length + name.length,
        comparison,
      ),
    );
  }
  return change;
}

function diffArray(
  before: readonly unknown[],
  after: readonly unknown[],
  path: Path,
  length: number,
  comparison: Comparison,
): Change {
  const gaps = alignArrays(before, after, (a, b) => same(a, b, comparison));
  // Each delta of an array moves the elements after it, at every client. A gap takes a
  // delta for each of its elements; finding out whether it takes more is not worth it.
  const least = gaps.reduce(
    (sum, { from, to, newFrom, newTo }) =>
      sum + Math.max(to - from, newTo - newFrom),
    0,
  );
  const whole = () =>
    one(
      { Operation: "Set", Path: path, Value: after as Json },
      length,
      comparison,
    );
  const tooMany = (count: number) =>
    count * (before.length + after.length) > MOST_WORK;
  if (tooMany(least)) return whole();
  const change = none();
  // How much the deltas so far have lengthened the array.
  let shift = 0;
  for (const { from, to, newFrom, newTo } of gaps) {
    const paired = Math.min(to - from, newTo - newFrom);
    for (let index = 0; index < paired; index++) {
      add(
        change,
        diffValue(
          before[from + index],
          after[newFrom + index],
          [...path, from + index + shift],
          length + 5,
          comparison,
        ),
      );
    }
    const at = from + paired + shift;
    for (let index = from + paired; index < to; index++) {
      const last = at === before.length + shift - 1;
      add(
        change,
        at === 0
          ? one({ Operation: "DeleteFirst", Path: path }, length, comparison)
          : last
          ? one({ Operation: "DeleteLast", Path: path }, length, comparison)
          : one(
            { Operation: "Delete", Path: [...path, at] },
            length + 5,
            comparison,
          ),
      );
      shift--;
    }
    for (let index = newFrom + paired; index < newTo; index++) {
      const Value = after[index] as Json;
      const place = index;
      const count = before.length + shift;
      add(
        change,
        place === count
          ? one(
            { Operation: "InsertLast", Path: path, Value },
            length,
            comparison,
          )
          : place === 0
          ? one(
            { Operation: "InsertFirst", Path: path, Value },
            length,
            comparison,
          )
          : one(
            { Operation: "InsertBefore", Path: [...path, place], Value },
            length + 5,
            comparison,
          ),
      );
      shift++;
    }
  }
  return tooMany(change.deltas.length) ? whole() : change;
}

function same(a: unknown, b: unknown, { taken }: Comparison): boolean {
  if (a === b) return true;
  if (!isContainer(a) || !isContainer(b) || !deepEqual(a, b)) return false;
  taken?.values.push(b);
  return true;
}

/**
 * The approximate length of `value` as JSON in characters, counted up to `limit`. Uses
 * its own stack.
 */
function textSize(value: unknown, limit: number): number {
  let size = 0;
  const pending: unknown[] = [value];
  while (pending.length > 0 && size < limit) {
    const next = pending.pop();
    if (typeof next === "string") {
      size += next.length + 2;
    } else if (Array.isArray(next)) {
      size += next.length + 1;
      // Each element takes at least one character.
      if (size >= limit) return size;
      for (const element of next) pending.push(element);
    } else if (isObject(next)) {
      size += 2;
      for (const name in next) {
        size += name.length + 4;
        if (size >= limit) return size;
        pending.push(next[name]);
      }
    } else {
      size += `${String(next)}`.length;
    }
  }
  return size;
}
