/** Suggests the intended name for a misspelt one. */

/** The name most similar to `given`, if one is similar enough. */
export function nearest(
  given: string,
  names: Iterable<string>,
): string | undefined {
  const wanted = plain(given);
  let best: string | undefined;
  let least = Infinity;
  for (const name of names) {
    const known = plain(name);
    // A prefix, such as `max_idle`, counts as close as one typo.
    const part = wanted.length > 2 &&
      (known.startsWith(wanted) || wanted.startsWith(known));
    const slips = wanted === known ? 0 : part ? 1 : distance(wanted, known);
    const allowed = known.length < 4 ? 1 : Math.max(2, known.length / 4);
    if (slips < least && slips <= allowed) {
      best = name;
      least = slips;
    }
  }
  return best;
}

/** Normalizes a name: `maxIdleSeconds`, `max-idle-seconds` and `max_idle_seconds` are equal. */
function plain(name: string): string {
  return name.slice(0, 64).replace(/[-_]/g, "").toLowerCase();
}

/** The Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(
        row[j]! + 1,
        next[j - 1]! + 1,
        row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    }
    row = next;
  }
  return row[b.length]!;
}
