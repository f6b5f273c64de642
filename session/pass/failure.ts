/** What goes wrong in a proxy, told without what must stay secret. */

/** A request that a proxy could not serve. */
export class ProxyError extends Error {
  /** Tells this class apart across realms. */
  override readonly name = "ProxyError";
  /** The HTTP status to answer with. */
  readonly status: number;

  /** The message may reach the client; `cause` is for the proxy's owner. */
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** A backend is not, or no longer, where it was said to be. */
export class LostError extends ProxyError {}

/**
 * A copy of `error` for a log: the messages of the error and of its causes, in
 * one line, each secret replaced. Runtimes put the whole address into the
 * message of a failed fetch, and the address of a backend is a capability.
 */
export function redacted(error: unknown, secrets: readonly string[]): Error {
  const messages: string[] = [];
  // Bounded, because a chain of causes may be a ring.
  for (let at = error, depth = 0; at !== undefined && depth < 5; depth++) {
    messages.push(at instanceof Error ? at.message || at.name : String(at));
    at = at instanceof Error ? at.cause : undefined;
  }
  let text = messages.join(": ");
  for (const secret of secrets) {
    if (secret !== "") text = text.replaceAll(secret, "[redacted]");
  }
  const copy = new Error(text);
  copy.name = error instanceof Error ? error.name : "Error";
  // Where it was made says nothing about where it happened.
  copy.stack = `${copy.name}: ${text}`;
  return copy;
}
