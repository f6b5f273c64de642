/** Whether a value of the application can go over the wire as it is. */
import { isContainer } from "./protocol.ts";

/**
 * Whether `value` is made of strings, finite numbers, booleans, `null`, plain
 * objects and arrays, without cycles. It keeps its own stack, so that nesting
 * cannot exhaust the engine's.
 */
export function isJson(value: unknown): boolean {
  /** Containers around the present value. */
  const around = new Set<unknown>();
  const pending: { value: unknown; leave?: true }[] = [{ value }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { value, leave } = next;
    if (leave) {
      around.delete(value);
    } else if (typeof value === "number") {
      if (!Number.isFinite(value)) return false;
    } else if (isContainer(value)) {
      if (around.has(value)) return false;
      if (!Array.isArray(value) && !isPlain(value)) return false;
      around.add(value);
      pending.push({ value, leave: true });
      // Not `Object.values` for an array: holes must count.
      const children = Array.isArray(value)
        ? Array.from(value)
        : Object.values(value);
      for (const child of children) pending.push({ value: child });
    } else if (
      typeof value !== "string" && typeof value !== "boolean" && value !== null
    ) {
      return false;
    }
  }
  return true;
}

/** A plain object, of this realm or another. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null ||
    (Object.getPrototypeOf(prototype) === null &&
      Object.hasOwn(prototype, "hasOwnProperty"));
}
