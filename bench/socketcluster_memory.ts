/**
 * What a runtime's memory is made to look like for the benchmark, before the
 * clients are loaded: a page whose WebSocket is in memory.
 */

/** A WebSocket that is open at once and says what it is told. */
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

  /** Agrees to whatever wants an answer. */
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

// The peer is made for pages: it looks for the constructor once, on `window`.
Object.assign(globalThis, { window: globalThis });
if (!globalThis.process?.argv.includes("loopback")) {
  Object.assign(globalThis, { WebSocket: MemoryWebSocket });
}
