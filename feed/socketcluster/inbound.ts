/** What comes in: hands each packet to whom it is for. */
import type { Calls } from "./calls.ts";
import type { Connection } from "./connection.ts";
import type { Families } from "./streams/families.ts";
import type { Identity } from "./identity.ts";
import type { PacketSink } from "./protocol.ts";
import { AGRequest } from "./request.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** What the recipients of packets need of the socket. */
export interface InboundHost {
  /** Prepended to the names of channels on the wire. */
  readonly channelPrefix: string | null;
  emit(eventName: string, data: unknown): void;
}

/** Hands packets to their recipients. `socket` is also the `socket` of requests. */
export function createInbound(
  socket: InboundHost,
  families: Families,
  connection: Connection,
  calls: Calls,
  subscriptions: Subscriptions,
  identity: Identity,
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
        return;
      }
      const obeyed = identity.obey(event, data);
      if (obeyed instanceof Error) socket.emit("error", { error: obeyed });
      else if (!obeyed) families.receivers.write(event, data);
    },

    request(event, data, cid) {
      const { transport } = connection;
      const request = new AGRequest(socket, cid, event, data, (packet) => {
        // The server has forgotten the requests of an earlier connection.
        if (connection.state === "open" && connection.transport === transport) {
          calls.send(packet);
        }
      });
      const obeyed = identity.obey(event, data);
      if (obeyed instanceof Error) request.error(obeyed);
      else if (obeyed) request.end();
      else families.procedures.write(event, request);
    },

    response(rid, data, error) {
      calls.answer(rid, data, error);
    },

    raw(message) {
      socket.emit("raw", { message });
    },
  };
}
