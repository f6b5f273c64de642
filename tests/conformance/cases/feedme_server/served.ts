/** Our Feedme server in memory: feeds, actions, and who may have them. */
import { deferred } from "../../../../net/deferred.ts";
import { z } from "zod";
import type { FeedmeClient } from "../../../../feed/feedme/mod.ts";
import {
  defineFeed,
  FeedmeRejection,
  feedmeServer,
} from "../../../../feed/feedme/server/server.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../../../kit/assert.ts";
import { count, room } from "../../../kit/feedme_application.ts";
import { until } from "../../../kit/wait.ts";
import type { Area } from "../../suite.ts";
import { complaints, feedLog } from "../feedme.ts";
import { Raw } from "./memory.ts";
import { closeOf, openOf } from "../../../kit/feedme_messages.ts";
import { ID, refused, start, WRITER } from "./memory_server.ts";

export const served: Area["cases"] = {
  async "a change reaches each client once, as update or as deltas"() {
    await using served = start();
    await using ada = await served.client(WRITER);
    await using grace = await served.client({ user: "grace" });
    const feeds = [ada, grace].map((client) => client.feed("room", ID));
    const logs = feeds.map(feedLog);
    for (const feed of feeds) feed.desireOpen();
    for (const feed of feeds) await feed.opened();
    const live = served.server.feed(room, ID);
    assertEquals(live.subscribers, 2);
    const errors = [ada, grace].map(complaints);
    assertEquals(await ada.action("say", { ...ID, text: "é😀" }), { count: 2 });
    live.apply("all", {}, [
      { Operation: "InsertFirst", Path: ["lines"], Value: "first" },
      { Operation: "Append", Path: ["lines", 2], Value: "!" },
    ]);
    live.update("none", {}, (data) => data);
    const lines = ["first", "welcome to 1", "é😀!"];
    for (const log of logs) {
      await until(() => log.length === 5, "three actions");
      assertEquals(log, [
        "opening",
        'open {"lines":["welcome to 1"]}',
        'said {"lines":["welcome to 1","é😀"]}',
        `all ${JSON.stringify({ lines })}`,
        `none ${JSON.stringify({ lines })}`,
      ]);
    }
    assertEquals([live.data, errors], [{ lines }, [[], []]]);
  },

  async "unauthorized and invalid requests are refused with a code"() {
    await using served = start();
    await using ada = await served.client(WRITER);
    await using mallory = await served.client({ user: "mallory" });
    const open = (client: FeedmeClient, name: string, args = {}) => {
      const feed = client.feed(name, args);
      feed.desireOpen();
      return refused(feed.opened());
    };
    for (const name of ["nothing", "toString", "__proto__"]) {
      assertEquals(await open(ada, name), ["REJECTED", "UNKNOWN_FEED", {}]);
    }
    assertEquals(await open(mallory, "room", ID), [
      "REJECTED",
      "NOT_AUTHORIZED",
      {},
    ]);
    assertEquals(await open(ada, "room", { id: "x" }), [
      "REJECTED",
      "NOT_AUTHORIZED",
      {},
    ]);
    const [, without] = await open(ada, "count", { a: "1" }) as string[];
    assertEquals(without, "INVALID_ARGUMENTS");
    // A schema that drops arguments must not make two feeds one.
    for (const args of [{ id: "1234" }, {}, { ...ID, more: "" }]) {
      const [, code] = await open(ada, "room", args) as [string, string];
      assertEquals(code, "INVALID_ARGUMENTS");
    }
    const act = (client: FeedmeClient, text: unknown, name = "say") =>
      refused(client.action(name, { ...ID, text } as { text: string }));
    assertEquals(await act(ada, "", "constructor"), [
      "REJECTED",
      "UNKNOWN_ACTION",
      {},
    ]);
    assertEquals(await act(mallory, "hi"), ["REJECTED", "NOT_AUTHORIZED", {}]);
    assertEquals(await act(ada, "reject"), ["REJECTED", "FULL", { seats: 12 }]);
    const { serverErrorCode, serverErrorData } = await assertRejects(() =>
      ada.action("say", { ...ID, text: 5 })
    );
    assertEquals(
      [serverErrorCode, serverErrorData.issues[0].path],
      ["INVALID_ARGUMENTS", ["text"]],
    );
    assertEquals(served.errors, []);
  },

  async "application errors are not shown to clients"() {
    await using served = start();
    await using ada = await served.client(WRITER);
    for (const text of ["throw", "wrong"]) {
      assertEquals(
        await refused(ada.action("say", { ...ID, text })),
        ["REJECTED", "INTERNAL_ERROR", {}],
      );
    }
    assertEquals(served.errors, [
      'action "say": Error: the password is 1234',
      'action "say": TypeError: The result of action "say" does not match its schema',
    ]);
    assertEquals(await ada.action("say", { ...ID, text: "fine" }), {
      count: 2,
    });
  },

  async "an invalid change throws, changes nothing and sends nothing"() {
    await using served = start();
    const raw = await served.raw();
    await raw.ask(openOf("count"));
    const live = served.server.feed(count);
    const wrong = [
      () => live.update("added", { n: 1 }, { n: NaN }),
      () => live.update("added", { n: 1 }, undefined as never),
      () => live.update("added", { n: "1" } as never, { n: 1 }),
      () => live.update("other" as never, {} as never, { n: 1 }),
      () =>
        live.apply("added", { n: 1 }, [{ Operation: "Toggle", Path: ["n"] }]),
    ];
    for (const change of wrong) {
      assert(assertThrows(change) instanceof Error, `${change} throws`);
    }
    assertEquals([await raw.rest(), live.data], [[], { n: 0 }]);
  },

  async "a digest goes with each change where the feed has one"() {
    await using served = start();
    const raw = await served.raw();
    await using client = await served.client();
    const errors = complaints(client);
    const feed = client.feed("count", {});
    feed.desireOpen();
    await feed.opened();
    await raw.ask(openOf("count"));
    served.server.feed(count).update("added", { n: 1 }, { n: 1 });
    assertEquals((await raw.next()).FeedMd5, "CCwmyKa8dSJqMdpUlcySkg==");
    assertEquals([feed.data(), errors], [{ n: 1 }, []]);
  },

  async "a feed is ended for one client or for all, and all feeds of a client"() {
    await using served = start();
    const [a, b] = [await served.raw(), await served.raw()];
    for (const raw of [a, b]) {
      await raw.ask(openOf("room", ID));
      await raw.ask(openOf("count"));
    }
    const ended = (FeedName: string, FeedArgs: object) => ({
      MessageType: "FeedTermination",
      FeedName,
      FeedArgs,
      ErrorCode: "MOVED",
      ErrorData: { to: "x" },
    });
    const live = served.server.feed(room, ID);
    live.terminate("MOVED", { to: "x" }, a.client);
    assertEquals([await a.rest(), await b.rest()], [[ended("room", ID)], []]);
    live.terminate("MOVED", { to: "x" });
    assertEquals([await a.rest(), await b.rest()], [[], [ended("room", ID)]]);
    assertEquals(live.subscribers, 0);
    await b.ask(openOf("room", ID));
    b.client.terminate("MOVED", { to: "x" });
    assertEquals(await b.rest(), [ended("count", {}), ended("room", ID)]);
    assertEquals(served.server.feed(count).subscribers, 1);
    // A close that crossed it is answered; a second one is a violation.
    assertEquals(
      (await b.ask(closeOf("count"))).MessageType,
      "FeedCloseResponse",
    );
    assertEquals(
      (await b.ask(closeOf("count"))).MessageType,
      "ViolationResponse",
    );
  },

  async "data may load asynchronously, is kept, or dropped without subscribers"() {
    let loads = 0;
    const source = deferred<void>();
    const far = defineFeed({
      args: z.object({ id: z.string() }),
      data: z.object({ n: z.number() }),
      initial: async ({ id }) => {
        loads++;
        await source.promise;
        if (id === "broken") throw new Error("no database");
        return { n: loads };
      },
    });
    const brief = defineFeed({
      data: z.object({ n: z.number() }),
      initial: () => ({ n: 0 }),
      retain: false,
    });
    const errors: string[] = [];
    await using server = feedmeServer({ feeds: { far, brief } }, {
      onError: (error, { during, name }) =>
        errors.push(`${during} ${name}: ${error}`),
    });
    const [a, b] = [
      await new Raw(server).shake(),
      await new Raw(server).shake(),
    ];
    for (const raw of [a, b]) raw.send(openOf("far", ID));
    const live = server.feed(far, ID);
    assertEquals([await a.rest(), loads], [[], 1]);
    source.resolve();
    assertEquals(await live.loaded(), { n: 1 });
    for (const raw of [a, b]) {
      assertEquals((await raw.next()).FeedData, { n: 1 });
    }
    // What was changed is kept until it is released.
    live.update("set", {}, { n: 5 });
    for (const raw of [a, b]) {
      await raw.next();
      await raw.ask(closeOf("far", ID));
    }
    assertEquals((await a.ask(openOf("far", ID))).FeedData, { n: 5 });
    live.release();
    assertEquals(live.data, { n: 5 }, "as long as somebody looks");
    await a.ask(closeOf("far", ID));
    assertEquals((await a.ask(openOf("far", ID))).FeedData, { n: 2 });
    const answer = await a.ask(openOf("far", { id: "broken" }));
    assertEquals(answer.ErrorCode, "INTERNAL_ERROR");
    assertEquals(errors, ["open far: Error: no database"]);
    await a.ask(openOf("brief"));
    server.feed(brief).update("set", {}, { n: 5 });
    await a.next();
    await a.ask(closeOf("brief"));
    assertEquals((await a.ask(openOf("brief"))).FeedData, { n: 0 });
  },

  async "a feed is notified of every arrival and departure"() {
    const log: string[] = [];
    const lobby = defineFeed({
      data: z.object({ users: z.array(z.string()) }),
      initial: () => ({ users: [] }),
      onOpen({ client, live }) {
        if (client.user === "late") throw new FeedmeRejection("FULL");
        live.update("came", {}, ({ users }) => ({
          users: [...users, client.user!],
        }));
      },
      onClose({ client, live }) {
        log.push(`${client.user} of ${live.subscribers}`);
        live.update("went", {}, ({ users }) => ({
          users: users.filter((user) => user !== client.user),
        }));
      },
    });
    const ends: string[] = [];
    await using server = feedmeServer({ feeds: { lobby } }, {
      onConnect: ({ user }) => ends.push(`+${user}`),
      onDisconnect: ({ user }) => ends.push(`-${user}`),
    });
    const [a, b, c, late] = await Promise.all(
      ["a", "b", "c", "late"].map((user) => new Raw(server, { user }).shake()),
    ) as [Raw, Raw, Raw, Raw];
    assertEquals((await late.ask(openOf("lobby"))).ErrorCode, "FULL");
    for (const raw of [a, b, c]) {
      const { FeedData } = await raw.ask(openOf("lobby"));
      assert(FeedData.users.includes(raw.client.user), "a client sees itself");
    }
    const live = server.feed(lobby);
    assertEquals([live.data.users, live.subscribers], [["a", "b", "c"], 3]);
    await a.rest();
    // It is answered after.
    a.send(closeOf("lobby"));
    assertEquals((await a.rest()).map(({ MessageType }) => MessageType), [
      "FeedCloseResponse",
    ]);
    live.terminate("END", {}, b.client);
    c.leave();
    await until(() => live.subscribers === 0, "all are gone");
    await b.rest();
    await b.ask(openOf("lobby"));
    live.terminate("END");
    assertEquals(live.data.users, []);
    assertEquals([live.data.users, log], [[], [
      "a of 2",
      "b of 1",
      "c of 0",
      "b of 0",
    ]]);
    assertEquals(c.client.signal.aborted, true);
    late.leave();
    await until(() => [...server.clients].length === 2, "two are left");
    assertEquals(ends, ["+a", "+b", "+c", "+late", "-c", "-late"]);
  },
};
