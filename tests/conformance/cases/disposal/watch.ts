/** What is left after a disposal: here, and in the eyes of the peer. */
// deno-lint-ignore-file no-explicit-any
import { dispose } from "../../../kit/dispose.ts";
import { until } from "../../../kit/wait.ts";
import type { Script, Seen } from "../../far/script.ts";
import type { ScriptedPeer, Test } from "../../suite.ts";

/**
 * Whether the caller's caller is Node's own `fetch` or `WebSocket`, which sets
 * timers with the same functions: it keeps idle connections for a while, see
 * https://github.com/nodejs/undici/blob/main/lib/util/timers.js
 */
const isNodes = () =>
  new Error().stack?.split("\n")[3]?.includes("node:internal/deps/undici");

/**
 * Watches what is made while it is in scope: timers that wait, and WebSockets
 * that are still open. The library looks these names up when it needs them.
 */
export function watch() {
  const scope = globalThis as any;
  const { setTimeout, setInterval, clearTimeout, clearInterval, WebSocket } =
    scope;
  const timers = new Map<unknown, string>();
  const sockets: WebSocket[] = [];
  const clear = (native: (id: unknown) => void) => (id: unknown) => {
    timers.delete(id);
    native.call(scope, id);
  };
  Object.assign(scope, {
    setTimeout(callback: (...args: any[]) => void, ms = 0, ...args: any[]) {
      const id = setTimeout.call(scope, () => {
        timers.delete(id);
        callback(...args);
      }, ms);
      if (!isNodes()) timers.set(id, `timeout of ${ms} ms`);
      return id;
    },
    setInterval(callback: () => void, ms: number) {
      const id = setInterval.call(scope, callback, ms);
      if (!isNodes()) timers.set(id, `interval of ${ms} ms`);
      return id;
    },
    clearTimeout: clear(clearTimeout),
    clearInterval: clear(clearInterval),
    WebSocket: function (...args: unknown[]) {
      const socket = new WebSocket(...args);
      sockets.push(socket);
      return socket;
    },
  });
  return {
    /** What there is now. */
    left: () => [
      ...timers.values(),
      // One that was closed while it connected may be CLOSING for long.
      ...sockets.filter(({ readyState }) => readyState < 2)
        .map(({ readyState }) => `socket in state ${readyState}`),
    ],
    [dispose]: () =>
      void Object.assign(scope, {
        setTimeout,
        setInterval,
        clearTimeout,
        clearInterval,
        WebSocket,
      }),
  };
}

/** Resolves when all requests and sockets have ended in the eyes of the peer. */
export const ended = (peer: ScriptedPeer) =>
  until(async () => {
    const { requests, sockets } = await peer.seen();
    return requests.every(({ gone }) => gone) &&
      sockets.every(({ closed }) => closed);
  }, "the peer saw all of them end");

/** Resolves when something came to the peer. */
export const came = (peer: ScriptedPeer, what: (seen: Seen) => unknown) =>
  until(async () => Boolean(what(await peer.seen())), "it came");

/**
 * How far a connection may have come: what the peer does with it, and how it is
 * known there. They are tried one after the other, as browsers connect to a
 * host.
 */
export const stages: [
  state: string,
  sockets?: Script["sockets"],
  begun?: (seen: Seen) => unknown,
][] = [
  ["not answered", ["silence"], ({ requests }) => requests.length],
  ["no handshake", [[]], ({ sockets }) => sockets[0]?.messages.length],
  ["refused"],
];

/**
 * Resolves when all connections have ended in the eyes of the peer. Firefox keeps
 * one that a page closed before its upgrade was answered, and ends it when the
 * answer comes. A page has no other means to end it.
 */
export async function allEnded(t: Test, peer: ScriptedPeer): Promise<void> {
  if (t.runtime === "firefox") await peer.upgrade();
  await ended(peer);
}
