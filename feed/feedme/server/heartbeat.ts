/**
 * Finds clients that have disappeared without a close, if they speak the extension of
 * `wire/protocol.ts`. One timer serves all of them: every quarter of the limit, it counts
 * the quarters in which each client was silent, asks after the second, and cuts after the
 * fourth.
 */
import { setLimit } from "../../../net/timer.ts";

/** A client, as the heartbeat sees it. */
export interface Beating {
  /** Whether anything has arrived since the last look; the heartbeat resets it. */
  heard: boolean;
  /** Asks it for a sign of life. */
  ask(): void;
  /** It was silent for too long. */
  lost(): void;
}

const QUARTERS = 4;

/** Watches clients from `add` to `delete`. */
export class Heartbeat {
  readonly #limit: number;
  /** The quarters in which each client was silent. */
  readonly #silent = new Map<Beating, number>();
  /** Ends the current quarter. */
  #unset: (() => void) | undefined;

  /** `limit` is in milliseconds; `Infinity` means no limit. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(client: Beating): void {
    if (this.#limit === Infinity) return;
    this.#silent.set(client, 0);
    this.#unset ??= this.#wait();
  }

  delete(client: Beating): void {
    this.#silent.delete(client);
    if (this.#silent.size > 0) return;
    this.#unset?.();
    this.#unset = undefined;
  }

  #wait(): () => void {
    return setLimit(() => {
      this.#unset = this.#wait();
      for (const [client, before] of this.#silent) this.#look(client, before);
    }, this.#limit / QUARTERS);
  }

  #look(client: Beating, before: number): void {
    const silent = client.heard ? 0 : before + 1;
    client.heard = false;
    this.#silent.set(client, silent);
    if (silent === QUARTERS / 2) client.ask();
    else if (silent >= QUARTERS) client.lost();
  }
}
