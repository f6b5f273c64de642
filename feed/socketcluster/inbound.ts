/**
 * What comes in: hands each packet to the part of the socket that it concerns.
 *
 * Packets that come right after the handshake wait one macrotask. A program
 * opens receivers and procedures in its `connect` listener, which runs in
 * microtasks; without the wait, what the server sends at the moment of
 * connection would arrive before they exist and be lost.
 */
import type { Calls } from "./calls.ts";
import type { Connection } from "./connection.ts";
import type { Families } from "./streams/families.ts";
import type { Identity } from "./identity.ts";
import { type InboundPacket, readPacket, unprefixed } from "./protocol.ts";
import { AGRequest } from "./request.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** How many packets wait at most. One more, and all are delivered at once. */
const HELD_PACKETS = 1000;

/** What {@linkcode Inbound} needs of the socket. It is also the `socket` of requests. */
export interface InboundHost {
  /** Prepended to the names of channels on the wire. */
  readonly channelPrefix: string | null;
  emit(eventName: string, data: unknown): void;
}

/** The parts of the socket that packets concern. */
export interface InboundParts {
  readonly families: Families;
  readonly connection: Connection;
  readonly calls: Calls;
  readonly subscriptions: Subscriptions;
  readonly identity: Identity;
}

/** The way of packets into one socket. */
export class Inbound {
  readonly #socket: InboundHost;
  readonly #parts: InboundParts;
  /** What waits, with the frames it came in; `undefined` when nothing has to. */
  #held: { packet: unknown; frame: unknown }[] | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: InboundHost, parts: InboundParts) {
    this.#socket = socket;
    this.#parts = parts;
  }

  /** Has packets wait for one macrotask from now on. */
  hold(): void {
    this.#held = [];
    this.#timer = setTimeout(() => this.release());
  }

  /** Delivers what waits, oldest first. From now on nothing waits. */
  release(): void {
    const held = this.#held;
    if (!held) return;
    clearTimeout(this.#timer);
    this.#held = undefined;
    for (const { packet, frame } of held) this.#deliver(packet, frame);
  }

  /** Takes a decoded packet and the frame it came in. */
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
      // The server has forgotten the requests of an earlier connection.
      if (connection.state === "open" && connection.transport === transport) {
        calls.send(packet);
      }
    });
  }
}
