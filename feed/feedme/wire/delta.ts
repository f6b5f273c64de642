/**
 * Applies deltas to feed data. Data is never changed in place: the nodes along a delta's
 * path are copied and everything else is shared, so that snapshots stay valid and
 * unchanged branches keep their identity.
 *
 * Only own properties count: `__proto__`, `constructor`, `length` and the like
 * are ordinary names.
 */
import { isObject } from "../../../net/shape.ts";
import { FeedlineError, isFeedlineError } from "../../../net/errors.ts";
import { isPlain, type JsonObject } from "./json.ts";
import type { Delta } from "./protocol.ts";

/** The new data, or which delta could not be applied and why. */
export type DeltaResult =
  | {
    data: JsonObject;
    /** The arrays and objects that were copied. */
    copies: ReadonlySet<object>;
    reason?: undefined;
  }
  | { data?: undefined; index: number; reason: string };

type Key = string | number;

/** An object or an array. */
type Node = Record<Key, unknown>;

/** Thrown, and caught in this file, if a delta cannot be applied; the message says why. */
class Misfit extends FeedlineError<"INVALID_DELTA"> {
  constructor(message: string) {
    super("INVALID_DELTA", message);
  }
}

/**
 * Applies all `deltas` in order, or none. They must have passed `checkDelta`.
 */
export function applyDeltas(
  data: JsonObject,
  deltas: readonly Delta[],
): DeltaResult {
  let root: unknown = data;
  // Nothing else refers to these copies yet, so they can be changed in place.
  const copies = new Set<object>();
  for (let index = 0; index < deltas.length; index++) {
    try {
      root = applyDelta(root, deltas[index]!, copies);
    } catch (error) {
      if (isFeedlineError(error, "INVALID_DELTA")) {
        return { index, reason: error.message };
      }
      throw error;
    }
  }
  return { data: root as JsonObject, copies };
}

/**
 * Replaces the node that `delta` changes, and every node above it with a copy that
 * contains the replacement.
 */
function applyDelta(
  root: unknown,
  delta: Delta,
  copies: Set<object>,
): unknown {
  const { Path: path } = delta;
  const last = path.length - 1;
  if (last < 0) return changeRoot(root, delta, copies);
  const trail = [root];
  for (let depth = 0; depth < last; depth++) {
    trail.push(child(trail[depth], path[depth]!));
  }
  let changed: unknown = changeChild(trail[last], path[last]!, delta, copies);
  for (let depth = last - 1; depth >= 0; depth--) {
    changed = set(trail[depth] as Node, path[depth]!, changed, copies);
  }
  return changed;
}

/** The feed data after `delta`, whose path is empty. */
function changeRoot(
  root: unknown,
  delta: Delta,
  copies: Set<object>,
): unknown {
  switch (delta.Operation) {
    case "Set":
      expect(
        isObject(delta.Value),
        "Feed data root may only be set to an object.",
      );
      return delta.Value;
    case "DeleteValue":
    case "InsertFirst":
    case "InsertLast":
    case "DeleteFirst":
    case "DeleteLast":
      return changeValue(root, delta, copies);
    case "Delete":
    case "Prepend":
    case "Append":
    case "Increment":
    case "Decrement":
    case "Toggle":
    case "InsertBefore":
    case "InsertAfter":
      throw new Misfit("Path must not reference feed data root.");
    default:
      return unknown(delta);
  }
}

/** `node`, which contains the last element of the path, after `delta`. */
function changeChild(
  node: unknown,
  key: Key,
  delta: Delta,
  copies: Set<object>,
): unknown {
  if (delta.Operation === "Set") {
    checkKind(node, key);
    return set(node, key, delta.Value, copies);
  }
  const value = child(node, key);
  const index = Number(key);
  switch (delta.Operation) {
    case "Delete": {
      if (Array.isArray(node)) return splice(node, index, 1, [], copies);
      const { [key]: _, ...rest } = node as JsonObject;
      return copied(rest, copies);
    }
    case "InsertBefore":
    case "InsertAfter": {
      expect(Array.isArray(node), "Path must reference an array element.");
      const at = delta.Operation === "InsertAfter" ? index + 1 : index;
      return splice(node, at, 0, [delta.Value], copies);
    }
    default:
      return set(node as Node, key, changeValue(value, delta, copies), copies);
  }
}

/** The operations that change a value regardless of its parent. */
type ChangeInPlace = Exclude<
  Delta,
  { Operation: "Set" | "Delete" | "InsertBefore" | "InsertAfter" }
>;

/** `value`, to which the path leads, after `delta`. */
function changeValue(
  value: unknown,
  delta: ChangeInPlace,
  copies: Set<object>,
): unknown {
  switch (delta.Operation) {
    case "Prepend":
      expect(typeof value === "string", "Path must reference a string.");
      return delta.Value + value;
    case "Append":
      expect(typeof value === "string", "Path must reference a string.");
      return value + delta.Value;
    case "Increment":
      return number(value) + delta.Value;
    case "Decrement":
      return number(value) - delta.Value;
    case "Toggle":
      expect(typeof value === "boolean", "Path must reference a boolean.");
      return !value;
    case "DeleteValue":
      return removeEqual(value, delta.Value, copies);
    case "InsertFirst":
      return splice(array(value), 0, 0, [delta.Value], copies);
    case "InsertLast": {
      const list = array(value);
      return splice(list, list.length, 0, [delta.Value], copies);
    }
    case "DeleteFirst":
      return splice(filled(value), 0, 1, [], copies);
    case "DeleteLast": {
      const list = filled(value);
      return splice(list, list.length - 1, 1, [], copies);
    }
    default:
      return unknown(delta);
  }
}

/** Unreachable: both `checkDelta` and the compiler reject other operations. */
function unknown(delta: never): never {
  throw new Misfit(
    `Operation ${JSON.stringify((delta as Delta).Operation)} is not known.`,
  );
}

function copied<T extends object>(copy: T, copies: Set<object>): T {
  copies.add(copy);
  return copy;
}

/** A copy of `list` with elements removed and others inserted at `index`. */
function splice(
  list: readonly unknown[],
  index: number,
  remove: number,
  insert: readonly unknown[],
  copies: Set<object>,
): readonly unknown[] {
  const own = copies.has(list) ? list : copied(list.slice(), copies);
  (own as unknown[]).splice(index, remove, ...insert);
  return own;
}

function number(value: unknown): number {
  // An overflow results in Infinity, which JSON cannot represent.
  expect(Number.isFinite(value), "Path must reference a number.");
  return value as number;
}

function array(value: unknown): readonly unknown[] {
  expect(Array.isArray(value), "Path must reference an array.");
  return value;
}

function filled(value: unknown): readonly unknown[] {
  const list = array(value);
  expect(list.length > 0, "Path must reference a non-empty array.");
  return list;
}

function expect(fits: boolean, reason: string): asserts fits {
  if (!fits) throw new Misfit(reason);
}

/** Checks that `node` is a container that can have `key`. */
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

/** The value of `key` in `node`. */
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

/** Returns `node` with the child replaced or added. */
function set(
  node: Node,
  key: Key,
  value: unknown,
  copies: Set<object>,
): Node {
  if (Object.is(node[key], value)) return node;
  let copy = node;
  if (Array.isArray(node)) {
    expect(
      Number(key) <= node.length,
      "Cannot set a non-contiguous element of an array.",
    );
    if (!copies.has(node)) copy = node.slice() as unknown as Node;
  } else if (key === "__proto__") {
    // Assigning to `__proto__` would change the prototype unless the property exists.
    copy = { ...node, [key]: value };
  } else if (!copies.has(node)) {
    copy = { ...node };
  }
  copies.add(copy);
  copy[key] = value;
  return copy;
}

function removeEqual(
  node: unknown,
  value: unknown,
  copies: Set<object>,
): unknown {
  if (Array.isArray(node)) {
    const kept = node.filter((element) => !deepEqual(element, value));
    return kept.length === node.length ? node : copied(kept, copies);
  }
  expect(isObject(node), "Path must refer to an array or an object.");
  const entries = Object.entries(node);
  const kept = entries.filter(([, element]) => !deepEqual(element, value));
  return kept.length === entries.length
    ? node
    : copied(Object.fromEntries(kept), copies);
}

/**
 * Whether `right` is the same JSON value as `left`, without coercion and regardless of
 * the order of names. `left` must be data. An instance of a class equals nothing,
 * whatever its properties. Uses its own stack, so that nesting cannot exhaust the
 * engine's.
 */
export function deepEqual(left: unknown, right: unknown): boolean {
  const pending: unknown[] = [left, right];
  while (pending.length > 0) {
    const b = pending.pop();
    const a = pending.pop();
    if (a === b) continue;
    if (Array.isArray(a)) {
      if (!Array.isArray(b) || a.length !== b.length || !isPlain(b)) {
        return false;
      }
      a.forEach((element, index) => pending.push(element, b[index]));
    } else {
      if (!isObject(a) || !isObject(b) || !isPlain(b)) return false;
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
