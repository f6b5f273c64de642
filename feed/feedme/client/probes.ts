/**
 * What is known about a foreign server's answers to probes. Feedme has no heartbeat, so
 * the probe is an action that no server has: any answer proves that the connection works.
 *
 * An application may leave unknown actions unanswered. So that its healthy connections
 * are not cut for ever, a server that has never answered a probe is not probed any more
 * once that is more likely than a dead connection.
 */

/** The name of the action. A server that has such an action does no harm by answering. */
export const PROBE = "feedme+alive";

/** How many connections may be cut before a server that never answered is left alone. */
const MOST_CUTS = 2;

/** The probes of one client; outlives its connections. */
export class Probes {
  /** `deaf`: it is not probed. */
  #server: "unknown" | "answers" | "deaf";
  #cuts = 0;
  /** Whether a message has arrived since the last probe. */
  #heard = false;

  constructor(probes: boolean) {
    this.#server = probes ? "unknown" : "deaf";
  }

  /** A probe is due; returns whether to send it. */
  sent(): boolean {
    this.#heard = false;
    return this.#server !== "deaf";
  }

  /** A message has arrived. */
  heard(): void {
    this.#heard = true;
  }

  /** A probe was answered. */
  answered(): void {
    this.#server = "answers";
  }

  /** A probe was not answered in time; returns whether the connection counts as dead. */
  missed(): boolean {
    if (this.#server === "answers") return true;
    // It still sends other messages, or an earlier cut has not helped.
    if (this.#heard || this.#cuts >= MOST_CUTS) this.#server = "deaf";
    if (this.#server === "deaf") return false;
    this.#cuts++;
    return true;
  }
}
