/** What an application and its clients notice of the server. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { delay } from "@std/async";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import { feedMd5 } from "../../feed/feedme/wire/digest.ts";
import {
  defineFeed,
  FeedlineError,
  feedmeServer,
  type FeedmeServerOptions,
} from "../../feed/feedme/server/server.ts";
import { FakeSocket } from "./fake_socket.ts";
import {
  actionOf,
  closeOf,
  HANDSHAKE,
  openOf,
} from "../kit/feedme_messages.ts";
import { application, count, room } from "../kit/feedme_application.ts";
import { settled } from "../kit/wait.ts";

function start(options: FeedmeServerOptions = {}) {
  const errors: unknown[] = [];
  const server = feedmeServer(
    application,
    {
      onError: (error, { during, name }) =>
        errors.push([`${during} ${name}`, String(error)]),
      ...options,
    },
  );
  const join = (user?: string, auth = {}) => {
    const socket = new FakeSocket();
    const client = server.accept(socket, { user, auth });
    return { socket, client };
  };
  return {
    server,
    errors,
    join,
    async up(user?: string, auth = {}) {
      return await join(user, auth).socket.shake();
    },
  };
}

const refusedFeed = (ErrorCode: string, FeedName: string, FeedArgs = {}) => ({
  MessageType: "FeedOpenResponse",
  FeedName,
  FeedArgs,
  Success: false,
  ErrorCode,
  ErrorData: {},
});
const opened = (FeedName: string, FeedArgs: object, FeedData: object) => ({
  MessageType: "FeedOpenResponse",
  Success: true,
  FeedName,
  FeedArgs,
  FeedData,
});
const ID = { id: "1" };

Deno.test("server: an invalid application or socket is refused", async () => {
  for (
    const [application, text] of [
      [{ feeds: { a: {} } }, 'Feed "a" has no initial()'],
      [{ feeds: { a: undefined } }, 'Feed "a" has no initial()'],
      [
        { actions: { "b\n": { args: z.object({}) } } },
        String.raw`Action "b\n" has no handler()`,
      ],
    ] as const
  ) assertThrows(() => feedmeServer(application as never), TypeError, text);
  const { server, up } = start();
  for (const socket of [undefined, new Response(), {}]) {
    assertThrows(() => server.accept(socket as never), TypeError, "WebSocket");
  }
  // Nothing of them is left.
  await up();
  assertEquals([...server.clients].length, 1);
  await server.close();
});

Deno.test("server: a feed, a change, an answer, in this order", async () => {
  const { server, up, errors } = start();
  const ada = await up("ada", { role: "writer" });
  const grace = await up("grace");
  for (const socket of [ada, grace]) {
    assertEquals(await socket.ask(openOf("room", ID)), [
      opened("room", ID, { lines: ["welcome to 1"] }),
    ]);
  }
  const change = {
    MessageType: "FeedAction",
    FeedName: "room",
    FeedArgs: ID,
    ActionName: "said",
    ActionData: { by: "ada" },
    FeedDeltas: [{ Operation: "InsertLast", Path: ["lines"], Value: "hi" }],
  };
  assertEquals(await ada.ask(actionOf("say", { ...ID, text: "hi" })), [
    change,
    {
      MessageType: "ActionResponse",
      CallbackId: "1",
      Success: true,
      ActionData: { count: 2 },
    },
  ]);
  assertEquals(grace.sent.splice(0), [change]);
  assertEquals(server.feed(room, ID).subscribers, 2);
  // One text for all.
  assertEquals(ada.texts.at(-2), grace.texts.at(-1));
  assertEquals(await grace.ask(closeOf("room", ID)), [
    { MessageType: "FeedCloseResponse", FeedName: "room", FeedArgs: ID },
  ]);
  await ada.ask(actionOf("say", { ...ID, text: "hi" }));
  assertEquals(grace.sent, []);
  // Changed data is kept without subscribers.
  await ada.ask(closeOf("room", ID));
  assertEquals((await ada.ask(openOf("room", ID)))[0].FeedData.lines.length, 3);
  assertEquals(errors, []);
  await server.close();
  assertEquals(ada.closed, [1001, "the server is closing"]);
});

Deno.test("server: invalid updates change nothing and send nothing", async () => {
  const { server, up } = start();
  const ada = await up();
  await ada.ask(openOf("count"));
  const live = server.feed(count);
  assertThrows(
    () => live.update("added", { n: 1 }, { n: NaN }),
    FeedlineError,
    'Feed data must be JSON; it contains NaN at ["n"]',
  );
  const wrong = [
    () => live.update("added", { n: 1 }, undefined as never),
    () => live.update("added", { n: "1" } as never, { n: 1 }),
    () => live.update("other" as never, {} as never, { n: 1 }),
    () => live.apply("added", { n: 1 }, [{ Operation: "Toggle", Path: ["n"] }]),
    () => live.apply("added", { n: 1 }, [{ Operation: "Nope" } as never]),
    () =>
      server.feed(defineFeed({ data: count.data, initial: () => ({ n: 0 }) })),
    () => server.feed(room, { id: 1 } as never),
    () => server.feed(room, { id: "too long" }),
    () => (server.feed as (definition: unknown) => unknown)(room),
    () => live.update("added", { n: 1 }, (async () => await { n: 9 }) as never),
    () => live.update("added", { n: 1 }, Promise.reject("unheard") as never),
  ];
  for (const each of wrong) assertThrows(each, TypeError);
  assertThrows(
    () =>
      live.update("added", { n: 1 }, () => {
        live.update("added", { n: 1 }, { n: 1 });
        return { n: 2 };
      }),
    Error,
    "changed while the update function ran",
  );
  assertEquals(live.data, { n: 1 });
  assertEquals(ada.sent.splice(0).length, 1);
  // The digest is of the new data.
  live.apply("added", { n: 2 }, [{
    Operation: "Increment",
    Path: ["n"],
    Value: 2,
  }]);
  assertEquals(ada.sent[0].FeedMd5, feedMd5({ n: 3 }));
  await server.close();
});

Deno.test("server: limits are inclusive, and whole numbers", async () => {
  const { server, up } = start({ maxMessage: 200 });
  const socket = await up();
  await socket.ask(JSON.stringify(HANDSHAKE).padEnd(200));
  assertEquals(socket.closed, undefined);
  await socket.ask(JSON.stringify(HANDSHAKE).padEnd(201));
  assertEquals(socket.closed, [1009, "message too long"]);
  assertThrows(() => feedmeServer({}, { maxOpenFeeds: 1.5 }), RangeError);
  await server.close();
  const late = new FakeSocket();
  const { signal } = server.accept(late);
  assertEquals([late.closed, signal.aborted], [
    [1001, "the server is closing"],
    true,
  ]);
  assertEquals([...server.clients], []);
});

Deno.test("server: a client that stops reading is disconnected after a second, others are not", async () => {
  using time = new FakeTime();
  const gone: unknown[] = [];
  const { server, up } = start({
    maxBuffered: 1_000,
    onDisconnect: ({ user }) => gone.push(user),
  });
  const slow = await up("slow");
  const other = await up("other");
  for (const socket of [slow, other]) await socket.ask(openOf("count"));
  const bytes = slow.texts.at(-1)!.length;
  slow.send = (text) => void (slow.bufferedAmount += text.length);
  const live = server.feed(count);
  const change = () =>
    live.update("added", { n: 1 }, ({ n }) => ({ n: n + 1 }));
  // The data of open feeds may wait beside the limit.
  slow.bufferedAmount = 1_000 + bytes;
  change();
  slow.bufferedAmount = 1_000 + bytes;
  await time.tickAsync(5_000);
  assertEquals(slow.closed, undefined);
  slow.bufferedAmount++;
  change();
  await time.tickAsync(999);
  assertEquals(slow.closed, undefined);
  await time.tickAsync(1);
  assertEquals(slow.closed, [1013, "reads too slowly"]);
  await settled();
  assertEquals([live.subscribers, gone], [1, ["slow"]]);
  change();
  assertEquals(other.sent.length, 3);
  await server.close();
});

Deno.test("server: a burst in one turn does not disconnect a client that reads it", async () => {
  using time = new FakeTime();
  const { server, up } = start({ maxBuffered: 1_000 });
  const socket = await up();
  await socket.ask(openOf("room", ID));
  socket.send = (text) => void (socket.bufferedAmount += text.length);
  const live = server.feed(room, ID);
  // 2,000 times as much as may wait, turn after turn.
  for (let turn = 0; turn < 30; turn++) {
    for (let index = 0; index < 100; index++) {
      live.update("said", {}, { lines: ["x".repeat(20_000) + index] });
    }
    await time.tickAsync(turn % 3 === 0 ? 0 : 100);
    // It reads all, or most where there is little.
    socket.bufferedAmount = turn % 2 === 0 ? 0 : 900;
  }
  await time.tickAsync(5_000);
  assertEquals(socket.closed, undefined);
  // One that reads, but less than is sent, is behind for ever.
  for (let turn = 0; turn < 12 && !socket.closed; turn++) {
    live.update("said", {}, { lines: ["y".repeat(20_000) + turn] });
    socket.bufferedAmount -= 100;
    await time.tickAsync(100);
  }
  assertEquals(socket.closed, [1013, "reads too slowly"]);
  await server.close();
});

Deno.test("server: a client that floods and reads nothing is disconnected within a second", async () => {
  using time = new FakeTime();
  const { server, up } = start({ maxBuffered: 1_000 });
  const socket = await up();
  socket.send = (text) => void (socket.bufferedAmount += text.length);
  for (let index = 0; index < 100; index++) {
    socket.receive("not json".padEnd(900));
  }
  await settled();
  assertEquals(socket.closed, undefined);
  await time.tickAsync(100);
  assertEquals(socket.closed, [1013, "reads too slowly"]);
  await server.close();
});

Deno.test("server: a failing callback never ends the process, async or not", async () => {
  const unhandled: unknown[] = [];
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  addEventListener("unhandledrejection", listener);
  const { error } = console;
  const printed: unknown[] = [];
  console.error = (...args: unknown[]) => void printed.push(args.map(String));
  const fail = (text: string) => () => {
    throw new Error(text);
  };
  const failLater = (text: string) => () => Promise.reject(new Error(text));
  try {
    for (const how of [fail, failLater]) {
      const errors: string[] = [];
      for (
        const onError of [
          (error: unknown, { during }: { during: string }) =>
            errors.push(`${during} ${error}`),
          how("onError"),
          undefined,
        ]
      ) {
        const server = feedmeServer({
          feeds: {
            f: defineFeed({
              data: z.object({}),
              initial: () => ({}),
              onClose: how("onClose"),
            }),
          },
        }, {
          onConnect: how("onConnect"),
          onDisconnect: how("onDisconnect"),
          ...(onError && { onError: onError as () => void }),
        });
        const socket = new FakeSocket();
        server.accept(socket);
        await socket.shake();
        await socket.ask(openOf("f"));
        socket.close();
        await settled();
        await server.close();
      }
      assertEquals(
        errors,
        [
          "connect Error: onConnect",
          "close Error: onClose",
          "disconnect Error: onDisconnect",
        ].toSorted((a, b) => errors.indexOf(a) - errors.indexOf(b)),
      );
      assertEquals(printed.splice(0).length, 6);
    }
    await delay(0);
    assertEquals(unhandled, []);
  } finally {
    console.error = error;
    removeEventListener("unhandledrejection", listener);
  }
});

Deno.test("server: an unanswered close is terminated where the platform can", async () => {
  using time = new FakeTime();
  const ended: string[] = [];
  class Stubborn extends FakeSocket {
    constructor(readonly label: string) {
      super();
    }
    override close(): void {}
    terminate(): void {
      ended.push(this.label);
      this.onclose?.({});
    }
  }
  const server = feedmeServer({});
  for (const label of ["silent", "answers"]) {
    const socket = new Stubborn(label);
    const client = server.accept(socket);
    await socket.shake();
    client.close(4000, "bye");
    if (label === "answers") socket.onclose!({});
  }
  await time.tickAsync(1_999);
  assertEquals(ended, []);
  await time.tickAsync(1);
  assertEquals(ended, ["silent"]);
  await server.close();
});

Deno.test("server: feeds that load slowly, fail to load, or are released", async () => {
  const loads: PromiseWithResolvers<{ n: number }>[] = [];
  const late = defineFeed({
    data: z.object({ n: z.number() }),
    initial: () => {
      loads.push(Promise.withResolvers());
      return loads.at(-1)!.promise;
    },
  });
  const errors: string[] = [];
  const server = feedmeServer({ feeds: { late } }, {
    onError: (error, { during, name }) =>
      errors.push(`${during} ${name} ${error}`),
  });
  const sockets = [new FakeSocket(), new FakeSocket(), new FakeSocket()];
  for (const socket of sockets) {
    server.accept(socket);
    await socket.shake();
    assertEquals(await socket.ask(openOf("late")), []);
  }
  const live = server.feed(late);
  assertThrows(() => live.data, Error, "await loaded() first");
  sockets[2]!.close();
  loads[0]!.resolve({ n: 1 });
  assertEquals(await live.loaded(), { n: 1 });
  await settled();
  assertEquals(sockets.map(({ sent }) => sent.length), [1, 1, 0]);
  // Unchanged, so it is loaded again when the next one comes.
  for (const socket of sockets.slice(0, 2)) await socket.ask(closeOf("late"));
  await sockets[0]!.ask(openOf("late"));
  assertEquals(loads.length, 2);
  loads[1]!.reject(new Error("the database is gone"));
  await settled();
  assertEquals(sockets[0]!.sent.splice(0), [
    refusedFeed("INTERNAL_ERROR", "late"),
  ]);
  await sockets[0]!.ask(openOf("late"));
  loads[2]!.resolve({ n: "3" } as never);
  await settled();
  assertEquals(sockets[0]!.sent.splice(0)[0].ErrorCode, "INTERNAL_ERROR");
  assertEquals(errors.length, 2);
  await assertRejects(
    async () => {
      const loading = live.loaded();
      loads[3]!.reject(new Error("gone"));
      await loading;
    },
    Error,
    "gone",
  );
  // Changed, so it stays until it is released.
  await sockets[0]!.ask(openOf("late"));
  loads[4]!.resolve({ n: 5 });
  await settled();
  live.update("x", {}, { n: 6 });
  await sockets[0]!.ask(closeOf("late"));
  assertEquals(live.data, { n: 6 });
  live.release();
  await sockets[0]!.ask(openOf("late"));
  assertEquals(loads.length, 6);
  loads[5]!.resolve({ n: 0 });
  await server.close();
});

Deno.test("server: a client that acts within a send sees each change once", async () => {
  // A socket in memory that answers at once, as none on a network does.
  const { server, up } = start();
  const first = await up();
  const second = await up();
  await first.ask(openOf("count"));
  first.send = (text) => {
    FakeSocket.prototype.send.call(first, text);
    if (text.includes("FeedAction")) second.receive(openOf("count"));
  };
  server.feed(count).update("added", { n: 1 }, { n: 1 });
  await settled();
  assertEquals(second.sent.map(({ FeedData }) => FeedData), [{ n: 1 }]);
  await server.close();
});

Deno.test("server: a client's close is answered, as Workers may not do it", async () => {
  const { server, up } = start();
  const socket = await up();
  socket.onclose!({ code: 1001 });
  await settled();
  assertEquals(socket.closed, [1000, ""]);
  assertEquals([...server.clients], []);
});
