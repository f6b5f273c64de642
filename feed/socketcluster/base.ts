/**
 * What a socket says about itself: constants, options and engines.
 */
import type { AuthEngine } from "./auth.ts";
import { type CodecEngine, fromBase64, toBase64 } from "./codec.ts";
import { addConstants, STATES } from "./constants.ts";
import { errorStatuses, ignoreStatuses } from "./errors.ts";
import { type Families, SocketStreams } from "./streams/families.ts";
import { type Settings, toUri } from "./options.ts";

/** The version of socketcluster-client whose interface this module has. */
export const VERSION = "20.0.2";

/** A socket's streams, constants, options and engines. */
export class SocketBase<A> extends SocketStreams<A> {
  /** A value of {@linkcode state}. */
  declare static readonly CONNECTING: "connecting";
  /** A value of {@linkcode state}. */
  declare static readonly OPEN: "open";
  /** A value of {@linkcode state}. */
  declare static readonly CLOSED: "closed";
  /** A value of {@linkcode authState}. */
  declare static readonly AUTHENTICATED: "authenticated";
  /** A value of {@linkcode authState}. */
  declare static readonly UNAUTHENTICATED: "unauthenticated";
  /** A state of a channel. */
  declare static readonly SUBSCRIBED: "subscribed";
  /** A state of a channel. */
  declare static readonly PENDING: "pending";
  /** A state of a channel. */
  declare static readonly UNSUBSCRIBED: "unsubscribed";
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

  static {
    addConstants(this, STATES);
  }

  readonly #settings: Settings;

  /** `families` holds the streams and `settings` the options. */
  constructor(families: Families, settings: Settings) {
    super(families);
    this.#settings = settings;
  }

  /** The options, with defaults. */
  get options(): Settings {
    return this.#settings;
  }

  /** Names this client across connections. */
  get clientId(): string {
    return this.#settings.clientId;
  }

  /** The version of the protocol, 1 or 2. */
  get protocolVersion(): 1 | 2 {
    return this.#settings.protocolVersion ?? 2;
  }

  /** Whether silence of the server is no reason to disconnect. */
  get pingTimeoutDisabled(): boolean {
    return this.#settings.pingTimeoutDisabled ?? false;
  }

  /** Milliseconds until a WebSocket that does not open is given up. */
  get connectTimeout(): number {
    return this.#settings.connectTimeout;
  }

  /** The key under which the auth engine keeps the token. */
  get authTokenName(): string {
    return this.#settings.authTokenName;
  }

  /** Options for the WebSocket constructor. */
  get wsOptions(): Record<string, unknown> {
    return this.#settings.wsOptions ?? {};
  }

  /** The auth engine. */
  get auth(): AuthEngine {
    return this.#settings.authEngine;
  }

  /** The codec engine. */
  get codec(): CodecEngine {
    return this.#settings.codecEngine;
  }

  /** Where the socket connects to. */
  uri(): string {
    return toUri(this.#settings, Date.now());
  }

  /** A packet as a frame. */
  // deno-lint-ignore no-explicit-any
  encode(packet: any): any {
    return this.#settings.codecEngine.encode(packet);
  }

  /** A frame as a packet. */
  // deno-lint-ignore no-explicit-any
  decode(frame: any): any {
    return this.#settings.codecEngine.decode(frame);
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
