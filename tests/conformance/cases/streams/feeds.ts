/** What a feed and a backend tell, to any number of readers. */
import type { BackendState } from "../../../../types.ts";
import { assert, assertEquals, assertRejects } from "../../../kit/assert.ts";
import { collect, until } from "../../../kit/wait.ts";
import type { Area } from "../../suite.ts";
import { connect, HANDSHAKE, opened, setsN } from "../feedme.ts";
import { answering, event, hosted, names, SOON, watched } from "../hosted.ts";
import { range, take } from "./values.ts";

export const feeds: Area["cases"] = {
  async "a feed's actions are a stream, new each time, that costs nothing until it is read"(
    t,
  ) {
    const peer = await t.script({
      sockets: [[
        ...HANDSHAKE,
        { received: 2 },
        opened(),
        setsN(1),
        setsN(2),
        { received: 3 },
        setsN(3),
      ]],
    });
    await using client = connect(peer.ws);
    const feed = client.feed("f", {});
    const unread = feed.readable;
    assert(unread !== feed.readable, "each access gives a new stream");
    const first = feed.readable.getReader();
    feed.desireOpen();
    for (const n of [1, 2]) {
      const { value } = await first.read();
      assertEquals([value?.name, value?.data, value?.newData], ["set", { n }, {
        n,
      }]);
    }
    await first.cancel();
    const second = feed.readable.getReader();
    client.action("more", {}).catch(() => {});
    assertEquals((await second.read()).value?.newData, { n: 3 });
    // It would have kept the first two, had it begun when it was made.
    const late = unread.getReader().read();
    feed.desireClosed();
    feed.destroy();
    assertEquals((await second.read()).done, true);
    assertEquals((await late).done, true);
  },

  async "loops over a feed see the same, and a slow one fails"(t) {
    const peer = await t.script({
      sockets: [[
        ...HANDSHAKE,
        { received: 2 },
        opened({ n: 0 }),
        ...range(1, 5).map(setsN),
      ]],
    });
    await using client = connect(peer.ws);
    const feed = client.feed("f", {});
    const loops = [feed.actions(), feed.actions({ limit: 5 })];
    const slow = feed.actions({ limit: 3 });
    feed.desireOpen();
    await until(() => feed.snapshot()?.n === 5, "all actions came");
    for (const loop of loops) {
      const actions = await take(loop, 5);
      assertEquals(
        actions.map(({ oldData, newData }) => [oldData?.n, newData?.n]),
        [
          [0, 1],
          [1, 2],
          [2, 3],
          [3, 4],
          [4, 5],
        ],
      );
    }
    assertEquals((await take(slow, 3)).map(({ newData }) => newData?.n), [
      1,
      2,
      3,
    ]);
    assertEquals((await assertRejects(() => slow.next())).code, "OVERFLOW");
    assertEquals((await slow.next()).done, true);
  },

  async "any number of readers, late ones too, get a backend's states"(t) {
    const peer = await answering(
      t,
      { chunks: [SOON, event("scheduled"), event("ready")], then: "cut" },
      { chunks: [event("ready"), event("terminated")] },
    );
    await using backend = watched(peer);
    const read = async () => names(await collect(backend.statuses()));
    const expected = ["scheduled", "ready", "terminated"];
    assertEquals(await Promise.all([read(), read()]), [expected, expected]);
    assertEquals(await read(), expected);
    assertEquals((await peer.seen()).requests.length, 2);
  },

  async "events are read in chunks of any size"(t) {
    const time = "2026-01-01T00:00:00Z";
    const states = [
      { status: "scheduled", time, note: "ä€😀" },
      { status: "ready", time },
      { status: "terminated", time },
    ];
    const [first, second, third] = states.map((state) => JSON.stringify(state));
    // Every way to end a line, comments, a byte order mark, data on two lines,
    // and what readers have to skip.
    const text = `\ufeff: a comment\ndata: ${first}\nid: 1\n\n` +
      `event: message\r\nunknown: field\r\ndata:${
        second!.replace(",", ",\r\ndata:")
      }\r\n\r\n` +
      `id\r:\rdata: ${third}\r\r`;
    const bytes = [...new TextEncoder().encode(text)];
    const pieces = (size: number) =>
      range(0, Math.ceil(bytes.length / size) - 1)
        .map((index) => bytes.slice(index * size, (index + 1) * size));
    for (const size of [1, 3, bytes.length]) {
      const peer = await answering(t, { chunks: pieces(size) });
      const got: BackendState[] = await collect(
        hosted(peer).statuses("b1"),
      );
      assertEquals(got, states, `in pieces of ${size}`);
    }
  },
};
