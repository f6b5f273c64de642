/**
 * All that JSON, text and a look at its own properties show of a value: what a
 * log or a debugger could give away. The inspection of one runtime is no other's.
 */
export function visible(value: unknown): string {
  const seen = new Set<unknown>();
  const texts = [String(JSON.stringify(value))];
  const walk = (part: unknown) => {
    if (seen.has(part) || typeof part === "function") return;
    seen.add(part);
    texts.push(String(part));
    if (typeof part !== "object" || part === null) return;
    for (const key of Reflect.ownKeys(part)) {
      texts.push(String(key));
      walk(Reflect.get(part, key));
    }
  };
  walk(value);
  return texts.join("\n");
}
