/**
 * Canonical JSON: the one text of a value that both sides hash. Names in the
 * order of their UTF-16 code units, no spaces, numbers and strings as
 * `JSON.stringify` writes them.
 */
import { isContainer } from "./protocol.ts";

/** Writes `value` canonically. It keeps its own stack, so any nesting is fine. */
export function canonicalJson(value: unknown): string {
  // Joined at last: a text that grew piece by piece is slow to read.
  const texts: string[] = [];
  /** What is to be written, the next last: containers, and texts as they are. */
  const pending = [container(value)];
  while (pending.length > 0) {
    const next = pending.pop()!;
    if (typeof next === "string") {
      texts.push(next);
      continue;
    }
    const names = Array.isArray(next) ? undefined : sortedNames(next);
    texts.push(names ? "{" : "[");
    pending.push(names ? "}" : "]");
    for (let index = (names ?? next as unknown[]).length; index-- > 0;) {
      const name = names?.[index];
      pending.push(
        container((next as Record<string, unknown>)[name ?? index]),
        (index > 0 ? "," : "") +
          (name === undefined ? "" : `${JSON.stringify(name)}:`),
      );
    }
  }
  return texts.join("");
}

/** A container as it is, and any other value as its text. */
function container(value: unknown): object | string {
  return isContainer(value) ? value : JSON.stringify(value);
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
