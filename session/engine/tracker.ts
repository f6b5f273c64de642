/** Decides which states of a backend are news. No I/O. */
import { positionOf, type Stage, stageOf } from "./status.ts";

/** A peer that sends more unknown statuses than this is broken. */
const MAX_UNKNOWN = 100;

/**
 * Remembers the states that came, so that each is delivered once and in order: a
 * server sends them again after each reconnect.
 */
export class StatusTracker {
  /** The last known status. */
  #last: string | undefined;
  readonly #unknown = new Set<string>();

  /** Whether the last state of all has come. */
  get ended(): boolean {
    return this.#stage === "ended";
  }

  /** Whether another state will follow soon, without anyone's doing. */
  get passing(): boolean {
    const stage = this.#stage;
    return stage === undefined || stage === "starting" || stage === "ending";
  }

  /**
   * Whether `state` has not come yet: a known status if it is further on than all
   * before, an unknown one if it is new.
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
    if (positionOf(state.status) >= 0) this.#last = state.status;
    else this.#unknown.add(state.status);
    return true;
  }

  get #position(): number {
    return this.#last === undefined ? -1 : positionOf(this.#last);
  }

  get #stage(): Stage | undefined {
    return this.#last === undefined ? undefined : stageOf(this.#last);
  }
}
