/** Presence: both halves, over real sockets. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import {
  feedmeClient,
  joinPresence,
  webSocketTransport,
} from "../../feed/feedme/mod.ts";
import {
  type ApiOf,
  definePresence,
  feedmeServer,
} from "../../feed/feedme/server/server.ts";
import { actionOf, openOf } from "../kit/feedme_messages.ts";
import { settled, until } from "../kit/wait.ts";
import { FakeSocket } from "./fake_socket.ts";

const place = z.object({ x: z.number(), y: z.number() });
const people = definePresence({
  args: z.object({ room: z.string() }),
  data: place,
  initial: () => ({ x: 0, y: 0 }),
});
const application = {
  feeds: { people: people.feed },
  actions: { point: people.action },
};
type Api = ApiOf<typeof application>;
const ROOM = { room: "7" };

function serve() {
  const server = feedmeServer(application);
  const sockets = new Map<string, WebSocket>();
  const http = Deno.serve({ port: 0, onListen() {} }, (request) => {
    const user = new URL(request.url).searchParams.get("as")!;
    const { socket, response } = Deno.upgradeWebSocket(request, {
      protocol: "feedme",
    });
    sockets.set(user, socket);
    server.accept(socket, { user });
    return response;
  });
  const join = (user: string, throttle?: number) => {
    const url = `ws://127.0.0.1:${http.addr.port}/?as=${user}`;
    const client = feedmeClient<Api>({
      transport: webSocketTransport({ url }),
      connectRetryMs: 10,
    });
    const presence = joinPresence(client, {
      feed: "people",
      action: "point",
      args: ROOM,
      data: { x: 1, y: 1 },
      throttle,
    });
    return { client, presence };
  };
  return {
    server,
    sockets,
    join,
    async [Symbol.asyncDispose]() {
      await server.close();
      await http.shutdown();
    },
  };
}

Deno.test("presence: everyone sees who is there and what they say, until they leave", async () => {
  await using all = serve();
  const { join, sockets } = all;
  const ann = join("ann"), bob = join("bob");
  const seen = (of: typeof ann) =>
    Object.values(of.presence.getSnapshot().people)
      .map(({ user, data }) => `${user} ${data.x},${data.y}`).sort().join(" ");
  await until(() => seen(ann) === "ann 1,1 bob 1,1");
  await until(() => ann.presence.getSnapshot().me !== undefined);
  const { me, people } = ann.presence.getSnapshot();
  assertEquals(people[me!]!.user, "ann");
  ann.presence.set({ x: 3, y: 4 });
  await until(() => seen(bob) === "ann 3,4 bob 1,1");

  // A lost connection: gone for the others, and back with what was said last.
  let stale = false, gone = false;
  ann.presence.subscribe(() => stale ||= ann.presence.getSnapshot().stale);
  bob.presence.subscribe(() => gone ||= seen(bob) === "bob 1,1");
  sockets.get("ann")!.close(4000);
  await until(() => stale && gone && seen(bob) === "ann 3,4 bob 1,1");
  await until(() => ann.presence.getSnapshot().me !== undefined);
  assert(ann.presence.getSnapshot().me !== me);

  bob.presence.close();
  bob.presence.close();
  await until(() => seen(ann) === "ann 3,4");
  assertEquals(bob.client.state(), "connected");
  await ann.client.close();
  await bob.client.close();
  assertEquals(ann.presence.getSnapshot().people, {});
  assertEquals(all.server.isLive("people", ROOM), false);
});

Deno.test("presence: of many calls in a row, the last counts", async () => {
  await using all = serve();
  const { client, presence } = all.join("ann", 20);
  await until(() => presence.getSnapshot().me !== undefined);
  let messages = 0;
  const watch = client.feed("people", ROOM);
  watch.on("action", (name) => name === "said" && messages++);
  watch.desireOpen();
  for (let x = 0; x < 200; x++) presence.set({ x, y: 0 });
  const { me } = presence.getSnapshot();
  await until(() => presence.getSnapshot().people[me!]!.data.x === 199);
  assert(messages <= 3, `${messages} messages`);
  await client.close();
  assertThrows(
    () =>
      joinPresence(client, {
        feed: "people",
        action: "point",
        args: ROOM,
        data: { x: 0, y: 0 },
        throttle: NaN,
      }),
    RangeError,
    "throttle",
  );
});

Deno.test("presence: the server checks what is said, and who says it", async () => {
  const errors: unknown[] = [];
  const server = feedmeServer(application, {
    onError: (error) => errors.push(error),
  });
  const socket = new FakeSocket();
  const client = server.accept(socket, { user: "mallory" });
  await socket.shake();
  const act = async (args: object) => {
    const [answer] = await socket.ask(actionOf("point", args));
    return [answer.ErrorCode, answer.ErrorData?.issues?.[0]?.path];
  };
  const data = { x: 1, y: 2 };
  const [opened] = await socket.ask(openOf("people", ROOM));
  assertEquals(opened.FeedData, {
    people: { [client.id]: { user: "mallory", data: { x: 0, y: 0 } } },
  });
  assertEquals(await act({ args: ROOM }), ["INVALID_ARGUMENTS", []]);
  assertEquals(await act({ args: ROOM, data: { x: 1 } }), [
    "INVALID_ARGUMENTS",
    ["data", "y"],
  ]);
  assertEquals(await act({ args: { room: 7 }, data }), [
    "INVALID_ARGUMENTS",
    ["args", "room"],
  ]);
  assertEquals(await act({ args: ROOM, data, id: "another" }), [
    "INVALID_ARGUMENTS",
    [],
  ]);
  // In a room where it is not, nothing changes.
  const answers = await socket.ask(
    actionOf("point", { args: { room: "8" }, data }),
  );
  assertEquals(answers.map(({ ActionData }) => ActionData), [{
    id: client.id,
  }]);
  assertEquals(server.feed(people.feed, { room: "8" }).data, { people: {} });
  assertEquals(errors, []);
});

Deno.test("presence: who has silently lost the connection is gone within 25 s", async () => {
  using time = new FakeTime();
  const server = feedmeServer(application);
  const join = async (user: string) => {
    const socket = new FakeSocket();
    server.accept(socket, { user, subprotocols: "feedme, feedme+alive" });
    await socket.shake();
    await socket.ask(openOf("people", ROOM));
    return socket;
  };
  const alive = await join("ann");
  const dead = await join("bob");
  const present = () =>
    Object.values(server.feed(people.feed, ROOM).data.people)
      .map(({ user }) => user);
  assertEquals(present(), ["ann", "bob"]);
  for (let second = 0; second < 25; second++) {
    time.tick(1_000);
    await settled();
    for (const { MessageType } of alive.sent.splice(0)) {
      if (MessageType === "Alive") {
        alive.receive({ MessageType: "AliveResponse" });
      }
    }
    await settled();
  }
  assertEquals(present(), ["ann"]);
  assert(dead.closed !== undefined);
  await server.close();
});
