/** What tells feeds apart. */
import type { FeedArgs } from "./protocol.ts";

/**
 * A key that identifies a feed by name and arguments, regardless of the order of the
 * arguments. Lengths make it unambiguous.
 */
export function feedKey(name: string, args: FeedArgs): string {
  let key = "";
  for (const each of Object.keys(args).sort()) {
    const value = args[each]!;
    key += `${each.length}:${value.length}:${each}${value}`;
  }
  return `${key}:${name}`;
}
