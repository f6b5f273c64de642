/**
 * Prepares the global object for the benchmark, before the clients are loaded: simulates a
 * page with an in-memory WebSocket.
 */

/** A WebSocket that opens immediately and delivers the frames it is given. */
export class MemoryWebSocket {
  static readonly OPEN = 1;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  static last: MemoryWebSocket;
  readyState = 0;
  binaryType = "";
  onopen: ((event: unknown) => void) | null = null;
  onclose: ((event: unknown) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;

  constructor() {
    MemoryWebSocket.last = this;
    Promise.resolve().then(() => {
      this.readyState = 1;
      this.onopen?.({});
    });
  }

  /** Confirms everything that expects a response. */
  send(frame: string): void {
    const { event, cid } = JSON.parse(frame);
    if (cid === undefined) return;
    const data = event === "#handshake"
      ? { id: "memory", pingTimeout: 1e8, isAuthenticated: false }
      : undefined;
    Promise.resolve().then(() => this.say(JSON.stringify({ rid: cid, data })));
  }

  say(data: string): void {
    this.onmessage?.({ data });
  }

  close(): void {
    this.readyState = 3;
  }
}

// The peer is written for pages: it reads the constructor once, from `window`.
Object.assign(globalThis, { window: globalThis });
if (!globalThis.process?.argv.includes("loopback")) {
  Object.assign(globalThis, { WebSocket: MemoryWebSocket });
}
