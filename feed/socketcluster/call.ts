/** A message or call of this client, from the method call to its end. */
/** How a call ends. */
export interface Settle {
  /** Receives the response, if the call expects one. */
  resolve?: ((data: unknown) => void) | undefined;
  /** Receives the reason why there is no response or the message was dropped. */
  reject(error: unknown): void;
}

/** An outgoing message or call. */
export class Call {
  readonly event: string;
  data: unknown;
  /** Called at the end; `undefined` once it has been called. */
  settle: Settle | undefined;
  /** Set when the packet of the call is created. */
  cid: number | undefined;
  /** Whether it was passed to the network. */
  sent = false;
  /** Ends its time limit. */
  unlimit: (() => void) | undefined;
  /** Stops listening to the caller's signal. */
  release: (() => void) | undefined;

  constructor(event: string, data: unknown, settle: Settle) {
    this.event = event;
    this.data = data;
    this.settle = settle;
  }

  /** Whether it maintains the connection's state, so that cancelling a batch must not drop it. */
  get isControl(): boolean {
    return this.event.startsWith("#") && this.event !== "#publish";
  }
}
