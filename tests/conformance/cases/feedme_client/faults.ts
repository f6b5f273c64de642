/** The Feedme client with servers that are slow, refuse, hang up or are not there. */
import { deferred } from "../../../../net/deferred.ts";
import {
  type FeedmeError,
  webSocketTransport,
} from "../../../../feed/feedme/mod.ts";
import { assert, assertEquals, assertRejects } from "../../../kit/assert.ts";
import { delay, until } from "../../../kit/wait.ts";
import type { Area } from "../../suite.ts";
import {
  clientLog,
  connect,
  connected,
  feedLog,
  HANDSHAKE,
  message,
  opened,
} from "../feedme.ts";

import { visible } from "../visible.ts";

/** Above the ports that systems assign: nothing listens there. */
const UNUSED = "ws://127.0.0.1:65533";

export const clientFaults: Area["cases"] = {
  async "the client offers the subprotocol feedme, or the one in its options"(
    t,
  ) {
    const peer = await t.script({ sockets: [HANDSHAKE] });
    for (const protocols of [undefined, ["own", "feedme"]]) {
      const sockets: WebSocket[] = [];
      await using client = connect(webSocketTransport({
        url: peer.url,
        ...(protocols && { protocols }),
        WebSocket: class extends WebSocket {
          constructor(url: string, protocols?: string | string[]) {
            super(url, protocols);
            sockets.push(this);
          }
        },
      }));
      await connected(client);
      // The peer has chosen the first.
      assertEquals(sockets.map(({ protocol }) => protocol), [
        protocols?.[0] ?? "feedme",
      ]);
    }
    const codes = async () =>
      (await peer.seen()).sockets.map(({ closed }) => closed?.[0]);
    await until(async () => !(await codes()).includes(undefined), "closed");
    assertEquals(await codes(), [1000, 1000]);
  },

  async "a binary message ends the connection, and the next one begins"(t) {
    const peer = await t.script({
      sockets: [[...HANDSHAKE, { bytes: [1, 2] }, { send: "late" }], HANDSHAKE],
    });
    await using client = connect(peer.ws);
    const log = clientLog(client);
    const failed = deferred<unknown>();
    client.on("disconnect", (error) => failed.resolve(error?.transportError));
    assertEquals(
      String(await failed.promise),
      "Error: FAILURE: The server sent a binary message.",
    );
    await until(() => log.length === 5, "connected again");
    assertEquals(log, [
      "connecting",
      "connect",
      "disconnect TRANSPORT_FAILURE",
      "connecting",
      "connect",
    ]);
  },

  async "a lost connection is reported with its code, and nothing is sent again"(
    t,
  ) {
    const peer = await t.script({
      sockets: [
        [...HANDSHAKE, { close: [4001, "enough"] }],
        [...HANDSHAKE, { received: 2 }, { cut: true }],
        HANDSHAKE,
      ],
    });
    await using client = connect(peer.ws);
    const reasons: string[] = [];
    client.on(
      "disconnect",
      (error) => reasons.push(String(error?.transportError)),
    );
    await until(
      () => reasons.length === 1 && client.state() === "connected",
      "connected again",
    );
    assertEquals(
      (await assertRejects(() => client.action("x", {}))).outcome,
      "unknown",
    );
    await connected(client);
    assertEquals(reasons, [
      "Error: FAILURE: The WebSocket closed (code 4001).",
      "Error: FAILURE: The WebSocket closed (code 1006).",
    ]);
    const kinds = (await peer.seen()).sockets.map(({ messages }) =>
      messages.map((text) => JSON.parse(`${text}`).MessageType)
    );
    assertEquals(kinds, [["Handshake"], ["Handshake", "Action"], [
      "Handshake",
    ]]);
  },

  async "it retries an unreachable server, as often as configured"(t) {
    const refusing = await t.script({});
    for (const url of [UNUSED, refusing.ws]) {
      await using client = connect(`${url}/secret`, {
        connectRetryMaxAttempts: 2,
      });
      const log = clientLog(client);
      const errors: unknown[] = [];
      client.on("disconnect", (error) => errors.push(error));
      await until(() => log.length === 6, "three attempts");
      await delay(30);
      const attempt = ["connecting", "disconnect TRANSPORT_FAILURE"];
      assertEquals(log, [...attempt, ...attempt, ...attempt]);
      assertEquals(client.state(), "disconnected");
      assertEquals(
        String(errors[0]),
        "FeedmeError: TRANSPORT_FAILURE: The transport connection failed.",
      );
      assertEquals(
        String((errors[0] as FeedmeError).transportError),
        "Error: FAILURE: The WebSocket could not be opened.",
      );
      // What follows differs from runtime to runtime; browsers say nothing more.
      const { cause } = (errors[0] as FeedmeError).transportError as Error;
      assert(
        String(cause).startsWith("Error: WebSocket closed before it opened"),
        `the cause ${cause}`,
      );
      assert(!visible(errors).includes("secret"), "no address in it");
    }
  },

  async "a wait for the next attempt can be cancelled or cut short"(t) {
    const peer = await t.script({ sockets: [HANDSHAKE] });
    const urls = [UNUSED, UNUSED, peer.ws];
    await using client = connect(
      webSocketTransport({ url: () => Promise.resolve(urls.shift()!) }),
      { connectRetryMs: 3_600_000, connectRetryMaxMs: 3_600_000 },
    );
    const log = clientLog(client);
    await until(() => log.length === 2, "failed");
    assertEquals(client.cancelRetry(), true);
    await until(() => log.length === 3, "told");
    assertEquals(client.cancelRetry(), false);
    client.connect();
    await until(() => log.length === 5, "failed again");
    client.connect();
    await until(() => log.length === 7, "connected");
    const failed = ["connecting", "disconnect TRANSPORT_FAILURE"];
    assertEquals(log, [
      ...failed,
      "disconnect",
      ...failed,
      "connecting",
      "connect",
    ]);
    assertEquals(urls, [], "the address is asked for each time");
  },

  async "a missing handshake times out and is retried"(t) {
    const peer = await t.script({ sockets: [[], HANDSHAKE] });
    await using client = connect(peer.ws, { connectTimeoutMs: 500 });
    const log = clientLog(client);
    const errors: unknown[] = [];
    client.on("disconnect", (error) => errors.push(error?.message));
    await connected(client);
    assertEquals(errors, ["TIMEOUT: The connection attempt timed out."]);
    await until(() => log.length === 4, "told");
    assertEquals(log, [
      "connecting",
      "disconnect TIMEOUT",
      "connecting",
      "connect",
    ]);
  },

  async "a refused handshake is not retried"(t) {
    const peer = await t.script({
      sockets: [[
        { received: 1 },
        message("HandshakeResponse", { Success: false }),
      ]],
    });
    await using client = connect(peer.ws);
    const log = clientLog(client);
    await until(() => log.length === 2, "refused");
    await delay(30);
    assertEquals(log, ["connecting", "disconnect HANDSHAKE_REJECTED"]);
    assertEquals(client.state(), "disconnected");
  },

  async "a feed that opens too slowly is reported as closed, and opens when it comes"(
    t,
  ) {
    const peer = await t.script({
      sockets: [[...HANDSHAKE, { received: 3 }, opened({ n: 1 })]],
    });
    await using client = connect(peer.ws, { feedTimeoutMs: 50 });
    await connected(client);
    const feed = client.feed("f", {});
    const log = feedLog(feed);
    feed.desireOpen();
    await until(() => log.length === 2, "timed out");
    assertEquals([feed.state(), log], ["closed", ["opening", "close TIMEOUT"]]);
    client.action("go on", {}).catch(() => {});
    assertEquals(await feed.opened(), { n: 1 });
    await until(() => log.length === 4, "told");
    assertEquals(log.slice(2), ["opening", 'open {"n":1}']);
  },

  async "a server that is silent for silenceTimeout is lost"(t) {
    const peer = await t.script({ sockets: [[...HANDSHAKE], HANDSHAKE] });
    await using client = connect(
      webSocketTransport({ url: peer.ws, silenceTimeout: 100 }),
      { reconnect: false },
    );
    const reasons: string[] = [];
    client.on(
      "disconnect",
      (error) => reasons.push(String(error?.transportError)),
    );
    await until(() => reasons.length === 1, "lost");
    assertEquals(reasons, [
      "Error: FAILURE: The server was silent for 100 ms.",
    ]);
  },
};
