/**
 * Applies deltas to feed data. Data is never changed in place: what a delta
 * touches is copied along its path and everything else is shared, so that a
 * snapshot once handed out stays true and unchanged branches keep their
 * identity.
 *
 * Only own properties count: `__proto__`, `constructor`, `length` and the like
 * are ordinary names.
 */
import { FeedlineError, isFeedlineError } from "../../../net/errors.ts";
import { type Delta, isObject, type JsonObject } from "./protocol.ts";

/** The new data, or which delta could not be applied and why. */
export type DeltaResult =
  | { data: JsonObject; reason?: undefined }
  | { data?: undefined; index: number; reason: string };

type Key = string | number;

/** An object or an array. */
type Node = Record<Key, unknown>;

/** Its message is why a delta does not fit; thrown and caught in this file alone. */
class Misfit extends FeedlineError<"INVALID_DELTA"> {
  constructor(message: string) {
    super("INVALID_DELTA", message);
  }
}

/**
 * Applies `deltas` in their order, all or none. They must have passed
 * `checkDelta`.
 */
export function applyDeltas(
  data: JsonObject,
  deltas: readonly Delta[],
): DeltaResult {
  let root: unknown = data;
  // Nodes that this call made; nobody else knows them yet.
  const own = new Set<unknown>();
  for (let index = 0; index < deltas.length; index++) {
    try {
      root = applyDelta(root, deltas[index]!, own);
    } catch (error) {
      if (isFeedlineError(error, "INVALID_DELTA")) {
        return { index, reason: error.message };
      }
      throw error;
    }
  }
  return { data: root as JsonObject };
}

/** Operations that may change the root itself, which `Set` may replace. */
const ON_ROOT: readonly string[] = [
  "DeleteValue",
  "InsertFirst",
  "InsertLast",
  "DeleteFirst",
  "DeleteLast",
];

/**
 * Replaces what `delta` is about, and every node above by a copy that holds the
 * replacement. `own` are the nodes that need no copy.
 */
function applyDelta(root: unknown, delta: Delta, own: Set<unknown>): unknown {
  const { Operation: operation, Path: path } = delta;
  const last = path.length - 1;
  if (last < 0) {
    if (operation === "Set") {
      const { Value: value } = delta;
      expect(isObject(value), "Feed data root may only be set to an object.");
      return value;
    }
    expect(
      ON_ROOT.includes(operation),
      "Path must not reference feed data root.",
    );
    return changeValue(root, delta, own);
  }
  const trail = [root];
  for (let depth = 0; depth < last; depth++) {
    trail.push(child(trail[depth], path[depth]!));
  }
  let changed: unknown = changeChild(trail[last], path[last]!, delta, own);
  for (let depth = last - 1; depth >= 0; depth--) {
    changed = set(trail[depth] as Node, path[depth]!, changed, own);
  }
  return changed;
}

/** What `delta` makes of `node`, which holds the last element of its path. */
function changeChild(
  node: unknown,
  key: Key,
  delta: Delta,
  own: Set<unknown>,
): unknown {
  const { Operation: operation } = delta;
  if (operation === "Set") {
    checkKind(node, key);
    return set(node, key, delta.Value, own);
  }
  const value = child(node, key);
  const index = Number(key);
  switch (operation) {
    case "Delete": {
      if (Array.isArray(node)) return node.toSpliced(index, 1);
      const { [key]: _, ...rest } = node as JsonObject;
      return rest;
    }
    case "InsertBefore":
    case "InsertAfter":
      expect(Array.isArray(node), "Path must reference an array element.");
      return node.toSpliced(
        operation === "InsertAfter" ? index + 1 : index,
        0,
        delta.Value,
      );
  }
  return set(node as Node, key, changeValue(value, delta, own), own);
}

/** What `delta` makes of `value`, to which its path leads. */
function changeValue(
  value: unknown,
  delta: Delta,
  own: Set<unknown>,
): unknown {
  switch (delta.Operation) {
    case "Prepend":
    case "Append":
      expect(typeof value === "string", "Path must reference a string.");
      return delta.Operation === "Append"
        ? value + delta.Value
        : delta.Value + value;
    case "Increment":
    case "Decrement":
      // An overflow leaves Infinity, which JSON does not know.
      expect(Number.isFinite(value), "Path must reference a number.");
      return delta.Operation === "Increment"
        ? value as number + delta.Value
        : value as number - delta.Value;
    case "Toggle":
      expect(typeof value === "boolean", "Path must reference a boolean.");
      return !value;
    case "DeleteValue":
      return removeEqual(value, delta.Value);
  }
  expect(Array.isArray(value), "Path must reference an array.");
  if (delta.Operation === "InsertFirst") return [delta.Value, ...value];
  if (delta.Operation === "InsertLast") {
    return set(value as unknown as Node, value.length, delta.Value, own);
  }
  expect(value.length > 0, "Path must reference a non-empty array.");
  return delta.Operation === "DeleteFirst"
    ? value.slice(1)
    : value.slice(0, -1);
}

function expect(fits: boolean, reason: string): asserts fits {
  if (!fits) throw new Misfit(reason);
}

/** Checks that `node` is a container that may have `key`. */
function checkKind(node: unknown, key: Key): asserts node is Node {
  if (typeof key === "number") {
    expect(
      Array.isArray(node),
      "Path references an array element but feed data node is not an array.",
    );
  } else {
    expect(
      isObject(node),
      "Path references an object property but feed data node is not an object.",
    );
  }
}

/** What `node` has under `key`. */
function child(node: unknown, key: Key): unknown {
  checkKind(node, key);
  expect(
    Object.hasOwn(node, key),
    typeof key === "number"
      ? "Path references a non-existent array element."
      : "Path references a non-existent object property.",
  );
  return node[key];
}

/** `node` with the child replaced or added. */
function set(node: Node, key: Key, value: unknown, own: Set<unknown>): Node {
  if (Object.is(node[key], value)) return node;
  let copy = node;
  if (Array.isArray(node)) {
    expect(
      Number(key) <= node.length,
      "Cannot set a non-contiguous element of an array.",
    );
    if (!own.has(node)) copy = node.slice() as unknown as Node;
  } else if (key === "__proto__") {
    // Assignment would take it amiss, unless the property is there.
    copy = { ...node, [key]: value };
  } else if (!own.has(node)) {
    copy = { ...node };
  }
  own.add(copy);
  copy[key] = value;
  return copy;
}

function removeEqual(node: unknown, value: unknown): unknown {
  if (Array.isArray(node)) {
    const kept = node.filter((element) => !deepEqual(element, value));
    return kept.length === node.length ? node : kept;
  }
  expect(isObject(node), "Path must refer to an array or an object.");
  const entries = Object.entries(node);
  const kept = entries.filter(([, element]) => !deepEqual(element, value));
  return kept.length === entries.length ? node : Object.fromEntries(kept);
}

/**
 * Whether two JSON values are the same: order of names aside, no coercion. It
 * keeps its own stack, so that nesting cannot exhaust the engine's.
 */
export function deepEqual(left: unknown, right: unknown): boolean {
  const pending: unknown[] = [left, right];
  while (pending.length > 0) {
    const b = pending.pop();
    const a = pending.pop();
    if (a === b) continue;
    if (Array.isArray(a)) {
      if (!Array.isArray(b) || a.length !== b.length) return false;
      a.forEach((element, index) => pending.push(element, b[index]));
    } else {
      if (!isObject(a) || !isObject(b)) return false;
      const names = Object.keys(a);
      if (names.length !== Object.keys(b).length) return false;
      for (const name of names) {
        if (!Object.hasOwn(b, name)) return false;
        pending.push(a[name], b[name]);
      }
    }
  }
  return true;
}
