/**
 * Tracks open WebSockets and streams, and ends them when their user's access is
 * revoked.
 */
import { setTimer } from "../../net/timer.ts";
import { readDecision } from "./grants.ts";
import type { SessionProxyOptions, Visit } from "./options.ts";

/** An open WebSocket or stream. */
export interface Stay {
  /** Ends it: the user's access was revoked. */
  end(): void;
}

/** The open WebSockets and streams of one edge route. */
export class Visitors {
  readonly #byUser = new Map<string, Set<Stay>>();
  readonly #authorize: SessionProxyOptions["authorize"];
  readonly #recheck: number;
  readonly #onError: (visit: Visit, error: unknown) => void;

  constructor(
    { authorize, recheck = Infinity }: SessionProxyOptions,
    onError: (visit: Visit, error: unknown) => void,
  ) {
    this.#authorize = authorize;
    this.#recheck = recheck;
    this.#onError = onError;
  }

  /** Tracks an open connection until the returned function is called. */
  enter(visit: Visit, stay: Stay): () => void {
    const { user } = visit.grant;
    if (user !== undefined) {
      const stays = this.#byUser.get(user) ?? new Set();
      this.#byUser.set(user, stays.add(stay));
    }
    const stop = this.#watch(visit, stay);
    return () => {
      stop();
      if (user === undefined) return;
      const stays = this.#byUser.get(user);
      if (stays?.delete(stay) && stays.size === 0) this.#byUser.delete(user);
    };
  }

  /** Ends all open connections of a user. */
  revoke(user: string): void {
    for (const stay of [...this.#byUser.get(user) ?? []]) stay.end();
  }

  /** Calls `authorize` again at intervals; ends the visit unless it gets the same grant. */
  #watch(visit: Visit, stay: Stay): () => void {
    const wanted = JSON.stringify(visit.grant);
    let over = false;
    const check = async () => {
      try {
        const decision = readDecision(
          await this.#authorize(visit.c, visit.name),
        );
        if (over) return;
        if (
          decision.kind === "granted" &&
          JSON.stringify(decision.grant) === wanted
        ) {
          timer = setTimer(check, this.#recheck);
          return;
        }
      } catch (error) {
        if (over) return;
        this.#onError(visit, error);
      }
      stay.end();
    };
    let timer = setTimer(check, this.#recheck);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }
}

/**
 * Copies the request's headers, so that `authorize` can read them later: on Deno they
 * become unreadable once the WebSocket is accepted. Call the returned function after
 * accepting it, to put the copy into the context.
 */
export function keepHeaders({ c }: Visit): () => void {
  const { method, url, headers } = c.req.raw;
  const copy = new Request(url, { method, headers: [...headers] });
  return () => void (c.req.raw = copy);
}
