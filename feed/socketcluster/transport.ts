/**
 * One connection: a WebSocket from the dial to the close, its handshake, and
 * the watch over the server's pings. A lost connection's transport is thrown
 * away; the next attempt gets a new one, so nothing late can be mistaken.
 */
import { fitReason } from "../../net/close_code.ts";
import { type OpenedSocket, openWebSocket } from "../../net/dial.ts";
import { SilenceWatch } from "../../net/silence.ts";
import { setTimer, type Timer } from "../../net/timer.ts";
import type { LoadedToken } from "./auth.ts";
import type { ConnectionState } from "./types.ts";
import {
  callTimeout,
  errorStatuses,
  hydrateError,
  InvalidMessageError,
} from "./errors.ts";
import { type Settings, toUri } from "./settings.ts";
import {
  type Answer,
  type HandshakeStatus,
  isAnswer,
  isCloseCode,
  isHandshakeStatus,
} from "./protocol.ts";

/** What a transport tells. After `closed` it tells nothing more. */
export interface TransportHandler {
  /** An event of the socket. */
  emit(eventName: string, data: unknown): void;
  /** Asked for the `cid` of the handshake. */
  nextCallId(): number;
  /** The handshake succeeded; `token` is what was sent with it. */
  opened(status: HandshakeStatus, token: LoadedToken): void;
  /** A packet of the open connection, and the frame it came in. */
  packet(packet: unknown, frame: unknown): void;
  /** Any frame. */
  frame(frame: unknown): void;
  /** The connection ended by itself; `cause` tells why it never came about. */
  closed(code: number, reason: string | undefined, cause?: unknown): void;
}

/** How many packets may arrive before the answer to the handshake. */
const EARLY_PACKETS = 1000;

/** The handshake, from when it is sent until it is answered. */
interface Handshake {
  /** The number of the call that it is. */
  cid: number;
  /** The token that was sent with it. */
  token: LoadedToken;
  timer: Timer | undefined;
}

/** One connection to a SocketCluster server. */
export class Transport {
  /** Its state; `closed` is the last. */
  state: ConnectionState = "connecting";
  /** How long the server may be silent, in milliseconds. */
  pingTimeout: number;
  /** Resolves when the WebSocket is closed for good. */
  readonly ended: Promise<void>;

  readonly #settings: Settings;
  readonly #handler: TransportHandler;
  readonly #ping: string;
  readonly #pong: string;
  readonly #watch = new SilenceWatch({ onSilence: () => this.#drop(4000, "") });
  /** The WebSocket, if it could be constructed. */
  readonly #opened: OpenedSocket | undefined;
  #handshake: Handshake | undefined;
  /** Packets that came before the handshake was answered. */
  #early: { packet: unknown; frame: unknown }[] = [];

  /** Begins to connect. Throws if the options make no address. */
  constructor(settings: Settings, handler: TransportHandler) {
    this.#settings = settings;
    this.#handler = handler;
    const { connectTimeout, protocolVersion } = settings;
    this.pingTimeout = connectTimeout;
    [this.#ping, this.#pong] = protocolVersion === 1 ? ["#1", "#2"] : ["", ""];
    const uri = toUri(settings, Date.now());
    try {
      this.#opened = openWebSocket(uri, {
        init: settings.wsOptions,
        WebSocket: settings.WebSocket,
        binaryType: settings.binaryType,
        timeout: connectTimeout,
      }, {
        opened: () => this.#begin(),
        message: (frame) => this.#receive(frame),
        closed: (code, reason) => this.#drop(code, reason),
        failed: (error) =>
          error.name === "TimeoutError"
            ? this.#drop(4007, "")
            : this.#drop(1006, "", error),
      });
    } catch (error) {
      // That an attempt began is told first.
      queueMicrotask(() => this.#drop(1006, "", error));
    }
    this.ended = this.#opened?.ended ?? Promise.resolve();
  }

  /** The WebSocket, if it could be constructed. */
  get socket(): WebSocket | undefined {
    return this.#opened?.socket;
  }

  /** The WebSocket is open: watches it and shakes hands. */
  async #begin(): Promise<void> {
    this.#watch.start(this.#patience);
    const settings = this.#settings;
    try {
      const token = await settings.authEngine.loadToken(settings.authTokenName);
      if (this.state === "closed") return;
      const cid = this.#handler.nextCallId();
      const timer = setTimer(
        () => this.#refuse(callTimeout("#handshake")),
        settings.ackTimeout,
      );
      this.#handshake = { cid, token, timer };
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
    this.#watch.heard();
    this.#handler.frame(frame);
    if (frame === this.#ping) {
      this.#watch.restart();
      this.send(this.#pong);
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
    const handshake = this.#handshake;
    if (handshake && isAnswer(packet, handshake.cid)) {
      this.#open(packet, handshake);
    } else if (this.#early.push({ packet, frame }) > EARLY_PACKETS) {
      this.#refuse(
        new InvalidMessageError(
          `more than ${EARLY_PACKETS} packets arrived before the response to the handshake`,
        ),
      );
    }
  }

  #open({ data, error }: Answer, { token, timer }: Handshake): void {
    clearTimeout(timer);
    if (error) return this.#refuse(hydrateError(error));
    if (!isHandshakeStatus(data)) {
      return this.#refuse(
        new InvalidMessageError(
          "the server's response to the handshake is invalid",
        ),
      );
    }
    if (data.authError) data.authError = hydrateError(data.authError);
    this.state = "open";
    this.pingTimeout = data.pingTimeout;
    this.#watch.start(this.#patience);
    this.#handler.opened(data, token);
    for (const { packet, frame } of this.#early.splice(0)) {
      this.#take(packet, frame);
    }
  }

  /** How long the server may be silent, in milliseconds. */
  get #patience(): number {
    const { pingTimeoutDisabled, silenceTimeout } = this.#settings;
    return Math.min(
      pingTimeoutDisabled ? Infinity : this.pingTimeout,
      silenceTimeout || Infinity,
    );
  }

  /** Whether the server was silent for too long and the timer just has not told yet. */
  isStale(): boolean {
    return this.#watch.stale;
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
    if (this.state === "closed") return;
    this.state = "closed";
    this.#early = [];
    this.#watch.stop();
    clearTimeout(this.#handshake?.timer);
    this.#opened?.close(code, reason && fitReason(reason));
  }
}
