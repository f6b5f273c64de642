/** The constants that sockets and channels have, as classes and as objects. */

/** The states of a channel. */
export const CHANNEL_STATES = {
  PENDING: "pending",
  SUBSCRIBED: "subscribed",
  UNSUBSCRIBED: "unsubscribed",
} as const;

/** The states of a socket and of its channels. */
export const STATES = {
  CONNECTING: "connecting",
  OPEN: "open",
  CLOSED: "closed",
  AUTHENTICATED: "authenticated",
  UNAUTHENTICATED: "unauthenticated",
  ...CHANNEL_STATES,
} as const;

/** Adds constants to a class and its prototype: of an object's own, each log would show them. */
export function addConstants(
  target: { prototype: object },
  constants: Readonly<Record<string, string>>,
): void {
  Object.assign(target, constants);
  Object.assign(target.prototype, constants);
}
