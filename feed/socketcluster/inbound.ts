/** What comes in: hands each packet to whom it is for. */
import type { Calls } from "./calls.ts";
import type { Connection } from "./connection.ts";
import type { Families } from "./families.ts";
import type { Identity } from "./identity.ts";
import type { OutboundPacket, PacketSink } from "./protocol.ts";
import { AGRequest } from "./request.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** What the recipients of packets need of the socket. */
export interface InboundHost {
  /** Prepended to the names of channels on the wire. */
  readonly channelPrefix: string | null;
  emit(eventName: string, data: unknown): void;
}

/** Whom packets are for. */
export interface Recipients {
  /** Also the `socket` of requests. */
  socket: InboundHost;
  families: Families;
  connection: Connection;
  calls: Calls;
  subscriptions: Subscriptions;
  identity: Identity;
}

/** Hands packets to their recipients. */
export function createInbound(
  { socket, families, connection, calls, subscriptions, identity }: Recipients,
): PacketSink {
  const withoutPrefix = (channel: string) => {
    const prefix = socket.channelPrefix;
    return prefix && channel.startsWith(prefix)
      ? channel.slice(prefix.length)
      : channel;
  };
  return {
    publish(channel, data) {
      const name = withoutPrefix(channel);
      if (subscriptions.has(name)) families.outputs.write(name, data);
    },

    transmit(event, data) {
      if (event === "#kickOut") {
        const { channel, message } = (data ?? {}) as Record<string, unknown>;
        if (typeof channel === "string") {
          subscriptions.kickOut(withoutPrefix(channel), message);
        }
      } else if (event === "#setAuthToken") {
        const error = identity.receive(data);
        if (error) socket.emit("error", { error });
      } else if (event === "#removeAuthToken") identity.lose();
      else families.receivers.write(event, data);
    },

    request(event, data, cid) {
      const { transport } = connection;
      const answer = (packet: OutboundPacket) => {
        // The server has forgotten the requests of an earlier connection.
        if (connection.state === "open" && connection.transport === transport) {
          calls.respond(packet);
        }
      };
      const request = new AGRequest(socket, cid, event, data, answer);
      if (event === "#setAuthToken") {
        const error = identity.receive(data);
        if (error) request.error(error);
        else request.end();
      } else if (event === "#removeAuthToken") {
        identity.lose();
        request.end();
      } else families.procedures.write(event, request);
    },

    response(rid, data, error) {
      calls.answer(rid, data, error);
    },

    raw(message) {
      socket.emit("raw", { message });
    },
  };
}
