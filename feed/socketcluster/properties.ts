/** The properties of a socket that are constants, options and engines. */
import type { AuthEngine } from "./auth.ts";
import { type CodecEngine, fromBase64, toBase64 } from "./codec.ts";
import { errorStatuses, ignoreStatuses } from "./errors.ts";
import type { ClientOptions } from "./options.ts";
import { type Settings, toUri } from "./settings.ts";
import type { Families } from "./streams/families.ts";
import { SocketStreams } from "./streams/socket_streams.ts";

/** The version of socketcluster-client whose API this module implements. */
export const VERSION = "20.0.2";

/** A socket's streams, constants, options and engines. */
export class SocketProperties<A> extends SocketStreams<A> {
  /** A value of `state`. */
  static readonly CONNECTING: "connecting" = "connecting";
  /** A value of `state`. */
  static readonly OPEN: "open" = "open";
  /** A value of `state`. */
  static readonly CLOSED: "closed" = "closed";
  /** A value of `authState`. */
  static readonly AUTHENTICATED: "authenticated" = "authenticated";
  /** A value of `authState`. */
  static readonly UNAUTHENTICATED: "unauthenticated" = "unauthenticated";
  /** A state of a channel. */
  static readonly SUBSCRIBED: "subscribed" = "subscribed";
  /** A state of a channel. */
  static readonly PENDING: "pending" = "pending";
  /** A state of a channel. */
  static readonly UNSUBSCRIBED: "unsubscribed" = "unsubscribed";
  /** Close codes that indicate a normal end, with their meanings. */
  static readonly ignoreStatuses: Readonly<Record<number, string>> =
    ignoreStatuses;
  /** Close codes that indicate an error, with their meanings. */
  static readonly errorStatuses: Readonly<Record<number, string>> =
    errorStatuses;

  /** The version of socketcluster-client whose API this class implements. */
  readonly version: string;
  /** How long (ms) the server may be silent. */
  pingTimeout: number;
  /** How long (ms) a call may wait for its response by default. */
  ackTimeout: number;
  /** Prepended to the names of channels on the wire. */
  channelPrefix: string | null;
  /** Whether batches are sent for a while after each handshake. */
  batchOnHandshake: boolean;
  /** How long (ms) batches are sent after a handshake. */
  batchOnHandshakeDuration: number;

  readonly #settings: Settings;

  /** @ignore */
  constructor(families: Families, settings: Settings) {
    super(families);
    this.#settings = settings;
    this.version = settings.version ?? VERSION;
    this.pingTimeout = settings.connectTimeout;
    this.ackTimeout = settings.ackTimeout;
    this.channelPrefix = settings.channelPrefix ?? null;
    this.batchOnHandshake = settings.batchOnHandshake ?? false;
    this.batchOnHandshakeDuration = settings.batchOnHandshakeDuration;
  }

  // Getters, so that logging a socket does not show its constants.

  /** A value of `state`. */
  get CONNECTING(): "connecting" {
    return "connecting";
  }

  /** A value of `state`. */
  get OPEN(): "open" {
    return "open";
  }

  /** A value of `state`. */
  get CLOSED(): "closed" {
    return "closed";
  }

  /** A value of `authState`. */
  get AUTHENTICATED(): "authenticated" {
    return "authenticated";
  }

  /** A value of `authState`. */
  get UNAUTHENTICATED(): "unauthenticated" {
    return "unauthenticated";
  }

  /** A state of a channel. */
  get SUBSCRIBED(): "subscribed" {
    return "subscribed";
  }

  /** A state of a channel. */
  get PENDING(): "pending" {
    return "pending";
  }

  /** A state of a channel. */
  get UNSUBSCRIBED(): "unsubscribed" {
    return "unsubscribed";
  }

  /** The options, with defaults filled in. */
  get options(): ClientOptions {
    return this.#settings;
  }

  /** Identifies this client across connections. */
  get clientId(): string {
    return this.#settings.clientId;
  }

  /** The version of the protocol, 1 or 2. */
  get protocolVersion(): 1 | 2 {
    return this.#settings.protocolVersion ?? 2;
  }

  /** Whether the socket stays connected no matter how long the server is silent. */
  get pingTimeoutDisabled(): boolean {
    return this.#settings.pingTimeoutDisabled ?? false;
  }

  /** How long (ms) a WebSocket may take to open. */
  get connectTimeout(): number {
    return this.#settings.connectTimeout;
  }

  /** The name under which the auth engine stores the token. */
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

  /** The URL that the socket connects to. */
  uri(): string {
    return toUri(this.#settings, Date.now());
  }

  /** Turns a packet into a frame. */
  encode(packet: unknown): unknown {
    return this.#settings.codecEngine.encode(packet);
  }

  /** Turns a frame into a packet. */
  decode(frame: unknown): unknown {
    return this.#settings.codecEngine.decode(frame);
  }

  /** Encodes text in UTF-8 as base64. */
  encodeBase64(text: string): string {
    return toBase64(new TextEncoder().encode(text));
  }

  /** Decodes base64 of UTF-8 to text. */
  decodeBase64(base64: string): string {
    return new TextDecoder().decode(fromBase64(base64));
  }

  /** Always `undefined`: a web-standard WebSocket does not count bytes. */
  getBytesReceived(): number | undefined {
    return undefined;
  }
}

/**
 * Copies options that were given to `connect` to the properties that a program may have
 * changed since.
 */
export function takeOver(
  socket: Pick<
    SocketProperties<unknown>,
    | "ackTimeout"
    | "channelPrefix"
    | "batchOnHandshake"
    | "batchOnHandshakeDuration"
  >,
  given: ClientOptions,
  settings: Settings,
): void {
  if (given.ackTimeout != null) socket.ackTimeout = settings.ackTimeout;
  if (given.channelPrefix != null) socket.channelPrefix = given.channelPrefix;
  if (given.batchOnHandshake != null) {
    socket.batchOnHandshake = given.batchOnHandshake;
  }
  if (given.batchOnHandshakeDuration != null) {
    socket.batchOnHandshakeDuration = settings.batchOnHandshakeDuration;
  }
}
