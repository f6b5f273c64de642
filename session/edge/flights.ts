/** One question at a time: who asks the same meanwhile gets the same answer. */
import { wait } from "../../net/wait.ts";

interface Flight<T> {
  answer: Promise<T>;
  outcome?: { value: T } | { error: unknown };
}

/** Milliseconds between two looks at a flight of another request. */
const LOOK = 20;

/** Questions that are being asked, by key. */
export class Flights<T> {
  readonly #flying = new Map<string, Flight<T>>();
  readonly #patience: number;

  /** `patience` is how many milliseconds one may take. */
  constructor(patience: number) {
    this.#patience = patience;
  }

  /** Joins the flight of that key, or begins one. */
  async join(key: string, ask: () => Promise<T>): Promise<T> {
    const flight = this.#flying.get(key);
    if (!flight) return await this.#begin(key, ask);
    if (!("WebSocketPair" in globalThis)) return await flight.answer;
    // On workerd no request may wait for what another one does: its promise
    // would stay pending for ever if that request is cancelled.
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
