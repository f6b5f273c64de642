/** Our Feedme server: on the sockets of this runtime, and in memory. */
import { deferred } from "../../../net/deferred.ts";
import { assert, assertEquals, assertRejects } from "../../kit/assert.ts";
import { asyncDispose } from "../../kit/dispose.ts";
import { delay, until } from "../../kit/wait.ts";
import type { Area, Test } from "../suite.ts";
import { complaints, connect, connected, feedLog } from "./feedme.ts";
import { limits } from "./feedme_server/limits.ts";
import { served } from "./feedme_server/served.ts";
import { actionOf, HANDSHAKE } from "../../kit/feedme_messages.ts";

/** A socket of the server, and all that it tells. */
async function open({ feedmeServer }: Test) {
  const socket = new WebSocket(feedmeServer, "feedme");
  const texts: string[] = [];
  const end: { closed?: [number, string] } = {};
  const opened = deferred<unknown>();
  socket.onopen = opened.resolve;
  socket.onerror = () => opened.reject(new Error("no connection"));
  socket.onmessage = ({ data }) => texts.push(data);
  socket.onclose = ({ code, reason }) => void (end.closed = [code, reason]);
  await opened.promise;
  return { socket, texts, end };
}

export const feedmeServerArea: Area = {
  name: "Feedme server",
  cases: {
    async "it serves a feed on this runtime's sockets"(t) {
      await using client = connect(t.feedmeServer);
      const id = t.name("counter");
      const feed = client.feed("counter", { id });
      feed.desireOpen();
      assertEquals(await feed.opened(), { n: 0, by: [] });
      assertEquals(await client.action("add", { id, n: 2 }), { by: "ada" });
      assertEquals(feed.data(), { n: 2, by: ["ada"] });
    },

    async "two clients on sockets see each change once, and its end"(t) {
      await using one = connect(t.feedmeServer);
      await using two = connect(t.feedmeServer);
      const id = t.name("counter é😀");
      const feeds = [one, two].map((client) => client.feed("counter", { id }));
      const errors = [one, two].map(complaints);
      for (const feed of feeds) feed.desireOpen();
      for (const feed of feeds) await feed.opened();
      const logs = feeds.map(feedLog);
      await one.action("add", { id, n: 1 });
      await two.action("sign", { id, by: "é😀" });
      await one.action("end", { id });
      for (const log of logs) {
        await until(() => log.length === 3, "told");
        assertEquals(log, [
          'added {"n":1,"by":["ada"]}',
          'signed {"n":1,"by":["ada","é😀"]}',
          "close TERMINATED",
        ]);
      }
      assertEquals(errors, [[], []], "the digests were right");
      const error = await assertRejects(() => feeds[1]!.opened());
      assertEquals([error.serverErrorCode, error.serverErrorData], ["ENDED", {
        id,
      }]);
    },

    async "refusals arrive with their reason over a socket"(t) {
      await using client = connect(t.feedmeServer);
      await connected(client);
      const refused = async (asked: Promise<unknown>) => {
        const error = await assertRejects(() => asked);
        return [error.serverErrorCode, error.serverErrorData];
      };
      assertEquals(await refused(client.action("refuse", {})), ["FULL", {
        seats: 12,
      }]);
      assertEquals(await refused(client.action("nothing", {})), [
        "UNKNOWN_ACTION",
        {},
      ]);
      const [code] = await refused(client.action("add", { id: 1, n: 1 }));
      assertEquals(code, "INVALID_ARGUMENTS");
      const staff = client.feed("staff", {});
      staff.desireOpen();
      assertEquals(await refused(staff.opened()), ["NOT_AUTHORIZED", {}]);
    },

    async "clients that close a feed or leave are noticed"(t) {
      await using client = connect(t.feedmeServer);
      await connected(client);
      const id = t.name("counter");
      const watchers = async (n: number) =>
        (await client.action("watchers", { id })).n === n;
      const leaving = connect(t.feedmeServer);
      for (const each of [client, leaving]) {
        const feed = each.feed("counter", { id });
        feed.desireOpen();
        await feed.opened();
        await client.action("add", { id, n: 1 });
      }
      assert(await watchers(2), "two watch");
      await leaving[asyncDispose]();
      await until(() => watchers(1), "one watches");
      // Not even a close: the connection of this one ends at once.
      const { socket } = await open(t);
      socket.send(JSON.stringify(HANDSHAKE));
      const FeedOpen = { MessageType: "FeedOpen", FeedName: "counter" };
      socket.send(JSON.stringify({ ...FeedOpen, FeedArgs: { id } }));
      await until(() => watchers(2), "two watch");
      socket.close();
      await until(() => watchers(1), "one watches");
    },

    async "a client that the server closes learns the code, and comes back"(t) {
      const { socket, texts, end } = await open(t);
      assertEquals(socket.protocol, "feedme");
      socket.send(JSON.stringify(HANDSHAKE));
      await until(() => texts.length === 1, "handshake");
      socket.send(JSON.stringify(actionOf("leave")));
      await until(() => end.closed !== undefined, "closed");
      assertEquals(end.closed, [4001, "as you wish"]);

      await using client = connect(t.feedmeServer);
      await connected(client);
      const reasons: unknown[] = [];
      client.on("disconnect", (error) => reasons.push(error?.transportError));
      assertEquals(
        (await assertRejects(() => client.action("leave", {}))).outcome,
        "unknown",
      );
      await connected(client);
      assertEquals(reasons.map(String), [
        "Error: FAILURE: The WebSocket closed (code 4001).",
      ]);
    },

    async "a close reason that is too long for a frame is truncated, and keeps its code"(
      t,
    ) {
      for (const reason of ["x".repeat(124), "é".repeat(70)]) {
        const { socket, texts, end } = await open(t);
        socket.send(JSON.stringify(HANDSHAKE));
        await until(() => texts.length === 1, "handshake");
        socket.send(JSON.stringify(actionOf("leave", { reason })));
        await until(() => end.closed !== undefined, "closed");
        const [code, cut] = end.closed!;
        assertEquals([code, reason.startsWith(cut)], [4001, true]);
        assert(new TextEncoder().encode(cut).length >= 122, "as much as fits");
      }
    },

    async "violations are answered over a socket; too long a message closes it"(
      t,
    ) {
      const { socket, texts } = await open(t);
      socket.send('{"MessageType":"__proto__"}');
      await until(() => texts.length === 1, "answered");
      assertEquals(JSON.parse(texts[0]!), {
        MessageType: "ViolationResponse",
        Diagnostics: {
          Problem: "Schema violation.",
          Message: '{"MessageType":"__proto__"}',
        },
      });
      socket.close();
      const tooMuch: [string | ArrayBuffer, number, string][] = [
        ["é".repeat(65_537), 1009, "message too long"],
        [new ArrayBuffer(3), 1003, "text messages only"],
      ];
      for (const [message, code, reason] of tooMuch) {
        const { socket, end } = await open(t);
        socket.send(message);
        await until(() => end.closed !== undefined, "closed");
        assertEquals(end.closed, [code, reason]);
      }
    },

    async "a megabyte of data opens over a socket"(t) {
      await using client = connect(t.feedmeServer);
      const feed = client.feed("large", {});
      feed.desireOpen();
      const { lines } = await feed.opened() as { lines: string[] };
      assertEquals([lines.length, lines.at(-1)], [10_000, "é".repeat(50)]);
    },

    async "a burst does not disconnect a client that reads"(t) {
      await using client = connect(t.feedmeServer);
      const id = t.name("page");
      const feed = client.feed("page", { id });
      feed.desireOpen();
      await feed.opened();
      const log = feedLog(feed);
      await client.action("burst", { id, times: 200, size: 20_000 });
      await client.action("burst", { id, times: 2, size: 1_500_000 });
      assertEquals([log.length, feed.state()], [202, "open"]);
      await delay(1_200);
      assertEquals(feed.state(), "open");
    },

    async "60 kB of brackets fail only their own action"(t) {
      const { socket, texts } = await open(t);
      socket.send(JSON.stringify(HANDSHAKE));
      await until(() => texts.length === 1, "handshake");
      const echo = (levels: number) =>
        `{"MessageType":"Action","ActionName":"echo","CallbackId":"1",
        "ActionArgs":{"a":${"[".repeat(levels)}${"]".repeat(levels)}}}`;
      for (const levels of [30_000, 200, 199]) socket.send(echo(levels));
      await until(() => texts.length === 4, "answered");
      const [deep, tooDeep, fits] = texts.slice(1).map((text) =>
        JSON.parse(text)
      );
      for (const { Diagnostics } of [deep, tooDeep]) {
        assertEquals(Diagnostics.Problem, "Nested too deeply.");
      }
      assertEquals(fits.Success, true);
      socket.close();
    },

    ...served,
    ...limits,
  },
};
