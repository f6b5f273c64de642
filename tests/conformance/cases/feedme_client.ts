/** The Feedme client, with `feedme-server-core` from npm and with peers that err. */
import { feedmeClient, webSocketTransport } from "../../../feed/feedme/mod.ts";
import { assertEquals, assertRejects, assertThrows } from "../../kit/assert.ts";
import { until } from "../../kit/wait.ts";
import type { Area } from "../suite.ts";
import { clientLog, connect, connected, feedLog } from "./feedme.ts";
import { clientFaults } from "./feedme_client/faults.ts";
import { clientFeeds, reveal, set } from "./feedme_client/feeds.ts";
import { BLOCKED, clientLiveness } from "./feedme_client/liveness.ts";
import { clientMessages } from "./feedme_client/messages.ts";
import { clientViews } from "./feedme_client/views.ts";

export const feedmeClientArea: Area = {
  name: "Feedme client",
  cases: {
    async "a feed opens and follows its actions"(t) {
      await using client = feedmeClient({
        transport: webSocketTransport({ url: t.feedme }),
      });
      client.connect();
      const id = t.name("board");
      const feed = client.feed("board", { id });
      feed.desireOpen();
      assertEquals(await feed.opened(), { n: 0, list: [] });
      const actions = feed.actions();
      await reveal(client, id, {
        name: "counted",
        actionData: { by: "us" },
        deltas: [{ Operation: "Increment", Path: ["n"], Value: 2 }],
        data: { n: 2, list: [] },
        md5: true,
      });
      assertEquals(await actions.next(), {
        done: false,
        value: {
          name: "counted",
          data: { by: "us" },
          oldData: { n: 0, list: [] },
          newData: { n: 2, list: [] },
        },
      });
      await actions.return!();
    },

    async "connecting and disconnecting emit events in order, and the state follows"(
      t,
    ) {
      await using client = feedmeClient({
        transport: webSocketTransport({ url: t.feedme }),
      });
      const log = clientLog(client);
      assertEquals(client.state(), "disconnected");
      const args: unknown[] = [];
      client.on("disconnect", (...given) => args.push(given));
      for (let round = 0; round < 2; round++) {
        client.connect();
        assertEquals([client.state(), log], ["connecting", []]);
        assertEquals(
          String(assertThrows(() => client.connect())),
          "FeedmeError: INVALID_STATE: Already connecting or connected.",
        );
        await until(() => log.length === 2, "connected");
        assertEquals(client.state(), "connected");
        client.disconnect();
        assertEquals(client.state(), "disconnected");
        await until(() => log.length === 3, "disconnected");
        assertEquals(log.splice(0), ["connecting", "connect", "disconnect"]);
      }
      assertEquals(
        args,
        [[], []],
        "arguments of a disconnect that was asked for",
      );
    },

    async "an action is answered to a callback and to a promise"(t) {
      await using client = connect(t.feedme);
      await connected(client);
      const args = { text: "ä€😀", "": [null, -0.5, { "__proto__x": true }] };
      const given = await new Promise((resolve) =>
        client.action("echo", args, (...given) => resolve(given))
      );
      assertEquals(given, [undefined, args]);
      assertEquals(await client.action("echo", args), args);
      // Each answer finds its question.
      const answers = [1, 2, 3].map((n) => client.action("echo", { n }));
      assertEquals(await Promise.all(answers), [{ n: 1 }, { n: 2 }, { n: 3 }]);
    },

    async "an action that the server refuses fails with its reason"(t) {
      await using client = connect(t.feedme);
      await connected(client);
      const reason = { code: "FULL", data: { seats: 12 } };
      const error = await assertRejects(() => client.action("refuse", reason));
      assertEquals([error.name, error.code, error.outcome, error.message], [
        "FeedmeError",
        "REJECTED",
        "rejected",
        'REJECTED: Server rejected the action request: "refuse" (FULL).',
      ]);
      assertEquals([error.serverErrorCode, error.serverErrorData], [
        "FULL",
        { seats: 12 },
      ]);
      const given = await new Promise<unknown[]>((resolve) =>
        client.action("unknown", {}, (...given) => resolve(given))
      );
      assertEquals(
        given.length,
        1,
        "arguments of a callback that gets an error",
      );
      const unknown = given[0] as typeof error;
      assertEquals(unknown.serverErrorCode, "UNKNOWN_ACTION");
      assertEquals(
        unknown.message,
        'REJECTED: Server rejected the action request: "unknown" (UNKNOWN_ACTION).',
      );
    },

    async "an action without an answer times out, and others do not"(t) {
      await using client = connect(t.feedme, { actionTimeoutMs: 200 });
      await connected(client);
      const error = await assertRejects(() => client.action("ignore", {}));
      assertEquals([error.code, error.outcome, error.message], [
        "TIMEOUT",
        "timed_out",
        "TIMEOUT: The server did not respond within the allocated time.",
      ]);
      assertEquals(await client.action("echo", { n: 1 }), { n: 1 });
      assertEquals(client.state(), "connected");
    },

    async "when the link is lost the client comes back, and so do its feeds"(
      t,
    ) {
      await using client = connect(t.feedme);
      const log = clientLog(client);
      const ids = [t.name("board"), t.name("board")];
      const feeds = ids.map((id) => client.feed("board", { id }));
      const logs = feeds.map(feedLog);
      for (const feed of feeds) feed.desireOpen();
      for (const feed of feeds) await feed.opened();
      const actions = feeds[0]!.actions();
      // What was sent and not answered may have happened, or not.
      const lost = await assertRejects(() => client.action("drop", {}));
      assertEquals([lost.code, lost.outcome], ["NOT_CONNECTED", "unknown"]);
      // What is asked for while the link is down is not sent.
      const early = await assertRejects(() => client.action("echo", {}));
      assertEquals([early.code, early.outcome], ["NOT_CONNECTED", "not_sent"]);
      for (const feed of feeds) {
        assertEquals(await feed.opened(), { n: 0, list: [] });
      }
      assertEquals(log, [
        "connecting",
        "connect",
        "disconnect TRANSPORT_FAILURE",
        "connecting",
        "connect",
      ]);
      const open = ["opening", 'open {"n":0,"list":[]}'];
      for (const each of logs) {
        // They were wanted before there was a connection.
        assertEquals(each, [
          "close NOT_CONNECTED",
          ...open,
          "close NOT_CONNECTED",
          ...open,
        ]);
      }
      // The server may have sent actions while the link was lost.
      assertEquals((await actions.next()).value, {
        gap: true,
        data: { n: 0, list: [] },
      });
      await set(client, ids[0]!, 1);
      assertEquals((await actions.next()).value?.newData, { n: 1, list: [] });
      await actions.return!();
    },

    async "no event is emitted during a call; all follow in the order of the calls"(
      t,
    ) {
      await using client = feedmeClient({
        transport: webSocketTransport({ url: t.feedme }),
      });
      const feed = client.feed("board", { id: t.name("board") });
      const log = feedLog(feed);
      feed.desireOpen();
      client.action("echo", {}, (error) => log.push(`callback ${error!.code}`));
      const promise = client.action("echo", {}).catch((error) =>
        log.push(`promise ${error.code}`)
      );
      feed.desireClosed();
      log.push("the calls are over");
      await promise;
      await until(() => log.at(-1) === "close", "told");
      assertEquals(log, [
        "the calls are over",
        "close NOT_CONNECTED",
        "callback NOT_CONNECTED",
        "promise NOT_CONNECTED",
        "close",
      ]);
    },

    ...clientFeeds,
    ...clientFaults,
    ...clientLiveness,
    ...clientMessages,
    ...clientViews,
  },
  exceptions: {
    [BLOCKED]: { workerd: "its clock stands still while code runs" },
  },
};
