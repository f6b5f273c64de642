/** Disposal of Feedme clients, feeds, SocketCluster sockets and their streams. */
// deno-lint-ignore-file no-explicit-any
import { FeedmeError } from "../../../../feed/feedme/mod.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../../../kit/assert.ts";
import { asyncDispose } from "../../../kit/dispose.ts";
import { until } from "../../../kit/wait.ts";
import type { Area } from "../../suite.ts";
import { connect, HANDSHAKE, opened, setsN } from "../feedme.ts";
import {
  handshake,
  openScripted,
  packet,
  roomOfTwo,
} from "../socketcluster/far.ts";
import { allEnded, came, ended, stages, watch } from "./watch.ts";

export const live: Area["cases"] = {
  async "disposing a Feedme client settles every wait"(t) {
    using watching = watch();
    const peer = await t.script({
      sockets: [[...HANDSHAKE, { received: 2 }, opened()]],
    });
    const client = connect(peer.ws);
    const feed = client.feed("f", {});
    const other = client.feed("other", {});
    const events: string[] = [];
    let action: Promise<any>, waiting: Promise<any>, loop: Promise<any>;
    {
      await using _ = client;
      feed.desireOpen();
      await feed.opened();
      client.on("disconnect", () => events.push("disconnect"));
      feed.on("close", () => events.push("close"));
      other.desireOpen();
      action = assertRejects(() => client.action("any", {}));
      waiting = assertRejects(() => other.opened());
      loop = feed.actions().next();
    }
    assertEquals(watching.left(), []);
    const { code, outcome } = await action;
    assertEquals([code, outcome], ["NOT_CONNECTED", "unknown"]);
    assertEquals((await waiting).code, "DESTROYED");
    assertEquals((await loop).done, true);
    assertEquals(events, ["close", "disconnect"]);
    await ended(peer);
    await client[asyncDispose]();
    assertEquals([client.destroyed(), feed.destroyed()], [true, true]);
    for (
      const call of [
        () => client.state(),
        () => client.connect(),
        () => client.destroy(),
        () => client.action("any", {}),
        () => client.feed("f", {}),
        () => feed.desireOpen(),
        () => feed.data(),
        () => feed.actions(),
      ]
    ) {
      const error = assertThrows(call);
      assert(error instanceof FeedmeError, `${call} throws`);
      assertEquals(error.code, "DESTROYED", `${call}`);
    }
    assertEquals(feed.snapshot(), undefined);
  },

  async "a Feedme client can be disposed while it connects"(t) {
    using watching = watch();
    for (const [state, sockets, begun] of stages) {
      const peer = await t.script({ ...(sockets && { sockets }) });
      const client = connect(peer.ws, { connectRetryMs: 5_000 });
      const feed = client.feed("f", {});
      feed.desireOpen();
      const waiting = assertRejects(() => feed.opened());
      if (begun) await came(peer, begun);
      // It waits to try again.
      else await until(() => client.state() === "disconnected", "it failed");
      await client[asyncDispose]();
      assertEquals((await waiting).code, "DESTROYED", state);
      await allEnded(t, peer);
      assertEquals(watching.left(), [], state);
    }
  },

  async "a feed that is disposed is closed, another of its name is not"(t) {
    using watching = watch();
    const peer = await t.script({
      sockets: [[
        ...HANDSHAKE,
        { received: 2 },
        opened({ n: 0 }),
        // When the application says so.
        { received: 3 },
        setsN(1),
      ]],
    });
    await using client = connect(peer.ws);
    const stays = client.feed("f", {});
    const told: string[] = [];
    {
      await using leaves = client.feed("f", {});
      leaves.desireOpen();
      await leaves.opened();
      for (const event of ["action", "close"] as const) {
        leaves.on(event, () => told.push(event));
      }
      stays.desireOpen();
      assertEquals(await stays.opened(), { n: 0 });
      await leaves[asyncDispose]();
      assertEquals(assertThrows(() => leaves.state()).code, "DESTROYED");
    }
    const next = stays.actions();
    client.action("more", {}).catch(() => {});
    assertEquals((await next.next()).value?.newData, { n: 1 });
    assertEquals(told, ["close"]);
    await next.return!();
    // The last one closes the feed of the server.
    await stays[asyncDispose]();
    await came(
      peer,
      ({ sockets }) =>
        sockets[0]!.messages.some((text) =>
          JSON.parse(text as string).MessageType === "FeedClose"
        ),
    );
    await client[asyncDispose]();
    assertEquals(watching.left(), []);
  },

  async "a SocketCluster socket that is disposed ends its loops and calls"(
    t,
  ) {
    using watching = watch();
    const peer = await t.script({
      sockets: [
        [...handshake(), { received: 2 }, packet({ rid: 2 })],
        [...handshake({}, 4), { received: 2 }, packet({ rid: 5, data: "b" })],
      ],
    });
    const socket = openScripted(peer, { batchOnHandshake: false });
    const closes: number[] = [];
    const loops = [
      (async () => {
        for await (const { code } of socket.listener("close")) {
          closes.push(code);
        }
      })(),
      (async () => {
        for await (const _ of socket.channel("room"));
      })(),
      (async () => {
        for await (const _ of socket.receiver("any"));
      })(),
      (async () => {
        for await (const _ of socket.procedure("any"));
      })(),
    ];
    let call: Promise<any>;
    {
      await using _ = socket;
      const channel = socket.subscribe("room");
      await channel.listener("subscribe").once(30_000);
      call = assertRejects(() => socket.invoke("wait"));
      socket.startBatching();
      socket.transmit("dropped");
    }
    assertEquals(watching.left(), []);
    await Promise.all(loops);
    const { name, sent } = await call;
    assertEquals([name, sent], ["BadConnectionError", true]);
    await ended(peer);
    assertEquals((await peer.seen()).sockets[0]!.closed![0], 1000);
    await socket[asyncDispose]();
    assertEquals([closes, socket.state, socket.id, socket.pendingReconnect], [
      [1000],
      "closed",
      null,
      false,
    ]);
    assertEquals(
      assertThrows(() => socket.send("x")).name,
      "InvalidActionError",
    );

    // As after disconnect(), a call connects again.
    socket.stopBatching();
    socket.unsubscribe("room");
    assertEquals(await socket.invoke("again"), "b");
    await socket[asyncDispose]();
    assertEquals(watching.left(), []);
  },

  async "a SocketCluster socket can be disposed while it connects"(t) {
    using watching = watch();
    for (const [state, sockets, begun] of stages) {
      const peer = await t.script({ ...(sockets && { sockets }) });
      const socket = openScripted(peer, { reconnect: "compatible" });
      const call = assertRejects(() => socket.invoke("any"));
      if (begun) await came(peer, begun);
      // It waits to try again.
      else await until(() => socket.pendingReconnect, "it failed");
      await socket[asyncDispose]();
      const { name, sent } = await call;
      assertEquals([name, sent], ["BadConnectionError", false], state);
      assertEquals(socket.pendingReconnect, false, state);
      await allEnded(t, peer);
      assertEquals(watching.left(), [], state);
    }
  },

  async "a channel's streams that are disposed are off the channel"(t) {
    const peer = await t.script({ sockets: [roomOfTwo()] });
    await using socket = openScripted(peer);
    const channel = socket.subscribe("room");
    {
      await using consumer = channel.createConsumer({ timeout: 60_000 });
      await using events = channel.listener("kickOut").createConsumer();
      const { readable } = channel;
      // It costs nothing until it is read.
      assertEquals(channel.getOutputConsumerStatsList().length, 1);
      const reader = readable.getReader();
      const read = reader.read();
      assertEquals(channel.getOutputConsumerStatsList().length, 2);
      assertEquals((await consumer.next()).value, 1);
      assertEquals((await read).value, 1);
      await reader.cancel();
      await consumer[asyncDispose]();
      assertEquals(await consumer.next(), { value: undefined, done: true });
      assertEquals(events.getBackpressure(), 0);
    }
    assertEquals(channel.getOutputConsumerStatsList(), []);
    assertEquals(channel.getAllListenersConsumerStatsList(), []);
    assertEquals(channel.isSubscribed(), true);
  },
};
