/** `SessionBackend.socket`: a WebSocket that outlives its connections and its backend. */
import type { BackendSocket, BackendSocketOptions } from "../../../client.ts";
import { SessionBackend } from "../../../client.ts";
import { assert, assertEquals, assertThrows } from "../../kit/assert.ts";
import { asyncDispose } from "../../kit/dispose.ts";
import { until } from "../../kit/wait.ts";
import type { Script, Step } from "../far/script.ts";
import type { Area, Test } from "../suite.ts";
import { event, path, SOON, watched } from "./hosted.ts";
import { connect, leave } from "./rooms.ts";

/** A platform that says that its backend is ready, and the backend's sockets. */
const peerOf = (t: Test, sockets: Script["sockets"], ...statuses: string[]) =>
  t.script({
    http: {
      [path("b1")]: [{
        chunks: [SOON, ...["ready", ...statuses].map((name) => event(name))],
        then: "silence",
      }],
    },
    sockets: sockets!,
  });

/** Delays that a case can wait for. */
const FAST: BackendSocketOptions = { minDelay: 1, maxDelay: 1 };

/** What happens on a socket, in words. */
function record(socket: BackendSocket): string[] {
  const told: string[] = [];
  socket.addEventListener("open", () => told.push("open"));
  socket.addEventListener("message", ({ data }) => told.push(`got ${data}`));
  socket.addEventListener(
    "reconnecting",
    ({ code }) => told.push(`reconnecting ${code}`),
  );
  socket.addEventListener(
    "lost",
    ({ reason, messages }) => told.push(`lost ${messages} (${reason})`),
  );
  socket.addEventListener("error", () => told.push("error"));
  socket.addEventListener(
    "close",
    ({ code, reason, wasClean }) =>
      told.push(`close ${code} ${reason}${wasClean ? "" : " (unclean)"}`),
  );
  return told;
}

const cut: Step = { cut: true };

export const backendSocket: Area = {
  name: "SessionBackend.socket",
  cases: {
    async "opens once the backend is ready, and sends what was held"(t) {
      const room = t.name("room");
      await using backend = new SessionBackend(await connect(t, room));
      const socket = backend.socket({
        path: "hello?choose=b",
        protocols: ["a", "b"],
      });
      socket.send("held");
      assertEquals([socket.readyState, socket.bufferedAmount], [0, 4]);
      const messages: string[] = [];
      socket.onmessage = ({ data }) => messages.push(data);
      await until(() => messages.length === 2, "the answers");
      assertEquals(messages[1], "held");
      assertEquals(
        [socket.readyState, socket.protocol, backend.isReady()],
        [socket.OPEN, "b", true],
      );
      assert(socket.url.startsWith("ws"), "the URL of a WebSocket");
      await leave(t, room);
    },

    async "binary messages arrive as the type that was chosen"(t) {
      const room = t.name("room");
      await using backend = new SessionBackend(await connect(t, room));
      const socket = backend.socket();
      const kinds: string[] = [];
      socket.onmessage = ({ data }) =>
        kinds.push(Object.prototype.toString.call(data));
      socket.binaryType = "arraybuffer";
      // Later changes of the buffer do not matter.
      const bytes = new Uint8Array([1]);
      socket.send(bytes);
      bytes[0] = 2;
      await until(() => kinds.length === 1, "a buffer");
      socket.binaryType = "blob";
      socket.send(new Uint8Array([1]).buffer);
      await until(() => kinds.length === 2, "a blob");
      assertEquals(kinds, ["[object ArrayBuffer]", "[object Blob]"]);
      await leave(t, room);
    },

    async "connects again after a loss; what open sends goes first"(t) {
      const peer = await peerOf(t, [
        [{ received: 1 }, cut],
        [{ received: 3 }, { send: "last" }],
      ]);
      await using backend = watched(peer);
      const socket = backend.socket(FAST);
      const told = record(socket);
      let opened = 0;
      socket.onopen = () => socket.send(`hello ${++opened}`);
      socket.addEventListener("reconnecting", () => {
        assertEquals(socket.readyState, socket.CONNECTING);
        socket.send("held 1");
        socket.send("held 2");
      });
      await until(() => told.includes("got last"), "the second connection");
      assertEquals(told, ["open", "reconnecting 1006", "open", "got last"]);
      const { sockets } = await peer.seen();
      assertEquals(sockets.map(({ messages }) => messages), [
        ["hello 1"],
        ["hello 2", "held 1", "held 2"],
      ]);
    },

    async "an end that the next connection would repeat is final"(t) {
      for (const code of [1000, 1008, 4403, 4499]) {
        const peer = await peerOf(t, [[{ close: [code, "why"] }]]);
        await using backend = watched(peer);
        const socket = backend.socket(FAST);
        const told = record(socket);
        await socket.closed;
        assertEquals(told, ["open", `close ${code} why`]);
        assertEquals(socket.readyState, socket.CLOSED);
        assertEquals((await peer.seen()).sockets.length, 1);
      }
    },

    async "after any other end it connects again, unless you decide otherwise"(
      t,
    ) {
      const ends: Step[][] = [[{ close: [1011, "oops"] }], [{ close: [4000] }]];
      const peer = await peerOf(t, [...ends, [{ close: [1000, "done"] }]]);
      await using backend = watched(peer);
      const told = record(backend.socket(FAST));
      await until(() => !!told.at(-1)?.startsWith("close"), "the end");
      assertEquals(told, [
        "open",
        "reconnecting 1011",
        "open",
        "reconnecting 4000",
        "open",
        "close 1000 done",
      ]);

      const other = await peerOf(t, [...ends, []]);
      await using second = watched(other);
      const mine = record(second.socket({
        ...FAST,
        reconnect: ({ code, reason }) => code === 1011 && reason === "oops",
      }));
      await until(() => !!mine.at(-1)?.startsWith("close"), "the end");
      assertEquals(mine, ["open", "reconnecting 1011", "open", "close 4000 "]);
    },

    async "reconnect: false makes it a plain WebSocket that waits for its backend"(
      t,
    ) {
      const peer = await peerOf(t, [[{ received: 1 }, cut]]);
      await using backend = watched(peer);
      const socket = backend.socket({ reconnect: false });
      socket.send("held");
      const told = record(socket);
      await socket.closed;
      assertEquals(told, ["open", "error", "close 1006  (unclean)"]);
    },

    async "follows to the next backend when its own has ended"(t) {
      const room = t.name("room");
      await using backend = new SessionBackend(await connect(t, room));
      let connects = 0;
      const socket = backend.socket({
        ...FAST,
        path: "hello",
        connect() {
          connects++;
          return connect(t, room);
        },
      });
      let greetings = 0;
      socket.onmessage = ({ data }) => {
        if (String(data).startsWith("{")) greetings++;
      };
      await until(() => greetings === 1, "the first backend");
      await leave(t, room);
      await until(() => backend.isTerminated(), "its end is known");
      await until(() => greetings === 2, "the next backend");
      assertEquals(connects, 1);
      // The next backend is the socket's own to watch: `closed` waits for nothing else.
      socket.close();
      await socket.closed;
      await leave(t, room);
    },

    async "without a way to the next backend, it closes with its own"(t) {
      const peer = await peerOf(t, [[]], "terminated");
      await using backend = watched(peer);
      const socket = backend.socket();
      const told = record(socket);
      await socket.closed;
      assertEquals(told.at(-1), "close 1001 the backend has ended");
      // So does one that is opened later.
      const late = backend.socket();
      const toldLate = record(late);
      late.send("never");
      await late.closed;
      assertEquals(toldLate, [
        "lost never (closed)",
        "close 1001 the backend has ended",
      ]);
    },

    async "a failed connect is tried again"(t) {
      const peer = await peerOf(t, [[{ send: "here" }]], "terminated");
      const next = await peerOf(t, [[{ send: "here" }]]);
      await using backend = watched(peer);
      await backend.terminated();
      let attempts = 0;
      const socket = backend.socket({
        ...FAST,
        connect() {
          if (++attempts < 3) return Promise.reject(new Error("not yet"));
          return Promise.resolve({
            backend_id: "b1",
            spawned: true,
            status: "ready",
            token: "T",
            url: `${next.url}/T/`,
            secret_token: null,
            status_url: `${next.url}/v2/backend/b1/status`,
            ready_url: "",
          });
        },
      });
      const errors: unknown[] = [];
      socket.addEventListener(
        "reconnecting",
        ({ error }) => errors.push((error as Error).message),
      );
      await new Promise((resolve) => socket.onmessage = resolve);
      assertEquals(errors, ["not yet", "not yet"]);
    },

    async "messages beyond the bound, and after the end, are reported as lost"(
      t,
    ) {
      const peer = await peerOf(t, ["silence"]);
      await using backend = watched(peer);
      const socket = backend.socket({ maxBuffered: 4 });
      const told = record(socket);
      for (const message of ["aa", "bbb", "cc"]) socket.send(message);
      assertEquals(told, ["lost bbb (overflow)"]);
      socket.close(4001, "done");
      assertEquals(socket.readyState, socket.CLOSING);
      socket.send("d");
      await socket.closed;
      assertEquals(told.slice(1), [
        "lost d (closed)",
        "lost aa,cc (closed)",
        "close 4001 done",
      ]);
    },

    async "a dial that is never answered fails after connectTimeout"(t) {
      const peer = await peerOf(t, ["silence", [{ send: "here" }]]);
      await using backend = watched(peer);
      const socket = backend.socket({ ...FAST, connectTimeout: 50 });
      const told = record(socket);
      await until(() => told.includes("got here"), "the second connection");
      // Firefox dials one socket of a server at a time, and takes a while to give up.
      assertEquals([...new Set(told)], [
        "reconnecting 1006",
        "open",
        "got here",
      ]);
    },

    async "a silent connection counts as lost; answers to pings keep it"(t) {
      const peer = await peerOf(t, [
        [{ received: 1 }, { send: "pong" }, { received: 2 }, { send: "pong" }],
        [{ send: "here" }],
      ]);
      await using backend = watched(peer);
      const socket = backend.socket({
        ...FAST,
        silenceTimeout: 200,
        ping: () => "ping",
      });
      const told = record(socket);
      await until(() => told.includes("got here"), "the second connection");
      assertEquals(told, [
        "open",
        "got pong",
        "got pong",
        "reconnecting 1006",
        "open",
        "got here",
      ]);
    },

    async "close() reaches the peer; so do destroy(), a signal and disposal"(
      t,
    ) {
      let controller: AbortController;
      const ways: [
        name: string,
        leave: (backend: SessionBackend, socket: BackendSocket) => unknown,
      ][] = [
        ["close", (_, socket) => socket.close(4001, "é".repeat(100))],
        ["signal", () => controller.abort()],
        ["destroy", (backend) => backend.destroy()],
        ["close of the backend", (backend) => backend.close()],
        ["disposal", (_, socket) => socket[asyncDispose]()],
      ];
      for (const [name, leave] of ways) {
        controller = new AbortController();
        const peer = await peerOf(t, [[{ send: "here" }]]);
        await using backend = watched(peer);
        const socket = backend.socket({ signal: controller.signal });
        await new Promise((resolve) => socket.onmessage = resolve);
        const told = record(socket);
        leave(backend, socket);
        leave(backend, socket);
        await socket.closed;
        await until(async () => {
          const [seen] = (await peer.seen()).sockets;
          return seen!.closed !== undefined;
        }, `${name} reaches the peer`);
        assertEquals(
          told,
          [
            name === "close" ? `close 4001 ${"é".repeat(61)}` : "close 1005 ",
          ],
          name,
        );
      }
    },

    async "leaving before it has opened leaves nothing behind"(t) {
      const peer = await peerOf(t, ["silence"]);
      await using backend = watched(peer);
      for (
        const ready of [
          () => Promise.resolve(),
          () =>
            until(
              async () =>
                (await peer.seen()).requests.some(({ headers }) =>
                  headers["upgrade"]
                ),
              "the upgrade",
            ),
        ]
      ) {
        const socket = backend.socket();
        const told = record(socket);
        await ready();
        socket.close();
        await socket.closed;
        assertEquals(told, ["close 1005 "]);
      }
      // Firefox keeps a socket that was closed while it was opened until it has opened.
      if (t.runtime === "firefox") await peer.upgrade();
      await until(
        async () =>
          (await peer.seen()).requests.every(({ headers, gone }) =>
            !headers["upgrade"] || gone
          ),
        "the dials are given up",
      );
    },

    async "wrong options are refused by name"(t) {
      await using backend = watched(await peerOf(t, []));
      for (
        const name of [
          "connectTimeout",
          "silenceTimeout",
          "minDelay",
          "maxDelay",
          "maxBuffered",
        ]
      ) {
        for (const value of [NaN, -1]) {
          const error = assertThrows(() => backend.socket({ [name]: value }));
          assert(error instanceof RangeError && error.message.includes(name));
        }
      }
      const socket = backend.socket();
      for (const code of [1001, 2999, 5000]) {
        assertThrows(() => socket.close(code));
      }
      assertEquals(socket.readyState, socket.CONNECTING);
    },

    async "its constructor makes sockets for libraries that connect again themselves"(
      t,
    ) {
      const peer = await peerOf(t, [
        [{ received: 1 }, { close: [1011, "again"] }],
        [{ send: "here" }],
      ]);
      await using backend = watched(peer);
      const Socket = backend.socketConstructor();
      // Some libraries check these before they accept a constructor.
      const { CLOSING, CLOSED } = Socket;
      assertEquals([CLOSING, CLOSED], [2, 3]);
      const first = new Socket(`${backend.url}chat?since=1`, "mine");
      first.onopen = () => first.send("hello");
      const end = await new Promise<CloseEvent>((resolve) =>
        first.onclose = resolve
      );
      assertEquals([end.code, end.reason], [1011, "again"]);
      const second = new Socket(new URL("chat", backend.url).href);
      await new Promise((resolve) => second.onmessage = resolve);
      const error = assertThrows(() => new Socket("ws://127.0.0.1:1/SECRET"));
      assertEquals(error.name, "SyntaxError");
      assert(!error.message.includes("SECRET"));
    },
  },
};
