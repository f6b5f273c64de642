/** Signals and what waits for a feed or a SocketCluster server. */
import { assertEquals, assertRejects } from "../../../kit/assert.ts";
import { until } from "../../../kit/wait.ts";
import type { Area } from "../../suite.ts";
import { answered, connect, HANDSHAKE, opened, setsN } from "../feedme.ts";
import { hosted, path, watched } from "../hosted.ts";
import {
  handshake,
  openScripted,
  packet,
  roomOfTwo,
} from "../socketcluster/far.ts";
import { ends, reason } from "./ends.ts";

export const live: Area["cases"] = {
  async "a wait for a feed can be cancelled; the feed still opens"(t) {
    const peer = await t.script({
      sockets: [[
        ...HANDSHAKE,
        // It opens when something else is wanted.
        { received: 3 },
        opened({ n: 1 }),
        answered,
      ]],
    });
    await using client = connect(peer.ws);
    const feed = client.feed("f", {});
    feed.desireOpen();
    await ends(feed.opened({ signal: AbortSignal.abort(reason) }));
    const controller = new AbortController();
    const waiting = ends(feed.opened(controller));
    await until(() => feed.state() === "opening", "it was asked for");
    controller.abort(reason);
    await waiting;
    assertEquals([feed.desiredState(), feed.state()], ["open", "opening"]);
    await client.action("any", {});
    assertEquals(await feed.opened(), { n: 1 });
  },

  async "a loop over a feed ends, with what waits in it; others go on"(t) {
    const peer = await t.script({
      sockets: [[
        ...HANDSHAKE,
        { received: 2 },
        opened(),
        setsN(1),
        setsN(2),
      ]],
    });
    await using client = connect(peer.ws);
    const feed = client.feed("f", {});
    const controller = new AbortController();
    const [left, waits, stays] = [
      feed.actions(controller),
      feed.actions(controller),
      feed.actions(),
    ];
    const open = waits.next();
    feed.desireOpen();
    await until(() => feed.snapshot()?.n === 2, "the actions came");
    assertEquals((await open).value?.newData, { n: 1 });
    assertEquals((await waits.next()).value?.newData, { n: 2 });
    const pending = ends(waits.next(), "a pending read");
    controller.abort(reason);
    await pending;
    await ends(left.next(), "a backlog");
    assertEquals((await left.next()).done, true);
    assertEquals((await stays.next()).value?.newData, { n: 1 });
    await ends(feed.actions(controller).next(), "one that begins later");
  },

  async "a cancelled call is not sent, or its answer is ignored"(t) {
    const peer = await t.script({
      sockets: [[
        ...handshake(),
        { received: 3 },
        packet([{ rid: 2, data: "late" }, { rid: 3, data: "mine" }]),
      ]],
    });
    await using socket = openScripted(peer);
    const waiting = new AbortController();
    // There is no connection yet.
    const unsent = ends(socket.invoke("never", 1, waiting), "a queued call");
    waiting.abort(reason);
    await unsent;
    await ends(socket.invoke("never", 2, waiting), "with an aborted signal");
    await socket.listener("connect").once(30_000);

    const controller = new AbortController();
    const given = ends(socket.invoke("given up", 3, controller));
    await until(
      async () => (await peer.seen()).sockets[0]!.messages.length === 2,
      "it was sent",
    );
    controller.abort(reason);
    await given;
    assertEquals(await socket.invoke("next"), "mine");
    const { sockets: [seen] } = await peer.seen();
    assertEquals(
      seen!.messages.map((text) => JSON.parse(text as string).event),
      ["#handshake", "given up", "next"],
    );
  },

  async "loops and waits of a socket end, and leave no reader"(t) {
    const peer = await t.script({ sockets: [roomOfTwo()] });
    await using socket = openScripted(peer);
    const channel = socket.subscribe("room");
    const controller = new AbortController();
    const got: unknown[] = [];
    const reader = channel.toReadable(controller).getReader();
    const ended = [
      ends(
        (async () => {
          for await (const data of channel.createConsumer(controller)) {
            got.push(data);
            // The second is in the backlog: it is not given any more.
            controller.abort(reason);
          }
        })(),
        "a loop",
      ),
      ends(channel.listener("kickOut").once(controller), "a wait"),
      ends(socket.procedure("p").next(controller), "a wait for a call"),
    ];
    await Promise.all(ended);
    await ends(reader.read(), "a stream");
    assertEquals(got, [1]);
    assertEquals(channel.getOutputConsumerStatsList(), []);
    assertEquals(channel.getAllListenersConsumerStatsList(), []);
    assertEquals(socket.getAllProceduresConsumerStatsList(), []);
    assertEquals(channel.isSubscribed(), true);
  },

  async "timeout signals and combined signals work too"(t) {
    const peer = await t.script({
      http: {
        "/v2/backend/b1/status": ["silence"],
        [path("b1")]: ["silence"],
      },
      sockets: [handshake()],
    });
    await using backend = watched(peer);
    await using socket = openScripted(peer);
    const calls = (signal: AbortSignal) => [
      hosted(peer).status("b1", { signal }),
      backend.ready({ signal }),
      backend.statuses({ signal }).next(),
      socket.invoke("wait", null, { signal }),
      socket.receiver("any").once({ signal }),
    ];
    const late = await Promise.all(
      calls(AbortSignal.timeout(30)).map((call) => assertRejects(() => call)),
    );
    assertEquals(late.map(({ name }) => name), late.map(() => "TimeoutError"));
    const controller = new AbortController();
    const both = AbortSignal.any([
      controller.signal,
      AbortSignal.timeout(60_000),
    ]);
    const [status, ...others] = calls(both);
    const waiting = [
      ends(status!),
      ...others.map((call) => ends(call)),
    ];
    controller.abort(reason);
    await Promise.all(waiting);
  },
};
