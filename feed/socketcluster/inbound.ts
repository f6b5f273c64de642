/**
 * Incoming packets: passes each to the part of the socket that handles it.
 *
 * Packets that arrive right after the handshake wait for one macrotask. A program opens
 * receivers and procedures in its `connect` listener, which runs in microtasks; without
 * the wait, packets that the server sends at the moment of connection would arrive
 * before these exist, and be lost.
 */
import type { Calls } from "./calls.ts";
import type { Connection } from "./connection.ts";
import type { Families } from "./streams/families.ts";
import type { Identity } from "./identity.ts";
import { type InboundPacket, readPacket, unprefixed } from "./protocol.ts";
import { AGRequest } from "./request.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** The most packets that wait. With one more, all are delivered immediately. */
const HELD_PACKETS = 1000;

/** What {@linkcode Inbound} needs from the socket. It is also the `socket` of requests. */
export interface InboundHost {
  /** Prepended to the names of channels on the wire. */
  readonly channelPrefix: string | null;
  emit(eventName: string, data: unknown): void;
}

/** The parts of the socket that handle packets. */
export interface InboundParts {
  readonly families: Families;
  readonly connection: Connection;
  readonly calls: Calls;
  readonly subscriptions: Subscriptions;
  readonly identity: Identity;
}

/** Dispatches the incoming packets of one socket. */
export class Inbound {
  readonly #socket: InboundHost;
  readonly #parts: InboundParts;
  /** The waiting packets with their frames; `undefined` while packets need not wait. */
  #held: { packet: unknown; frame: unknown }[] | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: InboundHost, parts: InboundParts) {
    this.#socket = socket;
    this.#parts = parts;
  }

  /** Makes packets wait for one macrotask from now on. */
  hold(): void {
    this.#held = [];
    this.#timer = setTimeout(() => this.release());
  }

  /** Delivers the waiting packets, oldest first. Packets no longer wait. */
  release(): void {
    const held = this.#held;
    if (!held) return;
    clearTimeout(this.#timer);
    this.#held = undefined;
    for (const { packet, frame } of held) this.#deliver(packet, frame);
  }

  /** Handles a decoded packet and the frame that contained it. */
  take(packet: unknown, frame: unknown): void {
    if (!this.#held) return this.#deliver(packet, frame);
    if (this.#held.push({ packet, frame }) > HELD_PACKETS) this.release();
  }

  #deliver(decoded: unknown, frame: unknown): void {
    const { families, calls, subscriptions, identity } = this.#parts;
    const packet = readPacket(decoded);
    switch (packet.kind) {
      case "publication": {
        const name = unprefixed(this.#socket.channelPrefix, packet.channel);
        if (subscriptions.has(name)) families.outputs.write(name, packet.data);
        return;
      }
      case "kickOut":
        return subscriptions.kickOut(
          unprefixed(this.#socket.channelPrefix, packet.channel),
          packet.message,
        );
      case "setAuthToken":
        return this.#setAuthToken(packet);
      case "removeAuthToken":
        identity.revoke();
        if (packet.cid !== undefined) {
          this.#request("#removeAuthToken", undefined, packet.cid).end();
        }
        return;
      case "message":
        return families.receivers.write(packet.event, packet.data);
      case "call":
        return families.procedures.write(
          packet.event,
          this.#request(packet.event, packet.data, packet.cid),
        );
      case "answer":
        return calls.answer(packet.rid, packet.data, packet.error);
      case "malformed":
        return;
      case "raw":
        return this.#socket.emit("raw", { message: frame });
      default:
        packet satisfies never;
    }
  }

  #setAuthToken(
    { token, cid }: Extract<InboundPacket, { kind: "setAuthToken" }>,
  ): void {
    const { identity } = this.#parts;
    const refusal = identity.set(token);
    if (cid !== undefined) {
      const request = this.#request("#setAuthToken", undefined, cid);
      if (refusal) request.error(refusal);
      else request.end();
    } else if (refusal) this.#socket.emit("error", { error: refusal });
  }

  #request(event: string, data: unknown, cid: number): AGRequest {
    const { connection, calls } = this.#parts;
    const { transport } = connection;
    return new AGRequest(this.#socket, cid, event, data, (packet) => {
      // The server has dropped the requests of earlier connections.
      if (connection.state === "open" && connection.transport === transport) {
        calls.send(packet);
      }
    });
  }
}
