/**
 * Canonical JSON: the one text of a value that both sides hash. Names in the
 * order of their UTF-16 code units, no spaces, numbers and strings as
 * `JSON.stringify` writes them.
 */
import { isObject } from "./protocol.ts";

/** Writes `value` canonically. It keeps its own stack, so any nesting is fine. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return scalar(value);
  let text = "";
  const stack: { node: unknown; names: string[] | undefined; next: number }[] =
    [];
  let current: unknown = value;
  for (;;) {
    if (typeof current === "object" && current !== null) {
      const names = isObject(current) ? sortedNames(current) : undefined;
      stack.push({ node: current, names, next: 0 });
      text += names ? "{" : "[";
    } else {
      text += scalar(current);
    }
    // Leave every container that is complete, then go on to the next child.
    let top = stack.at(-1);
    while (top && top.next === childCount(top)) {
      text += top.names ? "}" : "]";
      stack.pop();
      top = stack.at(-1);
    }
    if (!top) return text;
    if (top.next > 0) text += ",";
    const key = top.names ? top.names[top.next]! : top.next;
    if (top.names) text += JSON.stringify(key) + ":";
    current = (top.node as Record<string | number, unknown>)[key];
    top.next++;
  }
}

function childCount(
  { node, names }: { node: unknown; names: string[] | undefined },
): number {
  return names ? names.length : (node as unknown[]).length;
}

/** The own names of `node` in canonical order. */
export function sortedNames(node: object): string[] {
  const names = Object.keys(node);
  for (let index = 1; index < names.length; index++) {
    // Most objects come sorted already, or nearly so; `sort` compares code units.
    if (names[index - 1]! > names[index]!) return names.sort();
  }
  return names;
}

/** Writes anything but a container. */
function scalar(value: unknown): string {
  return typeof value === "string" || typeof value === "number"
    ? JSON.stringify(value)
    : `${value}`;
}

/**
 * How many values `node` holds, itself counted, as far as `limit`. More than
 * the limit reads as `limit + 1`.
 */
export function sizeUpTo(node: unknown, limit: number): number {
  if (typeof node !== "object" || node === null) return 1;
  const values = Array.isArray(node) ? node : Object.values(node);
  if (values.length >= limit) return limit + 1;
  let size = 1;
  for (const value of values) {
    size += sizeUpTo(value, limit - size);
    if (size > limit) return limit + 1;
  }
  return size;
}

/** The number of bytes of `text` in UTF-8; `text` has no lone surrogates. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    // A pair of surrogates is four bytes: two for each unit.
    if (unit > 0x7f) {
      length += unit > 0x7ff && (unit & 0xf800) !== 0xd800 ? 2 : 1;
    }
  }
  return length;
}
