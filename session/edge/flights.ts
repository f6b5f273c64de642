/** Coalesces concurrent calls: callers with the same key share one flight's result. */
import { wait } from "../../net/wait.ts";

interface Flight<T> {
  answer: Promise<T>;
  outcome?: { value: T } | { error: unknown };
}

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

  /** Joins the flight with that key, or starts one. */
  async join(key: string, ask: () => Promise<T>): Promise<T> {
    const flight = this.#flying.get(key);
    if (!flight) return await this.#begin(key, ask);
    if (!("WebSocketPair" in globalThis)) return await flight.answer;
    // On workerd, a request must not await another request's promise, which would
    // stay pending forever if that request were cancelled. So it polls.
    for (let waited = 0; waited < this.#patience; waited += LOOK) {
      await wait(LOOK);
      const { outcome } = flight;
      if (!outcome) continue;
      if ("error" in outcome) throw outcome.error;
      return outcome.value;
    }
    return await this.#begin(key, ask);
  }

  #begin(key: string, ask: () => Promise<T>): Promise<T> {
    const answer = ask();
    const flight: Flight<T> = { answer };
    const land = (outcome: Flight<T>["outcome"] & object) => {
      flight.outcome = outcome;
      if (this.#flying.get(key) === flight) this.#flying.delete(key);
    };
    this.#flying.set(key, flight);
    answer.then((value) => land({ value }), (error) => land({ error }));
    return answer;
  }
}
