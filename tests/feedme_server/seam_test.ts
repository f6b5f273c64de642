/** The seam to databases and other processes: signals, private feeds, changes, timeouts. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import {
  defineAction,
  defineFeed,
  type FeedmeApplication,
  feedmeServer,
  type FeedmeServerOptions,
  type InitialContext,
  type ServedChange,
} from "../../feed/feedme/server/server.ts";
import { actionOf, closeOf, openOf } from "../kit/feedme_messages.ts";
import { settled } from "../kit/wait.ts";
import { FakeSocket } from "./fake_socket.ts";

function start(
  application: FeedmeApplication,
  options: FeedmeServerOptions = {},
) {
  const errors: string[] = [];
  const server = feedmeServer(application, {
    onError: (error, { during, name }) =>
      errors.push(`${during} ${name} ${error}`),
    ...options,
  });
  return {
    server,
    errors,
    async up(user?: string) {
      const socket = new FakeSocket();
      const client = server.accept(socket, { user });
      await socket.shake();
      return { socket, client };
    },
  };
}

const never = new Promise<never>(() => {});
const number = z.object({ n: z.number() });
const id = z.object({ id: z.string() });

Deno.test("initial(): its signal aborts when the server forgets the feed", async () => {
  const signals: AbortSignal[] = [];
  const feed = (retain: boolean) =>
    defineFeed({
      data: number,
      retain,
      initial(_args, { signal }) {
        signals.push(signal);
        return { n: 0 };
      },
    });
  const [kept, dropped] = [feed(true), feed(false)];
  const { server, up } = start({ feeds: { kept, dropped } });
  const { socket } = await up();
  await socket.ask(openOf("dropped"));
  assert(server.isLive(dropped) && server.isLive("dropped"));
  assert(!server.isLive(kept) && !server.isLive("unknown"));
  server.feed(dropped).update("set", {}, { n: 1 });
  assertEquals(signals.map(({ aborted }) => aborted), [false]);
  await socket.ask(closeOf("dropped"));
  assertEquals(signals.map(({ aborted }) => aborted), [true]);
  assert(!server.isLive(dropped));

  await socket.ask(openOf("kept"));
  server.feed(kept).update("set", {}, { n: 1 });
  await socket.ask(closeOf("kept"));
  assertEquals(signals.map(({ aborted }) => aborted), [true, false]);
  server.feed(kept).release();
  assertEquals(signals.map(({ aborted }) => aborted), [true, true]);

  // Closing the server ends them too, but their data can still be saved.
  server.feed(kept).update("set", {}, { n: 7 });
  await server.close();
  assertEquals(signals.map(({ aborted }) => aborted), [true, true, true]);
  assertEquals(server.feed(kept).data, { n: 7 });
});

Deno.test("initial(): its signal aborts when the data cannot be loaded", async () => {
  const signals: AbortSignal[] = [];
  const loading = Promise.withResolvers<{ n: number }>();
  const feed = defineFeed({
    data: number,
    initial(_args, { signal }) {
      signals.push(signal);
      return loading.promise;
    },
  });
  const { up, errors, server } = start({ feeds: { feed } });
  const { socket } = await up();
  socket.receive(openOf("feed"));
  await settled();
  assert(server.isLive(feed));
  loading.reject(new Error("no database"));
  await settled();
  assertEquals(signals.map(({ aborted }) => aborted), [true]);
  assertEquals(errors, ["open feed Error: no database"]);
  assert(!server.isLive(feed));
});

Deno.test("private: each client has data of its own, until it disconnects", async () => {
  const signals = new Map<string, AbortSignal>();
  const inbox = defineFeed({
    data: z.object({ of: z.string(), unread: z.number() }),
    private: true,
    initial(_args, { client, signal }) {
      signals.set(client.user!, signal);
      return { of: client.user!, unread: 0 };
    },
  });
  const deliver = defineAction({
    handler(_args, { feed }) {
      feed(inbox).update("delivered", {}, (data) => ({
        ...data,
        unread: data.unread + 1,
      }));
    },
  });
  const { server, up } = start({ feeds: { inbox }, actions: { deliver } });
  const [ann, bob] = [await up("ann"), await up("bob")];
  const [opened] = await ann.socket.ask(openOf("inbox"));
  assertEquals(opened.FeedData, { of: "ann", unread: 0 });
  const [other] = await bob.socket.ask(openOf("inbox"));
  assertEquals(other.FeedData, { of: "bob", unread: 0 });
  const told = await ann.socket.ask(actionOf("deliver"));
  assertEquals(told.map(({ MessageType }) => MessageType), [
    "FeedAction",
    "ActionResponse",
  ]);
  assertEquals(bob.socket.sent, []);
  assertEquals(server.feed(inbox, {}, ann.client).data.unread, 1);
  assertEquals(server.feed(inbox, {}, bob.client).subscribers, 1);
  assertThrows(() => server.feed(inbox), TypeError, "pass its client");
  // Kept while the client is there, although it closes the feed.
  await ann.socket.ask(closeOf("inbox"));
  const [again] = await ann.socket.ask(openOf("inbox"));
  assertEquals(again.FeedData, { of: "ann", unread: 1 });
  ann.socket.close();
  await settled();
  assertEquals([...signals.values()].map(({ aborted }) => aborted), [
    true,
    false,
  ]);
  assert(!server.isLive(inbox, {}, ann.client));
  const cat = await up("cat");
  await cat.socket.ask(openOf("inbox"));
  server.feed(inbox, {}, bob.client).terminate("MOVED");
  assertEquals(bob.socket.sent.splice(0).length, 1);
  assertEquals(cat.socket.sent, []);
  // A handler that is still running finds a feed, but nothing keeps it.
  assertEquals(server.feed(inbox, {}, ann.client).data.unread, 0);
  assert(!server.isLive(inbox, {}, ann.client));
});

Deno.test("private: a feed that is not has no client to depend on", async () => {
  const shared = defineFeed({
    data: z.object({ of: z.string() }),
    initial: (_args, { client }: InitialContext) => ({ of: client.id }),
  });
  const { up, errors } = start({ feeds: { shared } });
  const { socket } = await up();
  const [refused] = await socket.ask(openOf("shared"));
  assertEquals(refused.ErrorCode, "INTERNAL_ERROR");
  assert(errors[0]!.includes("set private: true"), errors[0]);
});

Deno.test("onChange: told of each change after the clients, and cannot stop it", async () => {
  const count = defineFeed({
    args: id,
    data: number,
    initial: () => ({ n: 0 }),
  });
  const changes: ServedChange[] = [];
  const { server, up, errors } = start({ feeds: { count } }, {
    onChange(change) {
      changes.push(change);
      if (change.data.n === 2) throw new Error("full");
    },
  });
  const { socket } = await up();
  await socket.ask(openOf("count", { id: "a" }));
  const live = server.feed(count, { id: "a" });
  live.update("set", { by: "me" }, { n: 1 });
  live.apply("plus", {}, [{ Operation: "Increment", Path: ["n"], Value: 1 }]);
  assertEquals(socket.sent.length, 2);
  assertEquals(changes, [{
    feed: "count",
    args: { id: "a" },
    action: "set",
    actionData: { by: "me" },
    deltas: [{ Operation: "Set", Path: ["n"], Value: 1 }],
    data: { n: 1 },
  }, {
    feed: "count",
    args: { id: "a" },
    action: "plus",
    actionData: {},
    deltas: [{ Operation: "Increment", Path: ["n"], Value: 1 }],
    data: { n: 2 },
  }]);
  assertEquals(errors, ["change count Error: full"]);
  assertEquals(live.data, { n: 2 });
});

Deno.test("onViolation: told which client did what", async () => {
  const violations: unknown[] = [];
  const { up, errors } = start({}, {
    onViolation({ client, problem, message }) {
      violations.push([client.user, problem, message.length]);
      throw new Error("anyway");
    },
  });
  const { socket } = await up("mallory");
  const [answer] = await socket.ask("x".repeat(5_000));
  assertEquals(answer.MessageType, "ViolationResponse");
  assertEquals(violations, [["mallory", "Invalid JSON.", 1_000]]);
  assertEquals(errors, ["violation undefined Error: anyway"]);
});

Deno.test("callbackTimeout: code that never settles blocks a feed for nobody after it", async () => {
  using time = new FakeTime();
  let hangs = true;
  const signals: AbortSignal[] = [];
  const feed = defineFeed({
    data: number,
    initial(_args, { signal }) {
      signals.push(signal);
      return hangs ? never : { n: 1 };
    },
  });
  const { up, errors } = start({ feeds: { feed } }, {
    callbackTimeout: 1_000,
    handshakeTimeout: 0,
  });
  const [one, two] = [await up(), await up()];
  assertEquals(await one.socket.ask(openOf("feed")), []);
  time.tick(500);
  two.socket.receive(openOf("feed"));
  await settled();
  time.tick(500);
  await settled();
  for (const { socket } of [one, two]) {
    assertEquals(socket.sent.splice(0).map(({ ErrorCode }) => ErrorCode), [
      "TIMEOUT",
    ]);
  }
  assertEquals(signals.map(({ aborted }) => aborted), [true]);
  assertEquals(errors.length, 2);
  assert(errors[0]!.includes("initial() did not finish within 1000 ms"));
  hangs = false;
  const [opened] = await one.socket.ask(openOf("feed"));
  assertEquals(opened.FeedData, { n: 1 });
});

Deno.test("callbackTimeout: authorize, onOpen, onClose and handlers too", async () => {
  using time = new FakeTime();
  const enter = Promise.withResolvers<void>();
  const left: string[] = [];
  const feeds = {
    guarded: defineFeed({
      data: number,
      initial: () => ({ n: 1 }),
      authorize: () => never,
    }),
    entered: defineFeed({
      data: number,
      initial: () => ({ n: 1 }),
      onOpen: () => enter.promise,
      onClose: () => void left.push("entered"),
    }),
    left: defineFeed({
      data: number,
      initial: () => ({ n: 1 }),
      onClose: () => never,
    }),
  };
  const actions = {
    hang: defineAction({ handler: () => never }),
    ask: defineAction({ authorize: () => never, handler() {} }),
  };
  const { up, errors } = start({ feeds, actions }, {
    callbackTimeout: 1_000,
    handshakeTimeout: 0,
  });
  const { socket } = await up();
  await socket.ask(openOf("left"));
  for (
    const message of [
      openOf("guarded"),
      openOf("entered"),
      closeOf("left"),
      actionOf("hang"),
      actionOf("ask", {}, "2"),
    ]
  ) assertEquals(await socket.ask(message), []);
  time.tick(1_000);
  await settled();
  assertEquals(
    socket.sent.splice(0).map(({ MessageType, ErrorCode }) =>
      `${MessageType} ${ErrorCode}`
    ).sort(),
    [
      "ActionResponse TIMEOUT",
      "ActionResponse TIMEOUT",
      "FeedCloseResponse undefined",
      "FeedOpenResponse TIMEOUT",
      "FeedOpenResponse TIMEOUT",
    ],
  );
  const where = errors.map((text) => text.split(" CallbackTimeoutError")[0]);
  assertEquals(where.sort(), [
    "action ask",
    "action hang",
    "close left",
    "open entered",
    "open guarded",
  ]);
  // What has entered after all leaves again.
  assertEquals(left, []);
  enter.resolve();
  await settled();
  assertEquals(left, ["entered"]);
});
