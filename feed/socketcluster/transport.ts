/**
 * One connection: a WebSocket from the dial to the close, its handshake, and the watch
 * for the server's pings. Each attempt gets a new transport, so that late events of a
 * lost connection cannot be mistaken for those of the next.
 */
import { fitReason } from "../../net/close_code.ts";
import { type OpenedSocket, openWebSocket } from "../../net/dial.ts";
import { SilenceWatch } from "../../net/silence.ts";
import { setLimit } from "../../net/timer.ts";
import { parseUrl } from "../../net/url.ts";
import type { LoadedToken } from "./auth.ts";
import type { ConnectionState } from "./types.ts";
import {
  callTimeout,
  errorStatuses,
  hydrateError,
  InvalidArgumentsError,
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

/** The events of a transport. None follows `closed`. */
export interface TransportHandler {
  /** An event of the socket. */
  emit(eventName: string, data: unknown): void;
  /** Returns the `cid` for the handshake. */
  nextCallId(): number;
  /** The handshake succeeded; `token` is the token that was sent with it. */
  opened(status: HandshakeStatus, token: LoadedToken): void;
  /** A packet of the open connection, and the frame it came in. */
  packet(packet: unknown, frame: unknown): void;
  /** Any frame. */
  frame(frame: unknown): void;
  /** The connection ended by itself; `cause` is the reason if it was never established. */
  closed(code: number, reason: string | undefined, cause?: unknown): void;
}

/** How many packets may arrive before the response to the handshake. */
const EARLY_PACKETS = 1000;

/** The handshake, while it waits for a response. */
interface Handshake {
  /** The number of its call. */
  cid: number;
  /** The token that was sent with it. */
  token: LoadedToken;
  /** Ends its time limit. */
  unlimit(): void;
}

/** One connection to a SocketCluster server. */
export class Transport {
  /** Its state; `closed` is final. */
  state: ConnectionState = "connecting";
  /** How long the server may be silent, in milliseconds. */
  pingTimeout: number;
  /** Resolves when the WebSocket has fully closed. */
  readonly ended: Promise<void>;

  readonly #settings: Settings;
  readonly #handler: TransportHandler;
  readonly #ping: string;
  readonly #pong: string;
  readonly #watch = new SilenceWatch({ onSilence: () => this.#drop(4000, "") });
  /** The WebSocket, if it could be constructed. */
  readonly #opened: OpenedSocket | undefined;
  #handshake: Handshake | undefined;
  /** Packets that arrived before the response to the handshake. */
  #early: { packet: unknown; frame: unknown }[] = [];

  /** Starts connecting. Throws if the options result in an invalid URL. */
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
    } catch (thrown) {
      // The platform's own error would quote the URL, whose query may be secret.
      const error = parseUrl(uri) ? thrown : new InvalidArgumentsError(
        "the options make no valid URL; hostname is a name or an address, without a scheme or a port",
      );
      // Later, so that the event `connecting` comes first.
      queueMicrotask(() => this.#drop(1006, "", error));
    }
    this.ended = this.#opened?.ended ?? Promise.resolve();
  }

  /** The WebSocket, if it could be constructed. */
  get socket(): WebSocket | undefined {
    return this.#opened?.socket;
  }

  /** The WebSocket is open: watches it and sends the handshake. */
  async #begin(): Promise<void> {
    this.#watch.start(this.#patience);
    const settings = this.#settings;
    try {
      const token = await settings.authEngine.loadToken(settings.authTokenName);
      if (this.state === "closed") return;
      const cid = this.#handler.nextCallId();
      const unlimit = setLimit(
        () => this.#refuse(callTimeout("#handshake")),
        settings.ackTimeout,
      );
      this.#handshake = { cid, token, unlimit };
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

  /** Closes the connection because the handshake failed. */
  #refuse(error: unknown): void {
    if (this.state !== "connecting") return;
    const statusCode: unknown = Object(error).statusCode ?? 4003;
    // Does nothing if the error is frozen.
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

  /** Handles a packet. All but the response to the handshake wait for it. */
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

  #open({ data, error }: Answer, { token, unlimit }: Handshake): void {
    unlimit();
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

  /** Whether the server has been silent for too long, even if the timer has not fired yet. */
  isStale(): boolean {
    return this.#watch.stale;
  }

  /** Passes a frame to the WebSocket; returns false if it can no longer be sent. */
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

  /** The connection ended, but not at the application's request. */
  #drop(code: number, reason: string, cause?: unknown): void {
    if (this.state === "closed") return;
    this.close(isCloseCode(code) ? code : 1000);
    this.#handler.closed(code, reason || errorStatuses[code] || reason, cause);
  }

  /** Ends the connection without an event. */
  close(code: number, reason?: string): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.#early = [];
    this.#watch.stop();
    this.#handshake?.unlimit();
    this.#opened?.close(code, reason && fitReason(reason));
  }
}
