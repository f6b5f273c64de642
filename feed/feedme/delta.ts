/**
 * Applies deltas to feed data. Data is never changed in place: what a delta
 * touches is copied along its path and everything else is shared, so that a
 * snapshot once handed out stays true and unchanged branches keep their
 * identity.
 *
 * Only own properties count: `__proto__`, `constructor`, `length` and the like
 * are ordinary names.
 */
import {
  type Delta,
  type DeltaPath,
  isObject,
  type JsonObject,
} from "./protocol.ts";

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

function applyDelta(root: unknown, delta: Delta, own: Set<unknown>): unknown {
  const { Operation: operation, Path: path } = delta;
  switch (operation) {
    case "Set":
      return path.length === 0 ? setRoot(delta.Value) : replaceParent(
        root,
        path,
        own,
        (node, key) => set(node, key, delta.Value, own),
      );
    case "Delete":
      return replaceParent(
        root,
        path,
        own,
        (node, key) => remove(node, existing(node, key)),
      );
    case "InsertBefore":
    case "InsertAfter":
      return replaceParent(root, path, own, (node, key) => {
        existing(node, key);
        if (!Array.isArray(node)) {
          throw new Misfit("Path must reference an array element.");
        }
        const at = Number(key) + (operation === "InsertAfter" ? 1 : 0);
        return [...node.slice(0, at), delta.Value, ...node.slice(at)];
      });
    case "Prepend":
    case "Append":
      return replaceChild(root, path, own, (value) => {
        if (typeof value !== "string") {
          throw new Misfit("Path must reference a string.");
        }
        return operation === "Append"
          ? value + delta.Value
          : delta.Value + value;
      });
    case "Increment":
    case "Decrement":
      return replaceChild(root, path, own, (value) => {
        // An overflow leaves Infinity, which JSON does not know.
        if (!Number.isFinite(value)) {
          throw new Misfit("Path must reference a number.");
        }
        return operation === "Increment"
          ? value as number + delta.Value
          : value as number - delta.Value;
      });
    case "Toggle":
      return replaceChild(root, path, own, (value) => {
        if (typeof value !== "boolean") {
          throw new Misfit("Path must reference a boolean.");
        }
        return !value;
      });
    case "DeleteValue":
      return replaceNode(
        root,
        path,
        own,
        (value) => removeEqual(value, delta.Value),
      );
    case "InsertFirst":
      return replaceNode(
        root,
        path,
        own,
        (value) => [delta.Value, ...array(value)],
      );
    case "InsertLast":
      return replaceNode(
        root,
        path,
        own,
        (value) => append(array(value), delta.Value, own),
      );
    case "DeleteFirst":
      return replaceNode(root, path, own, (value) => filled(value).slice(1));
    case "DeleteLast":
      return replaceNode(
        root,
        path,
        own,
        (value) => filled(value).slice(0, -1),
      );
  }
}

/** Replaces the node at `path` by what `change` makes of it. */
function replaceNode(
  root: unknown,
  path: DeltaPath,
  own: Set<unknown>,
  change: (value: unknown) => unknown,
): unknown {
  return path.length === 0
    ? change(root)
    : replaceChild(root, path, own, change);
}

/** The same where the path must not be empty. */
function replaceChild(
  root: unknown,
  path: DeltaPath,
  own: Set<unknown>,
  change: (value: unknown) => unknown,
): unknown {
  return replaceParent(root, path, own, (node, key) => {
    const value = child(node, existing(node, key));
    const changed = change(value);
    return Object.is(value, changed) ? node : set(node, key, changed, own);
  });
}

/**
 * Replaces the node that holds the last element of `path` by what `change`
 * makes of it, and every node above by a copy that holds the replacement.
 */
function replaceParent(
  root: unknown,
  path: DeltaPath,
  own: Set<unknown>,
  change: (node: unknown, key: string | number) => unknown,
): unknown {
  if (path.length === 0) {
    throw new Misfit("Path must not reference feed data root.");
  }
  const last = path.length - 1;
  const trail: Node[] = [];
  let node = root;
  for (let depth = 0; depth < last; depth++) {
    const key = existing(node, path[depth]!);
    trail.push(node as Node);
    node = child(node as Node, key);
  }
  let changed = change(node, path[last]!);
  for (let depth = last - 1; depth >= 0; depth--) {
    const parent = trail[depth]!;
    const key = path[depth]!;
    if (Object.is(child(parent, key), changed)) return root;
    changed = set(parent, key, changed, own);
  }
  return changed;
}

/** `key`, if `node` is a container that has it. */
function existing(node: unknown, key: string | number): string | number {
  if (typeof key === "number") {
    if (!Array.isArray(node)) throw notAnArray();
    if (key >= node.length) {
      throw new Misfit("Path references a non-existent array element.");
    }
  } else {
    if (!isObject(node)) throw notAnObject();
    if (!Object.hasOwn(node, key)) {
      throw new Misfit("Path references a non-existent object property.");
    }
  }
  return key;
}

function notAnArray(): Misfit {
  return new Misfit(
    "Path references an array element but feed data node is not an array.",
  );
}

function notAnObject(): Misfit {
  return new Misfit(
    "Path references an object property but feed data node is not an object.",
  );
}

function child(node: unknown, key: string | number): unknown {
  return (node as Record<string | number, unknown>)[key];
}

function setRoot(value: unknown): unknown {
  if (isObject(value)) return value;
  throw new Misfit("Feed data root may only be set to an object.");
}

/** `node` with the child replaced or added. */
function set(
  node: unknown,
  key: string | number,
  value: unknown,
  own: Set<unknown>,
): Node {
  if (typeof key === "number") {
    if (!Array.isArray(node)) throw notAnArray();
    if (key > node.length) {
      throw new Misfit("Cannot set a non-contiguous element of an array.");
    }
    if (key === node.length) return append(node, value, own);
    const copy = own.has(node) ? node : node.slice();
    own.add(copy);
    copy[key] = value;
    return copy;
  }
  if (!isObject(node)) throw notAnObject();
  const copy = own.has(node) ? node : { ...node };
  own.add(copy);
  put(copy, key, value);
  return copy;
}

/** Writes an own property; plain assignment would take `__proto__` amiss. */
function put(node: Record<string, unknown>, key: string, value: unknown): void {
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

/** `node` without the child. */
function remove(node: unknown, key: string | number): Node {
  if (Array.isArray(node)) {
    const copy = node.slice();
    copy.splice(key as number, 1);
    return copy;
  }
  return pick(node as Record<string, unknown>, (name) => name !== key);
}

/** A copy with the properties that `keep` wants, in their order. */
function pick(
  node: Record<string, unknown>,
  keep: (name: string) => boolean,
): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(node)) {
    if (keep(name)) put(copy, name, node[name]);
  }
  return copy;
}

function removeEqual(node: unknown, value: unknown): unknown {
  if (Array.isArray(node)) {
    const kept = node.filter((element) => !deepEqual(element, value));
    return kept.length === node.length ? node : kept;
  }
  if (!isObject(node)) {
    throw new Misfit("Path must refer to an array or an object.");
  }
  const names = Object.keys(node).filter((name) =>
    deepEqual(node[name], value)
  );
  if (names.length === 0) return node;
  const gone = new Set(names);
  return pick(node, (name) => !gone.has(name));
}

function array(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw new Misfit("Path must reference an array.");
}

function filled(value: unknown): unknown[] {
  const elements = array(value);
  if (elements.length > 0) return elements;
  throw new Misfit("Path must reference a non-empty array.");
}

function append(
  elements: unknown[],
  value: unknown,
  own: Set<unknown>,
): unknown[] {
  if (own.has(elements)) {
    elements.push(value);
    return elements;
  }
  const copy = [...elements, value];
  own.add(copy);
  return copy;
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
