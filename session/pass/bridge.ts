/**
 * Two WebSockets joined: what one receives the other sends, and when one ends so
 * does the other.
 */
import { fitReason, receivedCode, sendableCode } from "../../net/close_code.ts";
import { setTimer } from "../../net/timer.ts";

/** As much of a `WebSocket` as a bridge uses; the standard one and that of `ws` fit. */
export interface BridgeSocket {
  /** The subprotocol, or "". */
  readonly protocol: string;
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** Bytes that were given to `send()` and are not yet sent. */
  readonly bufferedAmount: number;
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** Set by the bridge. */
  // deno-lint-ignore no-explicit-any
  onopen: ((event: any) => void) | null;
  /** Set by the bridge; reads `data` of the event: text or bytes. */
  // deno-lint-ignore no-explicit-any
  onmessage: ((event: any) => void) | null;
  /** Set by the bridge; reads `code` and `reason` of the event. */
  // deno-lint-ignore no-explicit-any
  onclose: ((event: any) => void) | null;
  /** Set by the bridge. */
  // deno-lint-ignore no-explicit-any
  onerror: ((event: any) => void) | null;
  /** Sends one message. */
  // deno-lint-ignore no-explicit-any
  send(data: any): void;
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** Options of {@linkcode bridge}. */
export interface BridgeOptions {
  /** Bytes of one message; a longer one ends both with 1009. @default {16 MiB} */
  maxMessage?: number | undefined;
  /**
   * Bytes that wait for a slow reader; one that lets more wait is closed with
   * 1013, and the bytes that wait are what the bridge may cost in memory, beside
   * one message. @default {16 MiB}
   */
  maxBuffered?: number | undefined;
  /**
   * Milliseconds for the client's socket to open; upstream is closed then. A
   * client that leaves during the handshake may be announced by no event.
   * @default {30_000}
   */
  openTimeout?: number | undefined;
  /** Ends both with 1001. */
  signal?: AbortSignal | undefined;
}

/** How a bridge ended: which side began, and what it said. */
export interface BridgeEnd {
  /** `bridge` where a limit or the signal ended it. */
  by: "client" | "upstream" | "bridge";
  /** The close code; 1005 for none, 1006 for a lost connection. */
  code: number;
  /** The reason, or "". */
  reason: string;
}

/** A bridge with its upstream end in place. */
export interface Bridge {
  /** The subprotocol that upstream chose, or "". */
  readonly protocol: string;
  /** Resolves when the bridge has ended, joined or not. */
  readonly ended: Promise<BridgeEnd>;
  /**
   * Joins the client's end. What upstream sent since the bridge began is
   * delivered first. Resolves when either side has ended and the other was told.
   */
  join(client: BridgeSocket): Promise<BridgeEnd>;
  /** Ends upstream where no client will come. */
  abandon(): void;
  /** Ends both, for a reason that neither gave. */
  end(code: number, reason: string): void;
}

const MiB = 1024 * 1024;
const OPEN = 1;

/**
 * Begins a bridge at an open WebSocket to the backend. Call it in the socket's
 * `open` event: from then on no message is missed.
 *
 * Close codes cross as they are wherever the other socket can send them, see
 * {@linkcode sendableCode} for those that it cannot.
 */
export function bridge(
  upstream: BridgeSocket,
  {
    maxMessage = 16 * MiB,
    maxBuffered = 16 * MiB,
    openTimeout = 30_000,
    signal,
  }: BridgeOptions = {},
): Bridge {
  let client: BridgeSocket | undefined;
  /** What came from upstream before the client's end was open. */
  const early: (string | ArrayBuffer)[] = [];
  let earlyBytes = 0;
  let end: BridgeEnd | undefined;
  const { promise: ended, resolve } = Promise.withResolvers<BridgeEnd>();

  const finish = (reason: BridgeEnd) => {
    if (end) return;
    end = reason;
    clearTimeout(opening);
    signal?.removeEventListener("abort", abort);
    if (reason.by !== "upstream") close(upstream, reason);
    // A client that is not open yet gets its messages first, then the close.
    if (client && client.readyState >= OPEN) tellClient();
    resolve(reason);
  };
  const tellClient = () => {
    for (const data of early.splice(0)) client!.send(data);
    if (end!.by !== "client") close(client!, end!);
  };
  const stop = (code: number, reason: string) =>
    finish({ by: "bridge", code, reason });
  const abort = () => stop(1001, "the proxy is going away");
  const opening = setTimer(() => abandon(), openTimeout);
  const abandon = () => {
    stop(1001, "the client disconnected");
    // It may open yet, and is told so then; otherwise nothing is left of it.
    if (client && client.readyState < OPEN) client.close();
  };

  const pass = (data: string | ArrayBuffer, to: BridgeSocket) => {
    if (isLonger(data, maxMessage)) return stop(1009, "message too long");
    if (to.readyState !== OPEN) return;
    if (to.bufferedAmount > maxBuffered) {
      return stop(1013, "the other side reads too slowly");
    }
    to.send(data);
  };
  const listen = (socket: BridgeSocket, by: "client" | "upstream") => {
    socket.binaryType = "arraybuffer";
    socket.onclose = ({ code, reason }: { code: number; reason?: string }) =>
      finish({ by, code: receivedCode(code), reason: String(reason ?? "") });
    // `close` follows. An event that nobody prevents ends a Deno process.
    socket.onerror = (event: Partial<Event> | undefined) =>
      event?.preventDefault?.();
  };

  listen(upstream, "upstream");
  upstream.onmessage = ({ data }) => {
    if (end) return;
    if (client && client.readyState === OPEN && early.length === 0) {
      return pass(data, client);
    }
    if (isLonger(data, maxMessage)) return stop(1009, "message too long");
    earlyBytes += typeof data === "string" ? data.length : data.byteLength;
    if (earlyBytes > maxBuffered) {
      return stop(1013, "the other side reads too slowly");
    }
    early.push(data);
  };
  if (upstream.readyState > OPEN) {
    finish({ by: "upstream", code: 1006, reason: "" });
  }
  if (signal?.aborted) abort();
  else signal?.addEventListener("abort", abort, { once: true });

  return {
    protocol: upstream.protocol,
    ended,
    join(socket) {
      client = socket;
      listen(client, "client");
      client.onmessage = ({ data }) => {
        if (!end) pass(data, upstream);
      };
      const open = () => {
        clearTimeout(opening);
        if (end) return tellClient();
        for (const data of early.splice(0)) client!.send(data);
      };
      if (client.readyState === OPEN) open();
      else if (client.readyState > OPEN) {
        finish({ by: "client", code: 1006, reason: "" });
      } else client.onopen = open;
      return ended;
    },
    abandon,
    end: stop,
  };
}

/**
 * Closes a socket so that its peer learns how the other one ended. 1006 and 1015
 * (lost, TLS failed) are never sent; 1011, an error on the way, stands for
 * them. 1014 does too, because some clients take it for a protocol error. A reason
 * that is too long for a close frame is cut.
 */
function close(socket: BridgeSocket, { code, reason }: BridgeEnd): void {
  if (code === 1005) return socket.close();
  if (code === 1006 || code === 1015) {
    code = 1011;
    reason ||= "the other side was lost";
  } else if (code === 1014) code = 1011;
  reason = fitReason(reason);
  try {
    socket.close(code, reason);
  } catch {
    // Not a code that this socket may send.
    const mapped = sendableCode(code);
    try {
      if (mapped === undefined) socket.close();
      else socket.close(mapped, reason);
    } catch {
      // Closed already.
    }
  }
}

/** Whether a message is longer than `max` bytes (of UTF-8, if it is text). */
function isLonger(data: string | ArrayBuffer, max: number): boolean {
  if (typeof data !== "string") return data.byteLength > max;
  // A UTF-16 unit is one to three bytes of UTF-8.
  if (data.length * 3 <= max) return false;
  return data.length > max || new TextEncoder().encode(data).byteLength > max;
}
