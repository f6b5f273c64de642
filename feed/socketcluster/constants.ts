/** The constants that sockets and channels have, as classes and as objects. */

/** The states of a channel. */
export const CHANNEL_STATES: readonly string[] = [
  "pending",
  "subscribed",
  "unsubscribed",
];

/** The states of a socket and of its channels. */
export const STATES: readonly string[] = [
  "connecting",
  "open",
  "closed",
  "authenticated",
  "unauthenticated",
  ...CHANNEL_STATES,
];

/**
 * Adds each state as a constant (`OPEN` for `"open"`) to a class and its
 * prototype: constants of an object's own would show in every log of it.
 */
export function addConstants(
  target: { prototype: object },
  states: readonly string[],
): void {
  for (const state of states) {
    const constant = { [state.toUpperCase()]: state };
    Object.assign(target, constant);
    Object.assign(target.prototype, constant);
  }
}
