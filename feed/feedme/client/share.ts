/**
 * Keeps identities when data arrives again: after a reconnect, when a window moves, and
 * when optimistic changes are laid over new data. What is equal stays the same object,
 * so a view that compares by identity renders only what differs.
 */
import { isContainer, isObject } from "../wire/protocol.ts";

type Key = string | number;
type Node = Record<Key, unknown>;

/**
 * Returns data equal to `after` in which every part that `before` also has is the object
 * from `before`; `before` itself if they are equal. Changes neither. Parts that are
 * the same object in both are not read, so the work depends on what differs.
 *
 * The elements of arrays are matched by identity, then by their `id` or `key`, then by
 * value.
 */
export function share<T>(before: unknown, after: T): T {
  if (before === after) return after;
  if (Array.isArray(before) && Array.isArray(after)) {
    return shareArray(before, after) as T;
  }
  if (isObject(before) && isObject(after)) {
    return shareObject(before, after) as T;
  }
  return after;
}

function shareObject(before: Node, after: Node): Node {
  const names = Object.keys(after);
  let same = names.length === Object.keys(before).length;
  let copy: Node | undefined;
  for (const name of names) {
    const value = after[name];
    if (!Object.hasOwn(before, name)) {
      same = false;
      continue;
    }
    const shared = share(before[name], value);
    if (shared !== before[name]) same = false;
    if (shared === value) continue;
    // A spread also copies `__proto__` as an ordinary name, and so does this.
    copy ??= { ...after };
    Object.defineProperty(copy, name, {
      value: shared,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return same ? before : copy ?? after;
}

function shareArray(
  before: readonly unknown[],
  after: readonly unknown[],
): readonly unknown[] {
  const least = Math.min(before.length, after.length);
  let start = 0;
  while (start < least && before[start] === after[start]) start++;
  let end = 0;
  while (
    end < least - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  ) end++;
  const from = before.slice(start, before.length - end);
  const to = after.slice(start, after.length - end);
  if (from.length === 0 && to.length === 0) return before;
  const shared = shareElements(from, to);
  if (
    before.length === after.length &&
    shared.every((value, index) => value === from[index])
  ) return before;
  if (shared.every((value, index) => value === to[index])) return after;
  const copy = after.slice();
  for (let index = 0; index < shared.length; index++) {
    copy[start + index] = shared[index];
  }
  return copy;
}

/** The elements `to`, as objects from `from` where there is a match. */
function shareElements(
  from: readonly unknown[],
  to: readonly unknown[],
): readonly unknown[] {
  if (!to.some(isContainer) || from.length === 0) return to;
  const present = new Set(from);
  const wanted = new Set(to);
  const byName = new Map<unknown, unknown[]>();
  // Those that are in both arrays stay with themselves.
  for (const element of from) {
    if (!isContainer(element) || wanted.has(element)) continue;
    const name = nameOf(element);
    const list = byName.get(name);
    if (list) list.push(element);
    else byName.set(name, [element]);
  }
  for (const list of byName.values()) list.reverse();
  return to.map((element) => {
    if (!isContainer(element) || present.has(element)) return element;
    const match = byName.get(nameOf(element))?.pop();
    return match === undefined ? element : share(match, element);
  });
}

/** What an element is recognized by: its `id` or `key`, or else its text. */
function nameOf(element: object): string {
  for (const property of ["id", "key"] as const) {
    if (!Object.hasOwn(element, property)) continue;
    const value = (element as Node)[property];
    if (typeof value === "string" || typeof value === "number") {
      return `${property} ${typeof value} ${value}`;
    }
  }
  return JSON.stringify(element);
}
