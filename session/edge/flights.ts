/** Coalesces concurrent calls: callers with the same key share one flight's result. */
import { unlessAborted, wait } from "../../net/wait.ts";

interface Flight<T> {
  answer: Promise<T>;
  outcome?: { value: T } | { error: unknown };
  /** How many callers wait for it. */
  waiting: number;
  /** Aborted when none waits any longer. */
  controller: AbortController;
}

/** Makes the call; `controller` aborts once its last caller has left. */
type Ask<T> = (controller: AbortController) => Promise<T>;

/** The interval at which another request's flight is polled, in milliseconds. */
const LOOK = 20;

/** The calls in flight, by key. */
export class Flights<T> {
  readonly #flying = new Map<string, Flight<T>>();
  readonly #patience: number;

  /** `patience` is how long to wait for another request's flight, in milliseconds. */
  constructor(patience: number) {
    this.#patience = patience;
  }

  /**
   * Joins the flight with that key, or starts one. When `signal` aborts, the caller
   * leaves with its reason, and the last one to leave ends the call.
   */
  async join(key: string, ask: Ask<T>, signal: AbortSignal): Promise<T> {
    const flight = this.#flying.get(key);
    if (!("WebSocketPair" in globalThis)) {
      signal.throwIfAborted();
      return await this.#share(key, flight ?? this.#begin(key, ask), signal);
    }
    // On workerd, a request must not await another request's promise, which would
    // stay pending forever if that request were cancelled. So it polls.
    if (!flight) return await this.#own(key, ask, signal);
    for (let waited = 0; waited < this.#patience; waited += LOOK) {
      await wait(LOOK);
      const { outcome, controller } = flight;
      if (controller.signal.aborted) break;
      if (!outcome) continue;
      if ("error" in outcome) throw outcome.error;
      return outcome.value;
    }
    return await this.#own(key, ask, signal);
  }

  /**
   * Begins a flight that ends with this request, as workerd ends the calls of a request
   * whose client disconnected. With the flag `enable_request_signal` the others learn it
   * at once.
   */
  async #own(key: string, ask: Ask<T>, signal: AbortSignal): Promise<T> {
    const flight = this.#begin(key, ask);
    const leave = () => {
      this.#leave(key, flight);
      flight.controller.abort(signal.reason);
    };
    signal.addEventListener("abort", leave);
    try {
      return await flight.answer;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  async #share(
    key: string,
    flight: Flight<T>,
    signal: AbortSignal,
  ): Promise<T> {
    flight.waiting++;
    try {
      return await unlessAborted(flight.answer, signal);
    } finally {
      if (--flight.waiting === 0 && !flight.outcome) {
        this.#leave(key, flight);
        flight.controller.abort(signal.reason);
      }
    }
  }

  #begin(key: string, ask: Ask<T>): Flight<T> {
    const controller = new AbortController();
    const answer = ask(controller);
    const flight: Flight<T> = { answer, waiting: 0, controller };
    const land = (outcome: Flight<T>["outcome"] & object) => {
      flight.outcome = outcome;
      this.#leave(key, flight);
    };
    this.#flying.set(key, flight);
    answer.then((value) => land({ value }), (error) => land({ error }));
    return flight;
  }

  /** The next caller starts a flight of its own. */
  #leave(key: string, flight: Flight<T>): void {
    if (this.#flying.get(key) === flight) this.#flying.delete(key);
  }
}
