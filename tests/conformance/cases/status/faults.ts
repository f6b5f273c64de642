/** Streams that break off, stammer or never end: follows keep every state. */
import { assert, assertEquals } from "../../../kit/assert.ts";
import { collect } from "../../../kit/wait.ts";
import { type Area, isPage } from "../../suite.ts";
import {
  answering,
  event,
  follow,
  hosted,
  LIFE,
  names,
  path,
  SOON,
} from "../hosted.ts";

const NOTE = "grün ✓";
/** A whole life, with characters of two and three bytes. */
const WHOLE = SOON +
  LIFE.map((status) => event(status, { note: NOTE })).join("");

export const faultCases: Area["cases"] = {
  async "a stream that breaks off still gives each state once, in order"(t) {
    const peer = await answering(
      t,
      { chunks: [event("scheduled"), event("loading")], then: "cut" },
      { chunks: ["retry: 1\n", event("loading"), event("ready")], then: "cut" },
      { chunks: [event("ready"), event("terminated")] },
    );
    assertEquals(names(await collect(hosted(peer).statuses("b1"))), [
      "scheduled",
      "loading",
      "ready",
      "terminated",
    ]);
    const { requests } = await peer.seen();
    assertEquals(requests.map(({ headers }) => headers["last-event-id"]), [
      undefined,
      "loading",
      "ready",
    ], "Last-Event-ID");
  },

  async "a stream that ends at any byte loses nothing"(t) {
    const encoder = new TextEncoder();
    const bytes = [...encoder.encode(WHOLE)];
    const cuts = Array.from(
      { length: 40 },
      (_, index) =>
        SOON.length + Math.floor(index * (bytes.length - SOON.length) / 40),
    );
    const peer = await t.script({
      http: Object.fromEntries(
        cuts.map((cut, index) => [path(`b${cut}`), [
          { chunks: [bytes.slice(0, cut)], then: index % 2 ? "cut" : "end" },
          { chunks: [WHOLE] },
        ]]),
      ),
    });
    const engine = hosted(peer);
    await Promise.all(cuts.map(async (cut) => {
      const states = await collect(engine.statuses(`b${cut}`));
      assertEquals(
        states.map((state) => [state.status, Reflect.get(state, "note")]),
        LIFE.map((status) => [status, NOTE]),
        `cut after ${cut} bytes`,
      );
    }));
    const { requests } = await peer.seen();
    for (const [index, cut] of cuts.entries()) {
      const [first, second, ...more] = requests.filter((request) =>
        request.path === path(`b${cut}`)
      );
      const sent =
        new TextDecoder().decode(Uint8Array.from(bytes.slice(0, cut)))
          .split("\n\n").length - 2;
      const [before, after] = [first, second].map((request) =>
        request!.headers["last-event-id"]
      );
      // When a connection breaks, a body may drop what was not read yet (Chromium does).
      const seen = index % 2 ? LIFE.indexOf(after ?? "") + 1 : sent;
      assert(seen <= sent, `an event too many after ${cut} bytes`);
      assertEquals(
        [before, after],
        [undefined, LIFE[seen - 1]],
        `Last-Event-ID after ${cut} bytes`,
      );
      assertEquals(more, []);
    }
  },

  async "a stream is read in chunks of one byte as well"(t) {
    const peer = await answering(t, { chunks: [WHOLE] });
    const engine = hosted(peer, {
      async fetch(input, init) {
        const { body, headers } = await fetch(input, init);
        const single = new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, out) {
            for (const byte of chunk) out.enqueue(Uint8Array.of(byte));
          },
        });
        return new Response(body!.pipeThrough(single), { headers });
      },
    });
    const states = await collect(engine.statuses("b1"));
    assertEquals(
      states.map((state) => [state.status, Reflect.get(state, "note")]),
      LIFE.map((status) => [status, NOTE]),
    );
  },

  async "following ends after the last state, even if the server keeps the stream open"(
    t,
  ) {
    const peer = await answering(t, { chunks: [WHOLE], then: "silence" });
    assertEquals(names(await collect(hosted(peer).statuses("b1"))), LIFE);
  },

  async "invalid events are reported, and nothing else is lost"(t) {
    const peer = await answering(t, {
      chunks: [
        event("scheduled"),
        "data: {\n\n",
        "data: null\n\n",
        'data: {"status":5}\n\n',
        "data: []\n\n",
        "event: x\n\n",
        "nonsense\n\n",
        ": a comment\n\n",
        event("ready").replaceAll("\n", "\r\n"),
        event("terminated"),
      ],
    });
    const { states, errors } = await follow(peer);
    assertEquals(names(states), ["scheduled", "ready", "terminated"]);
    assertEquals(
      errors.map(({ error, final }) => [(error as Error).message, final]),
      Array(4).fill([
        'Following the status of backend "b1": an event of the stream is not a backend state',
        false,
      ]),
    );
  },

  async "an endless event is ended at a limit"(t) {
    const peer = await answering(
      t,
      {
        chunks: [SOON, event("scheduled"), `data: ${"x".repeat(70_000)}`],
        then: "silence",
      },
      { chunks: [event("terminated")] },
    );
    const { states, errors } = await follow(peer);
    assertEquals(names(states), ["scheduled", "terminated"]);
    assertEquals(errors.map(({ error }) => String(error)), [
      "RangeError: A server-sent event is longer than 65536 characters",
    ]);
  },

  async "a server that forbids pages to send Last-Event-ID is followed without it"(
    t,
  ) {
    const peer = await t.script({
      allowHeaders: "authorization, content-type",
      http: {
        [path("b1")]: [
          { chunks: [SOON, event("scheduled")], then: "cut" },
          { chunks: [event("scheduled"), event("ready")], then: "cut" },
          { chunks: [event("ready"), event("terminated")] },
        ],
      },
    });
    const { states } = await follow(peer);
    assertEquals(names(states), ["scheduled", "ready", "terminated"]);
    const { requests } = await peer.seen();
    // Only browsers ask a server which headers they may send it
    // (https://fetch.spec.whatwg.org/#http-cors-protocol).
    assertEquals(
      requests.map(({ headers }) => headers["last-event-id"]),
      isPage(t)
        ? [undefined, undefined, undefined]
        : [undefined, "scheduled", "ready"],
      "Last-Event-ID",
    );
  },
};
