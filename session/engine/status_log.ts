/** Keeps the states of one backend for any number of readers, each of which sees all. */
import { Consumer } from "../../net/consumer.ts";
import type { BackendState } from "../../types.ts";

/** Stores states and delivers them to its readers in order. */
export class StatusLog {
  readonly #stream: string;
  readonly #states: BackendState[] = [];
  readonly #readers = new Set<Consumer<BackendState>>();
  #end: { failure: { reason: unknown } | undefined } | undefined;

  /** `stream` names the log in messages. */
  constructor(stream = "statuses") {
    this.#stream = stream;
  }

  /** Adds a state. A backend has few, so all are kept. */
  add(state: BackendState): void {
    if (this.#end) return;
    this.#states.push(state);
    for (const reader of this.#readers) reader.write(state);
  }

  /** Ends the log and its readers, with `error` if given. */
  end(error?: unknown): void {
    if (this.#end) return;
    const failure = error === undefined ? undefined : { reason: error };
    this.#end = { failure };
    for (const reader of this.#readers) reader.close(failure);
  }

  /** Reads all states from the first one on, as they arrive. */
  read(signal?: AbortSignal): Consumer<BackendState> {
    const reader = new Consumer<BackendState>({
      stream: this.#stream,
      detach: (ended) => this.#readers.delete(ended),
    }, { signal });
    for (const state of this.#states) reader.write(state);
    if (this.#end) reader.close(this.#end.failure);
    else if (reader.open) this.#readers.add(reader);
    return reader;
  }
}
