/** Sockets of the real server and of scripted peers, and what both can be asked to do. */
// deno-lint-ignore-file no-explicit-any
import {
  type AGClientSocket,
  type ClientOptions,
  create,
} from "../../../../feed/socketcluster/mod.ts";
import type { Step } from "../../far/script.ts";
import type { ScriptedPeer, Test } from "../../suite.ts";

/** A socket of the server. */
export function open(
  { socketcluster }: Test,
  options: ClientOptions = {},
): AGClientSocket<any> {
  return create<any>({
    hostname: "127.0.0.1",
    port: socketcluster,
    reconnect: "eager",
    ...options,
  });
}

/** A socket of a peer that does as its script says. */
export function openScripted(
  peer: ScriptedPeer,
  options: ClientOptions = {},
): AGClientSocket<any> {
  const { host, pathname } = new URL(peer.url);
  return create<any>({
    host,
    path: `${pathname}/`,
    reconnect: "eager",
    ...options,
  });
}

/** A packet on its way to the client. */
export const packet = (value: unknown): Step => ({
  send: JSON.stringify(value),
});

/**
 * Answers the handshake, which is the first message. Calls count on across
 * connections: it is number `rid`.
 */
export const handshake = (data: object = {}, rid = 1): Step[] => [
  { received: 1 },
  packet({
    rid,
    data: { id: "s", pingTimeout: 60_000, isAuthenticated: false, ...data },
  }),
];

/** A channel's data. */
export const published = (channel: string, data: unknown) => ({
  event: "#publish",
  data: { channel, data },
});

/** Answers the handshake and a subscription to `room`, where 1 and 2 follow. */
export const roomOfTwo = (): Step[] => [
  ...handshake(),
  { received: 2 },
  packet([{ rid: 2 }, published("room", 1), published("room", 2)]),
];

/** Has the server do something. */
export function control(
  socket: AGClientSocket<any>,
  what: string,
  data?: unknown,
): Promise<any> {
  return socket.invoke("control", { what, data });
}

/** Has the server end the connection. */
export function doom(
  socket: AGClientSocket<any>,
  what: string,
  data: unknown = {},
): void {
  socket.transmit("doom", { what, data });
}

/**
 * The reason of a connection that broke off. No frame brings one, so the client
 * gives its own; workerd makes one up:
 * https://github.com/cloudflare/workerd/blob/main/src/workerd/api/web-socket.c%2B%2B
 */
export const hungUp = ({ runtime }: Test): string =>
  runtime === "workerd"
    ? "WebSocket disconnected without sending Close frame."
    : "Socket hung up";

/** Collects `[event, data]` of these events of a socket. */
export function log(
  socket: AGClientSocket<any>,
  ...events: string[]
): [string, any][] {
  const entries: [string, any][] = [];
  for (const event of events) {
    (async () => {
      for await (const data of socket.listener(event)) {
        entries.push([event, data]);
      }
    })();
  }
  return entries;
}
