/**
 * Bridges two WebSockets: each forwards the messages of the other, and when one ends,
 * so does the other.
 */
import { fitReason, receivedCode, sendableCode } from "../../net/close_code.ts";
import { setTimer } from "../../net/timer.ts";

/**
 * A handler of events with the members of `Event`. Declared by way of a method, so that
 * the compiler accepts the standard class, whose handlers take more specific events.
 */
export type BridgeHandler<Event> =
  | { handle(event: Event): void }["handle"]
  | null;

/** The part of a `WebSocket` that a bridge uses; the standard class and that of `ws` fit. */
export interface BridgeSocket {
  /** The subprotocol, or "". */
  readonly protocol: string;
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** Bytes passed to `send()` but not yet sent. */
  readonly bufferedAmount: number;
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** Set by the bridge. */
  onopen: BridgeHandler<object>;
  /** Set by the bridge; `data` is text or bytes. */
  onmessage: BridgeHandler<{ readonly data: unknown }>;
  /** Set by the bridge. */
  onclose: BridgeHandler<{ readonly code: number; readonly reason: string }>;
  /** Set by the bridge. */
  onerror: BridgeHandler<object>;
  /** Sends one message: text or bytes. */
  send(data: unknown): void;
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void;
  /**
   * Stops reading, so that the peer has to wait for a slow reader at the other
   * side. Where a runtime cannot, such a reader is closed at `maxBuffered`.
   */
  pause?(): void;
  /** Reads again. */
  resume?(): void;
}

/** A message event of a socket whose `binaryType` is `arraybuffer`. */
interface MessageLike {
  readonly data: string | ArrayBuffer;
}

/** Options of {@linkcode bridge}. */
export interface BridgeOptions {
  /** The longest message, in bytes; a longer one closes both with 1009. @default {16 MiB} */
  maxMessage?: number | undefined;
  /**
   * The most bytes that may wait for a slow reader; beyond that, both close with
   * 1013. This and one message bound the bridge's memory. If the writer's socket
   * can pause, it does so at 1 MiB, and both close with 1013 if the reader takes
   * nothing for 30 s. @default {16 MiB}
   */
  maxBuffered?: number | undefined;
  /**
   * How long the client's socket may take to open, in milliseconds; after that,
   * upstream is closed. A client that disconnects during the handshake may cause no
   * event at all.
   * @default {30_000}
   */
  openTimeout?: number | undefined;
  /** Closes both with 1001. */
  signal?: AbortSignal | undefined;
  /** Called with each message that arrives, before it is passed on. */
  onMessage?:
    | ((from: "client" | "upstream", data: string | ArrayBuffer) => void)
    | undefined;
}

/** How a bridge ended: which side closed first, with which code and reason. */
export interface BridgeEnd {
  /** `bridge` if a limit or the signal ended it. */
  by: "client" | "upstream" | "bridge";
  /** The close code; 1005 for none, 1006 for a lost connection. */
  code: number;
  /** The reason, or "". */
  reason: string;
}

/** A bridge whose upstream end is connected. */
export interface Bridge {
  /** The subprotocol that upstream chose, or "". */
  readonly protocol: string;
  /** Resolves when the bridge has ended, whether or not a client joined. */
  readonly ended: Promise<BridgeEnd>;
  /**
   * Joins the client's end. Messages that upstream sent since the bridge started are
   * delivered first. Resolves when one side has ended and the other has been closed.
   */
  join(client: BridgeSocket): Promise<BridgeEnd>;
  /** Closes upstream if no client will join. */
  abandon(): void;
  /** Closes both sides. */
  end(code: number, reason: string): void;
}

const MiB = 1024 * 1024;
/** The writer is paused while more bytes than this wait for the reader. */
const PAUSE_AT = MiB;
/** How long a reader may take nothing while the writer is paused, in milliseconds. */
const STALLED = 30_000;
/** The first and the longest interval between checks of a slow reader, in milliseconds. */
const FIRST_LOOK = 4;
const LAST_LOOK = 256;
const OPEN = 1;
const TOO_SLOW = "the other side reads too slowly";

/**
 * Starts a bridge from an open WebSocket to the backend. Call it in the socket's
 * `open` event, so that no message is missed.
 *
 * Close codes are forwarded unchanged if the other socket can send them; see
 * {@linkcode sendableCode} for those that it cannot.
 */
export function bridge(
  upstream: BridgeSocket,
  {
    maxMessage = 16 * MiB,
    maxBuffered = 16 * MiB,
    openTimeout = 30_000,
    signal,
    onMessage,
  }: BridgeOptions = {},
): Bridge {
  let client: BridgeSocket | undefined;
  /** Messages from upstream that arrived before the client's end was open. */
  const early: (string | ArrayBuffer)[] = [];
  let earlyBytes = 0;
  let end: BridgeEnd | undefined;
  const { promise: ended, resolve } = Promise.withResolvers<BridgeEnd>();

  const finish = (reason: BridgeEnd) => {
    if (end) return;
    end = reason;
    clearTimeout(opening);
    signal?.removeEventListener("abort", abort);
    // A paused socket would not receive the peer's close frame.
    for (const resume of [...paused.values()]) resume();
    if (reason.by !== "upstream") close(upstream, reason);
    // A client that is not open yet gets its early messages first, then the close.
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
    // It may still open later; closing it now frees it either way.
    if (client && client.readyState < OPEN) client.close();
  };

  const pauseAt = Math.min(PAUSE_AT, maxBuffered / 2);
  /** The sockets that are paused, each with the function that resumes it. */
  const paused = new Map<BridgeSocket, () => void>();
  /**
   * Pauses one socket until half of what waits at the other is sent. Runtimes have
   * no event for that in common. Because intervals only double, the reader does not
   * run dry before the next check.
   */
  const pause = (from: BridgeSocket, to: BridgeSocket) => {
    let before = to.bufferedAmount;
    let pause = FIRST_LOOK;
    let idle = 0;
    const look = () => {
      const waiting = to.bufferedAmount;
      if (waiting <= pauseAt / 2) return resume();
      idle = waiting < before ? 0 : idle + pause;
      if (idle >= STALLED) return stop(1013, TOO_SLOW);
      before = waiting;
      pause = Math.min(2 * pause, LAST_LOOK);
      timer = setTimer(look, pause);
    };
    const resume = () => {
      clearTimeout(timer);
      paused.delete(from);
      from.resume?.();
    };
    let timer = setTimer(look, pause);
    paused.set(from, resume);
    from.pause!();
  };
  const pass = (
    data: string | ArrayBuffer,
    from: BridgeSocket,
    to: BridgeSocket,
  ) => {
    if (isLonger(data, maxMessage)) return stop(1009, "message too long");
    if (to.readyState !== OPEN) return;
    const waiting = to.bufferedAmount;
    if (waiting > maxBuffered) return stop(1013, TOO_SLOW);
    to.send(data);
    if (waiting > pauseAt && from.pause && !paused.has(from)) pause(from, to);
  };
  const listen = (socket: BridgeSocket, by: "client" | "upstream") => {
    socket.binaryType = "arraybuffer";
    socket.onclose = ({ code, reason }: { code: number; reason?: string }) =>
      finish({ by, code: receivedCode(code), reason: String(reason ?? "") });
    // `close` follows. On Deno, an error event that is not prevented ends the process.
    socket.onerror = (event: Partial<Event> | undefined) =>
      event?.preventDefault?.();
  };

  listen(upstream, "upstream");
  upstream.onmessage = ({ data }: MessageLike) => {
    if (end) return;
    onMessage?.("upstream", data);
    if (client && client.readyState === OPEN && early.length === 0) {
      return pass(data, upstream, client);
    }
    if (isLonger(data, maxMessage)) return stop(1009, "message too long");
    earlyBytes += typeof data === "string" ? data.length : data.byteLength;
    if (earlyBytes > maxBuffered) return stop(1013, TOO_SLOW);
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
      client.onmessage = ({ data }: MessageLike) => {
        if (end) return;
        onMessage?.("client", data);
        pass(data, socket, upstream);
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
 * (connection lost, TLS failed) cannot be sent, so 1011 (internal error) replaces
 * them. It also replaces 1014, which some clients treat as a protocol error. A reason
 * too long for a close frame is truncated.
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
    // This socket refuses to send that code.
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
  // A UTF-16 code unit takes one to three bytes in UTF-8.
  if (data.length * 3 <= max) return false;
  return data.length > max || new TextEncoder().encode(data).byteLength > max;
}
