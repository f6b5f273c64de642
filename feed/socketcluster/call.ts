/** A message or call of ours, from the method that makes it to its end. */
import type { Timer } from "../../net/timer.ts";

/** How a call ends. */
export interface Settle {
  /** The answer, for calls that want one. */
  resolve?: ((data: unknown) => void) | undefined;
  /** Why there is no answer, or why the message was dropped. */
  reject(error: unknown): void;
}

/** A message or call on its way out. */
export class Call {
  readonly event: string;
  data: unknown;
  /** Called at the end; `undefined` once it has been called. */
  settle: Settle | undefined;
  /** Set when the call is put into a packet. */
  cid: number | undefined;
  /** Whether it was handed to the network. */
  sent = false;
  timer: Timer | undefined;
  /** Lets go of the caller's signal. */
  release: (() => void) | undefined;

  constructor(event: string, data: unknown, settle: Settle) {
    this.event = event;
    this.data = data;
    this.settle = settle;
  }

  /** Whether it keeps the connection's state, so that cancelling a batch must not lose it. */
  get isControl(): boolean {
    return this.event.startsWith("#") && this.event !== "#publish";
  }
}
