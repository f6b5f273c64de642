/** Channels: what is published, who may have it, and how it ends. */
import { assertEquals, assertRejects } from "../../../kit/assert.ts";
import { delay, until } from "../../../kit/wait.ts";
import type { Area } from "../../suite.ts";
import {
  control,
  handshake,
  log,
  open,
  openScripted,
  packet,
  published,
} from "./far.ts";

/** What a loop over a stream has got so far. */
function gather(stream: AsyncIterable<unknown>): unknown[] {
  const got: unknown[] = [];
  (async () => {
    for await (const data of stream) got.push(data);
  })();
  return got;
}

export const channels: Area["cases"] = {
  async "a publication reaches every subscriber once, in order"(t) {
    await using ann = open(t);
    await using ben = open(t);
    const name = t.name("room");
    const got = [ann, ben].map((socket) => gather(socket.subscribe(name)));
    await until(
      () => ann.isSubscribed(name) && ben.isSubscribed(name),
      "both are subscribed",
    );
    await ann.channel(name).invokePublish("one");
    ben.transmitPublish(name, { two: 2 });
    // The answer to a call comes after what was said before it.
    await ben.invoke("echo");
    await control(ann, "publish", { channel: name, data: 3 });
    await until(() => got.every(({ length }) => length >= 3), "all came");
    assertEquals(got, [["one", { two: 2 }, 3], ["one", { two: 2 }, 3]]);
    assertEquals(ann.subscriptions(), [name]);
  },

  async "a subscription that the server blocks fails with its reason"(t) {
    await using socket = open(t);
    for (
      const [name, errorName, level] of [
        ["forbidden", "ForbiddenError", 3],
        ["silent", "SilentMiddlewareBlockedError", undefined],
      ] as const
    ) {
      const failed = socket.listener("subscribeFail").once(30_000);
      const channel = socket.subscribe(name);
      const { channel: told, error } = await failed;
      assertEquals([told, error.name, error.level], [name, errorName, level]);
      assertEquals([channel.state, socket.subscriptions(true)], [
        "unsubscribed",
        [],
      ]);
      const refused = await assertRejects(() => channel.invokePublish("x"));
      assertEquals(refused.name, errorName);
    }
  },

  async "a channel delivers nothing after unsubscribe"(t) {
    await using socket = open(t);
    await using other = open(t);
    const channel = socket.subscribe(t.name("room"));
    const got = gather(channel);
    await channel.listener("subscribe").once(30_000);
    await channel.invokePublish("before");
    await until(() => got.length === 1, "it came");
    const told = log(socket, "unsubscribe", "subscribeStateChange");
    channel.unsubscribe();
    assertEquals(channel.state, "unsubscribed");
    assertEquals(await control(socket, "subscriptions"), []);
    await other.invokePublish(channel.name, "after");
    await delay(30);
    assertEquals(got, ["before"]);
    assertEquals(told, [
      ["subscribeStateChange", {
        channel: channel.name,
        oldChannelState: "subscribed",
        newChannelState: "unsubscribed",
      }],
      ["unsubscribe", { channel: channel.name }],
    ]);
  },

  async "a kick-out gives its reason, and the client may subscribe again"(t) {
    await using socket = open(t);
    const channel = socket.subscribe(t.name("room"));
    await channel.listener("subscribe").once(30_000);
    const events = log(
      socket,
      "kickOut",
      "subscribeStateChange",
      "unsubscribe",
    );
    const told = [
      channel.listener("kickOut").once(30_000),
      socket.listener("kickOut").once(30_000),
    ];
    await control(socket, "kick", { channel: channel.name, message: "out" });
    assertEquals(await Promise.all(told), [
      { message: "out" },
      { message: "out", channel: channel.name },
    ]);
    await until(() => events.length === 3, "all events came");
    assertEquals(events.map(([name]) => name), [
      "kickOut",
      "subscribeStateChange",
      "unsubscribe",
    ]);
    assertEquals(channel.state, "unsubscribed");
    channel.subscribe();
    await channel.listener("subscribe").once(30_000);
  },

  async "options of a subscription reach the server, by priority"(t) {
    const peer = await t.script({
      sockets: [[
        ...handshake(),
        { received: 3 },
        packet([{ rid: 2 }, { rid: 3 }, published("p/low", "data")]),
      ]],
    });
    await using socket = openScripted(peer, { channelPrefix: "p/" });
    const low = socket.subscribe("low", { data: 0 });
    socket.subscribe("high", { priority: 1 });
    const got = low.once(30_000);
    assertEquals(await got, "data");
    assertEquals(socket.subscriptions(), ["low", "high"]);
    const { sockets: [seen] } = await peer.seen();
    assertEquals(
      seen!.messages.slice(1).map((text) => JSON.parse(text as string).data),
      [{ channel: "p/high" }, { channel: "p/low", data: 0 }],
    );
  },

  async "names such as __proto__ are ordinary names"(t) {
    const names = ["__proto__", "constructor", "toString", "then", ""];
    const peer = await t.script({
      sockets: [[
        ...handshake(),
        // Of each name come a subscription and an answer.
        ...names.flatMap((name, index) => [
          { received: 2 * index + 2 },
          packet([
            { rid: index + 2 },
            published(name, "published"),
            { event: name, data: "sent" },
            { event: name, data: "called", cid: index + 1 },
          ]),
        ]),
      ]],
    });
    await using socket = openScripted(peer);
    await socket.listener("connect").once(30_000);
    for (const name of names) {
      assertEquals(socket.isSubscribed(name, true), false);
      assertEquals(socket.getChannelOptions(name), {});
      const got = [
        socket.channel(name).once(30_000),
        socket.receiver(name).once(30_000),
        socket.procedure(name).once(30_000)
          .then((request) => (request.end(name), request.data)),
        socket.listener(name).once(30_000),
      ];
      socket.emit(name, "emitted");
      socket.subscribe(name);
      assertEquals(
        await Promise.all(got),
        ["published", "sent", "called", "emitted"],
        JSON.stringify(name),
      );
    }
    assertEquals(socket.subscriptions(), names);
    // deno-lint-ignore no-explicit-any
    assertEquals([({} as any).data, Object.hasOwn(Object, "options")], [
      undefined,
      false,
    ]);
  },
};
