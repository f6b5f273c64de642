/**
 * What a socket says about itself: constants, options and engines.
 */
import type { AuthEngine } from "./auth.ts";
import { type CodecEngine, fromBase64, toBase64 } from "./codec.ts";
import { errorStatuses, ignoreStatuses } from "./errors.ts";
import { type Families, SocketStreams } from "./families.ts";
import { type ClientOptions, type Configuration, toUri } from "./options.ts";

/** The version of socketcluster-client whose interface this module has. */
export const VERSION = "20.0.2";

/** The constants that sockets have. */
const STATES = {
  CONNECTING: "connecting",
  OPEN: "open",
  CLOSED: "closed",
  AUTHENTICATED: "authenticated",
  UNAUTHENTICATED: "unauthenticated",
  SUBSCRIBED: "subscribed",
  PENDING: "pending",
  UNSUBSCRIBED: "unsubscribed",
} as const;

/** A socket's streams, constants, options and engines. */
export class SocketBase<A> extends SocketStreams<A> {
  /** A value of {@linkcode state}. */
  static readonly CONNECTING: "connecting" = STATES.CONNECTING;
  /** A value of {@linkcode state}. */
  static readonly OPEN: "open" = STATES.OPEN;
  /** A value of {@linkcode state}. */
  static readonly CLOSED: "closed" = STATES.CLOSED;
  /** A value of {@linkcode authState}. */
  static readonly AUTHENTICATED: "authenticated" = STATES.AUTHENTICATED;
  /** A value of {@linkcode authState}. */
  static readonly UNAUTHENTICATED: "unauthenticated" = STATES.UNAUTHENTICATED;
  /** A state of a channel. */
  static readonly SUBSCRIBED: "subscribed" = STATES.SUBSCRIBED;
  /** A state of a channel. */
  static readonly PENDING: "pending" = STATES.PENDING;
  /** A state of a channel. */
  static readonly UNSUBSCRIBED: "unsubscribed" = STATES.UNSUBSCRIBED;
  /** Close codes that are a normal end, with what they mean. */
  static readonly ignoreStatuses: Readonly<Record<number, string>> =
    ignoreStatuses;
  /** Close codes that are an error, with what they mean. */
  static readonly errorStatuses: Readonly<Record<number, string>> =
    errorStatuses;
  /** A value of {@linkcode state}. */
  declare readonly CONNECTING: "connecting";
  /** A value of {@linkcode state}. */
  declare readonly OPEN: "open";
  /** A value of {@linkcode state}. */
  declare readonly CLOSED: "closed";
  /** A value of {@linkcode authState}. */
  declare readonly AUTHENTICATED: "authenticated";
  /** A value of {@linkcode authState}. */
  declare readonly UNAUTHENTICATED: "unauthenticated";
  /** A state of a channel. */
  declare readonly SUBSCRIBED: "subscribed";
  /** A state of a channel. */
  declare readonly PENDING: "pending";
  /** A state of a channel. */
  declare readonly UNSUBSCRIBED: "unsubscribed";

  readonly #config: Configuration;

  /** `families` holds the streams and `config` the options. */
  constructor(families: Families, config: Configuration) {
    super(families);
    this.#config = config;
    // Constants of an object would show in every log of it.
    if (!("OPEN" in this)) Object.assign(SocketBase.prototype, STATES);
  }

  /** The options, with defaults. */
  get options(): ClientOptions {
    return this.#config.settings as ClientOptions;
  }

  /** Names this client across connections. */
  get clientId(): string {
    return this.#config.settings.clientId;
  }

  /** The version of the protocol, 1 or 2. */
  get protocolVersion(): 1 | 2 {
    return this.#config.settings.protocolVersion ?? 2;
  }

  /** Whether silence of the server is no reason to disconnect. */
  get pingTimeoutDisabled(): boolean {
    return this.#config.settings.pingTimeoutDisabled ?? false;
  }

  /** Milliseconds until a WebSocket that does not open is given up. */
  get connectTimeout(): number {
    return this.#config.settings.connectTimeout;
  }

  /** The key under which the auth engine keeps the token. */
  get authTokenName(): string {
    return this.#config.settings.authTokenName;
  }

  /** Options for the WebSocket constructor. */
  get wsOptions(): Record<string, unknown> {
    return this.#config.settings.wsOptions ?? {};
  }

  /** The auth engine. */
  get auth(): AuthEngine {
    return this.#config.auth;
  }

  /** The codec engine. */
  get codec(): CodecEngine {
    return this.#config.codec;
  }

  /** Where the socket connects to. */
  uri(): string {
    return toUri(this.#config.settings, Date.now());
  }

  /** A packet as a frame. */
  // deno-lint-ignore no-explicit-any
  encode(packet: any): any {
    return this.#config.codec.encode(packet);
  }

  /** A frame as a packet. */
  // deno-lint-ignore no-explicit-any
  decode(frame: any): any {
    return this.#config.codec.decode(frame);
  }

  /** Text as base64 of its UTF-8 form. */
  encodeBase64(text: string): string {
    return toBase64(new TextEncoder().encode(text));
  }

  /** The text of base64 of its UTF-8 form. */
  decodeBase64(base64: string): string {
    return new TextDecoder().decode(fromBase64(base64));
  }

  /** Always `undefined`: a web-standard WebSocket does not count bytes. */
  getBytesReceived(): number | undefined {
    return undefined;
  }
}
