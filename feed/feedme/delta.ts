/**
 * Applies deltas to feed data. Data is never changed in place: what a delta
 * touches is copied along its path and everything else is shared, so that a
 * snapshot once handed out stays true and unchanged branches keep their
 * identity.
 *
 * Only own properties count: `__proto__`, `constructor`, `length` and the like
 * are ordinary names.
 */
import { type Delta, isObject, type JsonObject } from "./protocol.ts";

/** The new data, or which delta could not be applied and why. */
export type DeltaResult =
  | { data: JsonObject; reason?: undefined }
  | { data?: undefined; index: number; reason: string };

type Node = Record<string, unknown> | unknown[];

/** A reason why a delta does not fit, thrown and caught in this file alone. */
class Misfit {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
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
      if (error instanceof Misfit) return { index, reason: error.reason };
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
  const trail: Node[] = [];
  let node = root;
  for (let depth = 0; depth < last; depth++) {
    const key = path[depth]!;
    checkExistence(node, key);
    trail.push(node);
    node = child(node, key);
  }
  let changed: unknown = changeChild(node, path[last]!, delta, own);
  for (let depth = last - 1; depth >= 0; depth--) {
    const parent = trail[depth]!;
    const key = path[depth]!;
    if (Object.is(child(parent, key), changed)) return root;
    changed = set(parent, key, changed, own);
  }
  return changed;
}

/** What `delta` makes of `node`, which holds the last element of its path. */
function changeChild(
  node: unknown,
  key: string | number,
  delta: Delta,
  own: Set<unknown>,
): Node {
  const { Operation: operation } = delta;
  if (operation === "Set") {
    checkKind(node, key);
    return set(node, key, delta.Value, own);
  }
  checkExistence(node, key);
  if (operation === "Delete") {
    return Array.isArray(node)
      ? node.toSpliced(Number(key), 1)
      : without(node, (name) => name === key);
  }
  if (operation === "InsertBefore" || operation === "InsertAfter") {
    expect(Array.isArray(node), "Path must reference an array element.");
    const at = Number(key) + (operation === "InsertAfter" ? 1 : 0);
    return node.toSpliced(at, 0, delta.Value);
  }
  const value = child(node, key);
  const changed = changeValue(value, delta, own);
  return Object.is(value, changed) ? node : set(node, key, changed, own);
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
    return set(value, value.length, delta.Value, own);
  }
  expect(value.length > 0, "Path must reference a non-empty array.");
  return delta.Operation === "DeleteFirst"
    ? value.slice(1)
    : value.slice(0, -1);
}

function expect(fits: boolean, reason: string): asserts fits {
  if (!fits) throw new Misfit(reason);
}

/** Whether `node` is a container that may have `key`. */
function checkKind(
  node: unknown,
  key: string | number,
): asserts node is Node {
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

/** Whether `node` is a container that has `key`. */
function checkExistence(
  node: unknown,
  key: string | number,
): asserts node is Node {
  checkKind(node, key);
  if (typeof key === "number") {
    expect(
      key < (node as unknown[]).length,
      "Path references a non-existent array element.",
    );
  } else {
    expect(
      Object.hasOwn(node, key),
      "Path references a non-existent object property.",
    );
  }
}

function child(node: Node, key: string | number): unknown {
  return (node as Record<string | number, unknown>)[key];
}

/** `node` with the child replaced or added. */
function set(
  node: Node,
  key: string | number,
  value: unknown,
  own: Set<unknown>,
): Node {
  if (Array.isArray(node)) {
    const index = Number(key);
    expect(
      index <= node.length,
      "Cannot set a non-contiguous element of an array.",
    );
    const copy = own.has(node) ? node : node.slice();
    own.add(copy);
    copy[index] = value;
    return copy;
  }
  const copy = own.has(node) ? node : { ...node };
  own.add(copy);
  put(copy, key, value);
  return copy;
}

/** Writes an own property; plain assignment would take `__proto__` amiss. */
function put(
  node: Record<string, unknown>,
  key: string | number,
  value: unknown,
): void {
  if (key === "__proto__") {
    Object.defineProperty(node, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else {
    node[key] = value;
  }
}

/** A copy without some properties; `delete` would make it a slow one. */
function without(
  node: Record<string, unknown>,
  gone: (name: string) => boolean,
): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(node)) {
    if (!gone(name)) put(copy, name, node[name]);
  }
  return copy;
}

function removeEqual(node: unknown, value: unknown): unknown {
  if (Array.isArray(node)) {
    const kept = node.filter((element) => !deepEqual(element, value));
    return kept.length === node.length ? node : kept;
  }
  expect(isObject(node), "Path must refer to an array or an object.");
  const gone = new Set<string>();
  for (const name of Object.keys(node)) {
    if (deepEqual(node[name], value)) gone.add(name);
  }
  return gone.size === 0 ? node : without(node, (name) => gone.has(name));
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
      for (let index = 0; index < a.length; index++) {
        pending.push(a[index], b[index]);
      }
    } else if (isObject(a)) {
      if (!isObject(b)) return false;
      const names = Object.keys(a);
      if (names.length !== Object.keys(b).length) return false;
      for (const name of names) {
        if (!Object.hasOwn(b, name)) return false;
        pending.push(a[name], b[name]);
      }
    } else {
      return false;
    }
  }
  return true;
}
