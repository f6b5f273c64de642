/**
 * One connection: a WebSocket from the dial to the close, its handshake, and
 * the watch over the server's pings. A lost connection's transport is thrown
 * away; the next attempt gets a new one, so nothing late can be mistaken.
 */
import { createWebSocket } from "../../net/dial.ts";
import { onWake } from "../../net/lifecycle.ts";
import type { ConnectionState } from "./types.ts";
import {
  callTimeout,
  errorStatuses,
  hydrateError,
  InvalidMessageError,
} from "./errors.ts";
import { type Settings, toUri } from "./options.ts";
import {
  type Answer,
  type HandshakeStatus,
  isAnswer,
  isCloseCode,
  isHandshakeStatus,
  MAX_DELAY,
} from "./protocol.ts";

/** What a transport tells. After `closed` it tells nothing more. */
export interface TransportHandler {
  /** An event of the socket. */
  emit(eventName: string, data: unknown): void;
  /** Asked for the `cid` of the handshake. */
  nextCallId(): number;
  /** The handshake succeeded; `token` is what was sent with it. */
  opened(status: HandshakeStatus, token: string | null): void;
  /** A packet of the open connection, and the frame it came in. */
  packet(packet: unknown, frame: unknown): void;
  /** Any frame. */
  frame(frame: unknown): void;
  /** The connection ended by itself; `cause` tells why it never came about. */
  closed(code: number, reason: string | undefined, cause?: unknown): void;
}

/** How many packets may arrive before the answer to the handshake. */
const EARLY_PACKETS = 1000;

/** A timer that fires this many milliseconds late has been asleep. */
const ASLEEP = 1000;

/** One connection to a SocketCluster server. */
export class Transport {
  /** The WebSocket, if it could be constructed. */
  socket: WebSocket | undefined;
  /** How long the server may be silent, in milliseconds. */
  declare pingTimeout: number;
  /** Its state; `closed` is the last. */
  state: ConnectionState = "connecting";
  /** When the handshake succeeded. */
  openSince: number | undefined;
  /** Resolves when the WebSocket is closed for good. */
  declare readonly ended: Promise<void>;

  readonly #settings: Settings;
  readonly #handler: TransportHandler;
  readonly #ping: string;
  /** The call that the handshake is, when it has been sent. */
  #handshake = NaN;
  /** Packets that came before the handshake was answered. */
  #early: { packet: unknown; frame: unknown }[] = [];
  /** The token that was sent with it. */
  #token: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #handshakeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Whether anything came in since the watch was set, and when that was. */
  #heard = false;
  #watchedSince = 0;
  #stopWaking = () => {};
  #resolveEnded!: () => void;

  /** Begins to connect. Throws if the options make no address. */
  constructor(settings: Settings, handler: TransportHandler) {
    this.#settings = settings;
    this.#handler = handler;
    const { connectTimeout, protocolVersion } = settings;
    this.pingTimeout = connectTimeout;
    this.#ping = protocolVersion === 1 ? "#1" : "";
    this.ended = new Promise((resolve) => this.#resolveEnded = resolve);
    this.#connect(toUri(settings, Date.now()));
  }

  async #connect(uri: string): Promise<void> {
    const settings = this.#settings;
    try {
      const socket = this.socket = createWebSocket(uri, {
        init: settings.wsOptions,
        WebSocket: settings.WebSocket,
      });
      socket.binaryType = settings.binaryType;
      socket.onopen = () => this.#begin(socket);
      // Before a socket is open its close code tells nothing. On Node 22 there is
      // an error and no close: https://github.com/nodejs/undici/issues/3546
      socket.onclose = socket.onerror = (event) => {
        preventDefault(event);
        this.#resolveEnded();
        this.#drop(1006, "", new Error("WebSocket closed before it opened"));
      };
      this.#timer = setTimeout(
        () => this.#drop(4007, ""),
        settings.connectTimeout,
      );
    } catch (error) {
      this.#resolveEnded();
      // That an attempt began is told first.
      await null;
      this.#drop(1006, "", error);
    }
  }

  /** The WebSocket is open: watches it and shakes hands. */
  async #begin(socket: WebSocket): Promise<void> {
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => {
      this.#resolveEnded();
      // Of a connection that breaks off Deno says 0, React Native nothing.
      this.#drop(event.code === 0 ? 1006 : event.code ?? 1005, event.reason);
    };
    socket.onerror = preventDefault;
    this.#watch();
    const settings = this.#settings;
    try {
      const token = await settings.authEngine.loadToken(settings.authTokenName);
      if (this.state === "closed") return;
      const cid = this.#handshake = this.#handler.nextCallId();
      this.#token = token;
      this.#handshakeTimer = setTimeout(
        () => this.#refuse(callTimeout("#handshake")),
        settings.ackTimeout,
      );
      this.send(
        settings.codecEngine.encode({
          event: "#handshake",
          data: { authToken: token },
          cid,
        }),
      );
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** Gives the connection up because the handshake failed. */
  #refuse(error: unknown): void {
    if (this.state !== "connecting") return;
    const statusCode: unknown = Object(error).statusCode ?? 4003;
    // A frozen error goes without.
    Reflect.set(Object(error), "statusCode", statusCode);
    this.#handler.emit("error", { error });
    this.#drop(isCloseCode(statusCode) ? statusCode : 4003, String(error));
  }

  #receive(frame: unknown): void {
    this.#heard = true;
    this.#handler.frame(frame);
    if (frame === this.#ping) {
      this.#watch();
      // "#1" is answered with "#2", the empty frame with itself.
      this.send(frame && "#2");
      return;
    }
    let packets: unknown;
    try {
      packets = this.#settings.codecEngine.decode(frame);
    } catch (error) {
      return this.#handler.emit("error", { error });
    }
    if (Array.isArray(packets)) {
      for (const packet of packets) this.#take(packet, frame);
    } else {
      this.#take(packets, frame);
    }
  }

  /** Until the handshake is answered, all other packets wait. */
  #take(packet: unknown, frame: unknown): void {
    if (this.state === "open") return this.#handler.packet(packet, frame);
    // An earlier packet of the frame may have ended the connection.
    if (this.state === "closed") return;
    if (isAnswer(packet, this.#handshake)) this.#open(packet);
    else if (this.#early.push({ packet, frame }) > EARLY_PACKETS) {
      this.#refuse(
        new InvalidMessageError(
          `more than ${EARLY_PACKETS} packets came before the answer to the handshake`,
        ),
      );
    }
  }

  #open({ data, error }: Answer): void {
    clearTimeout(this.#handshakeTimer);
    if (error) return this.#refuse(hydrateError(error));
    if (!isHandshakeStatus(data)) {
      return this.#refuse(
        new InvalidMessageError("the answer to the handshake is not usable"),
      );
    }
    if (data.authError) data.authError = hydrateError(data.authError);
    this.state = "open";
    this.openSince = performance.now();
    this.pingTimeout = data.pingTimeout;
    this.#watch();
    this.#stopWaking = onWake(() => {
      if (this.isStale()) this.#drop(4000, "");
    });
    this.#handler.opened(data, this.#token);
    for (const { packet, frame } of this.#early.splice(0)) {
      this.#take(packet, frame);
    }
  }

  /** How long the server may be silent, in milliseconds; `undefined`: forever. */
  get #patience(): number | undefined {
    const { pingTimeoutDisabled, idleTimeout } = this.#settings;
    if (pingTimeoutDisabled) return idleTimeout;
    return Math.min(this.pingTimeout, idleTimeout ?? Infinity);
  }

  /** Starts the watch over the server's silence anew. */
  #watch(delay: number | undefined = this.#patience): void {
    clearTimeout(this.#timer);
    this.#heard = false;
    this.#watchedSince = performance.now();
    // A longer delay would fire at once.
    if (delay === undefined || delay > MAX_DELAY) return;
    this.#timer = setTimeout(() => {
      // Any frame is a sign of life. A timer that comes late was asleep with
      // the page, or kept waiting, and frames may be waiting behind it.
      const late = performance.now() - this.#watchedSince - delay;
      if (this.#heard) this.#watch();
      else if (late > ASLEEP) this.#watch(Math.min(ASLEEP, delay));
      else this.#drop(4000, "");
    }, delay);
  }

  /** Whether the server was silent for too long and the timer just has not told yet. */
  isStale(): boolean {
    const patience = this.#patience;
    return patience !== undefined && !this.#heard &&
      performance.now() - this.#watchedSince >= patience;
  }

  /** Hands a frame to the WebSocket. False if it cannot be sent any more. */
  send(frame: unknown): boolean {
    const { socket } = this;
    if (!socket || this.state === "closed") return false;
    if (socket.readyState !== socket.OPEN) {
      this.#drop(1005, "");
      return false;
    }
    socket.send(frame as string);
    return true;
  }

  /** The connection ended without the application's doing. */
  #drop(code: number, reason: string, cause?: unknown): void {
    if (this.state === "closed") return;
    this.close(isCloseCode(code) ? code : 1000);
    this.#handler.closed(code, reason || errorStatuses[code] || reason, cause);
  }

  /** Ends the connection; nothing is told about it. */
  close(code: number, reason?: string): void {
    this.state = "closed";
    this.#early = [];
    this.#stopWaking();
    clearTimeout(this.#timer);
    clearTimeout(this.#handshakeTimer);
    const { socket } = this;
    if (!socket) return;
    socket.onopen = socket.onmessage = null;
    socket.close(code, reason);
  }
}

/**
 * Deno reports errors that nobody prevented as uncaught, and one that nobody
 * hears would end a Node process.
 */
function preventDefault(event: Event): void {
  event.preventDefault?.();
}
