/**
 * Libraries that take a `WebSocket` constructor, with that of a backend: they work, and
 * they follow to the next backend when theirs has ended.
 */
import { assertEquals } from "@std/assert";
import { createClient } from "graphql-ws";
import { io, WebSocket as SocketIOTransport } from "socket.io-client";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { type BackendSocket, SessionBackend } from "../../client.ts";
import { config } from "../kit/config.ts";
import { type Program, startProgram } from "../kit/program.ts";
import { delay, until } from "../kit/wait.ts";
import {
  CONNECT_RESPONSE,
  eventStream,
  LIFE,
  record,
  startStreams,
} from "./scripted_platform.ts";

const startServers = (name: string): Promise<Program> =>
  startProgram(Deno.execPath(), [
    "run",
    "-A",
    "--no-lock",
    `--config=${config}`,
    "tests/session/libraries_process.js",
    name,
  ]);

/** A backend that ends when told to, and the one that follows it. */
async function twoBackends() {
  const stack = new AsyncDisposableStack();
  const programs = await Promise.all(["first", "second"].map(startServers));
  programs.forEach((program) => stack.use(program));
  const end = Promise.withResolvers<void>();
  const platform = stack.use(startStreams(async ({ path }, index) => {
    if (path.startsWith("/b1/") && index > 0) {
      await end.promise;
      return eventStream([record(LIFE.slice(5), 5)]);
    }
    return eventStream([record(LIFE.slice(0, 5)), "retry: 1\n\n"]);
  }));
  const answer = (index: number) => ({
    ...CONNECT_RESPONSE,
    backend_id: `b${index + 1}`,
    status_url: `${platform.url}/b${index + 1}/status`,
    url: `http://127.0.0.1:${programs[index]!.said}/`,
  });
  const backend = stack.use(new SessionBackend(answer(0)));
  // Libraries do not wait until their sockets have closed.
  const closed: Promise<void>[] = [];
  stack.defer(async () => void await Promise.all(closed));
  const Plain = backend.socketConstructor({
    connect: () => Promise.resolve(answer(1)),
  });
  class Socket extends Plain {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      closed.push((this as WebSocket as BackendSocket).closed);
    }
  }
  return {
    url: backend.url,
    Socket,
    /** The first backend ends, and its connections with it. */
    async replace() {
      end.resolve();
      await programs[0]![Symbol.asyncDispose]();
      await backend.terminated();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

Deno.test("graphql-ws follows to the next backend", async () => {
  await using backends = await twoBackends();
  const client = createClient({
    url: `${backends.url}graphql`,
    webSocketImpl: backends.Socket,
    lazy: false,
    retryAttempts: Infinity,
    retryWait: () => Promise.resolve(),
    onNonLazyError() {},
  });
  const ask = () =>
    new Promise<unknown>((resolve, reject) => {
      client.subscribe({ query: "{ server }" }, {
        next: ({ data }) => resolve(data?.["server"]),
        error: reject,
        complete() {},
      });
    });
  assertEquals(await ask(), "first");
  await backends.replace();
  assertEquals(await ask(), "second");
  await client.dispose();
});

Deno.test("y-websocket follows to the next backend with its document", async () => {
  await using backends = await twoBackends();
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(`${backends.url}yjs`, "note", doc, {
    WebSocketPolyfill: backends.Socket,
    disableBc: true,
    maxBackoffTime: 50,
  });
  doc.getText("text").insert(0, "written before");
  await until(() => provider.synced, "the first backend has it");
  await backends.replace();
  doc.getText("text").insert(0, "more ");
  await until(() => provider.synced, "the next backend has it");

  const other = new Y.Doc();
  const reader = new WebsocketProvider(`${backends.url}yjs`, "note", other, {
    WebSocketPolyfill: backends.Socket,
    disableBc: true,
    maxBackoffTime: 50,
  });
  await until(
    () => other.getText("text").toString() === "more written before",
    "another reader sees it",
  );
  for (const each of [provider, reader]) {
    each.destroy();
    each.doc.destroy();
  }
  // It leaves the timer of a reconnect behind.
  await delay(100);
});

Deno.test("socket.io-client follows to the next backend", async () => {
  await using backends = await twoBackends();
  class Transport extends SocketIOTransport {
    override createSocket(url: string, protocols?: string | string[]) {
      return new backends.Socket(url, protocols);
    }
  }
  const socket = io(new URL(backends.url).origin, {
    transports: [Transport],
    reconnectionDelay: 1,
    reconnectionDelayMax: 50,
  });
  const ask = () => socket.timeout(10_000).emitWithAck("who");
  assertEquals(await ask(), "first");
  await backends.replace();
  assertEquals(await ask(), "second");
  socket.disconnect();
});
