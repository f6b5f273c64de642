/** Decides which states of a backend are new. No I/O. */
import { positionOf, type Stage, stageOf } from "./status.ts";

/** A peer that sends more unknown statuses than this is broken. */
const MAX_UNKNOWN = 100;

/**
 * Remembers the states that arrived, so that each is delivered once and in order: a
 * server repeats them after each reconnect.
 */
export class StatusTracker {
  /** Where the last known status stands in a backend's life; -1 before the first. */
  #position = -1;
  /** What that status means. */
  #stage: Stage | undefined;
  readonly #unknown = new Set<string>();

  /** Whether the final state has arrived. */
  get ended(): boolean {
    return this.#stage === "ended";
  }

  /** Whether the state is transitional: another will follow soon by itself. */
  get passing(): boolean {
    const stage = this.#stage;
    return stage === undefined || stage === "starting" || stage === "ending";
  }

  /**
   * Whether `state` is new: a known status if it is later than all before it, an
   * unknown status if it has not arrived before.
   */
  isNews({ status }: { status: string }): boolean {
    if (this.ended) return false;
    const position = positionOf(status);
    if (position >= 0) return position > this.#position;
    return !this.#unknown.has(status) && this.#unknown.size < MAX_UNKNOWN;
  }

  /** Remembers `state`; returns whether to deliver it. */
  accept(state: { status: string }): boolean {
    if (!this.isNews(state)) return false;
    const position = positionOf(state.status);
    if (position >= 0) {
      this.#position = position;
      this.#stage = stageOf(state.status);
    } else this.#unknown.add(state.status);
    return true;
  }
}
