/**
 * A WebSocket whose peer is the test: it opens, speaks and closes when the test
 * says so, and remembers what the client sent. Like a real one it throws where
 * the specification has it throw.
 */
export class FakeWebSocket extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;

  readonly url: string;
  readyState: 0 | 1 | 2 | 3 = 0;
  binaryType: BinaryType = "blob";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;

  /** What the client sent, oldest first. */
  readonly sent: unknown[] = [];
  /** How the client closed it. */
  closedWith: { code: number | undefined; reason: string | undefined } | null =
    null;

  constructor(url: string, _protocols?: unknown) {
    super();
    this.url = url;
  }

  send(frame: unknown): void {
    if (this.readyState === 0) throw new DOMException("", "InvalidStateError");
    if (this.readyState === 1) this.sent.push(frame);
  }

  close(code?: number, reason?: string): void {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code < 5000)) {
      throw new DOMException(`code ${code}`, "InvalidAccessError");
    }
    if (new TextEncoder().encode(reason).length > 123) {
      throw new DOMException("reason", "SyntaxError");
    }
    if (this.readyState >= 2) return;
    this.closedWith = { code, reason };
    this.readyState = 2;
  }

  /** The peer accepts. */
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  /** The peer sends a frame. */
  receive(data: unknown): void {
    if (this.readyState === 1) this.onmessage?.({ data });
  }

  /** The peer sends a packet. */
  receivePacket(packet: unknown): void {
    this.receive(JSON.stringify(packet));
  }

  /** The connection ends at the peer's side. */
  end(code: number, reason = ""): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  /** The next frame that the client sent, parsed. */
  // deno-lint-ignore no-explicit-any
  take(): any {
    return JSON.parse(this.sent.shift() as string);
  }

  /** Accepts and answers the handshake. */
  async shakeHands(status: Record<string, unknown> = {}): Promise<void> {
    this.open();
    for (let i = 0; i < 50 && this.sent.length === 0; i++) await null;
    const { cid } = this.take();
    this.receivePacket({
      rid: cid,
      data: {
        id: "fake",
        pingTimeout: 30_000,
        isAuthenticated: false,
        ...status,
      },
    });
  }
}

/** A constructor for the option `WebSocket`, and what it made. */
export function fakeSockets(): {
  made: FakeWebSocket[];
  WebSocket: new (url: string, protocols?: string | string[]) => WebSocket;
} {
  const made: FakeWebSocket[] = [];
  class Made extends FakeWebSocket {
    constructor(url: string, protocols?: unknown) {
      super(url, protocols);
      made.push(this);
    }
  }
  return {
    made,
    WebSocket: Made as unknown as new (url: string) => WebSocket,
  };
}
