/** What comes in: hands each packet to whom it is for. */
import type { Calls } from "./calls.ts";
import { dehydrateError } from "./errors.ts";
import type { Families } from "./families.ts";
import type { Identity } from "./identity.ts";
import type { OutboundPacket, PacketSink } from "./protocol.ts";
import { AGRequest } from "./request.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** Whom packets are for. */
export interface Recipients {
  /** The `socket` of requests. */
  socket: unknown;
  families: Families;
  calls: Calls;
  subscriptions: Subscriptions;
  identity: Identity;
  emit(eventName: string, data: unknown): void;
  /** Prepended to the names of channels on the wire. */
  prefix(): string | null;
  /** Answers requests of the present connection, as long as it is that. */
  answerer(): (packet: OutboundPacket) => void;
}

/** Hands packets to their recipients. */
export class Inbound implements PacketSink {
  readonly #to: Recipients;

  constructor(recipients: Recipients) {
    this.#to = recipients;
  }

  #withoutPrefix(channel: string): string {
    const prefix = this.#to.prefix();
    return prefix && channel.startsWith(prefix)
      ? channel.slice(prefix.length)
      : channel;
  }

  publish(channel: string, data: unknown): void {
    const name = this.#withoutPrefix(channel);
    const { subscriptions, families } = this.#to;
    if (subscriptions.has(name)) families.outputs.write(name, data);
  }

  transmit(event: string, data: unknown): void {
    const { families, subscriptions, identity } = this.#to;
    switch (event) {
      case "#kickOut": {
        const { channel, message } = (data ?? {}) as Record<string, unknown>;
        if (typeof channel !== "string") return;
        return subscriptions.kickOut(this.#withoutPrefix(channel), message);
      }
      case "#setAuthToken": {
        const error = identity.receive(data);
        if (error) this.#to.emit("error", { error });
        return;
      }
      case "#removeAuthToken":
        return void identity.lose();
      default:
        families.receivers.write(event, data);
    }
  }

  request(event: string, data: unknown, cid: number): void {
    const { socket, families, identity } = this.#to;
    const answer = this.#to.answerer();
    switch (event) {
      case "#setAuthToken": {
        const error = identity.receive(data);
        return answer(
          error ? { rid: cid, error: dehydrateError(error) } : { rid: cid },
        );
      }
      case "#removeAuthToken":
        identity.lose();
        return answer({ rid: cid });
      default:
        families.procedures.write(
          event,
          new AGRequest(socket, cid, event, data, answer),
        );
    }
  }

  response(rid: number, data: unknown, error: unknown): void {
    this.#to.calls.answer(rid, data, error);
  }

  raw(message: unknown): void {
    this.#to.emit("raw", { message });
  }
}
