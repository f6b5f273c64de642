/**
 * Canonical JSON: the one text of a value that both sides hash. Names in the
 * order of their UTF-16 code units, no spaces, numbers and strings as
 * `JSON.stringify` writes them.
 */
import { isObject } from "./protocol.ts";

/** Writes `value` canonically. It keeps its own stack, so any nesting is fine. */
export function canonicalJson(value: unknown): string {
  let text = "";
  /** What is to be written, the next last: a value, and the text before it. */
  const pending: unknown[] = [value, ""];
  while (pending.length > 0) {
    text += pending.pop();
    const node = pending.pop();
    if (Array.isArray(node)) {
      pending.push(undefined, node.length > 0 ? "]" : "[]");
      for (let index = node.length - 1; index >= 0; index--) {
        pending.push(node[index], index > 0 ? "," : "[");
      }
    } else if (isObject(node)) {
      const names = sortedNames(node);
      pending.push(undefined, names.length > 0 ? "}" : "{}");
      for (let index = names.length - 1; index >= 0; index--) {
        const name = names[index]!;
        const head = (index > 0 ? "," : "{") + JSON.stringify(name) + ":";
        pending.push(node[name], head);
      }
    } else if (node !== undefined) {
      text += JSON.stringify(node);
    }
  }
  return text;
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
