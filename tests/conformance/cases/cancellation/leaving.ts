/**
 * Every way to leave, applied to everything that can be left, at every moment:
 * nothing of ours may stay behind, whichever way a reader goes.
 *
 * A thing is left before a value has come, after one, and after its end. What
 * belongs to the reader alone (a status stream of an engine) must end with it in
 * the eyes of the peer; what belongs to a client (a feed, a channel) must leave
 * no consumer, and everything ends when the client is disposed.
 */
import { assert, assertEquals, assertRejects } from "../../../kit/assert.ts";
import { asyncDispose } from "../../../kit/dispose.ts";
import { until } from "../../../kit/wait.ts";
import type { Area, ScriptedPeer, Test } from "../../suite.ts";
import { watch } from "../disposal/watch.ts";
import { connect, HANDSHAKE, opened, setsN } from "../feedme.ts";
import { event, hosted, path, watched } from "../hosted.ts";
import {
  handshake,
  openScripted,
  packet,
  published,
} from "../socketcluster/far.ts";
import { range } from "../streams/values.ts";
import { reason } from "./ends.ts";

/** When a reader leaves. */
type Moment = "before a value" | "after a value" | "after the end";

const MOMENTS: readonly Moment[] = [
  "before a value",
  "after a value",
  "after the end",
];

/** Something that can be read and left. */
interface Thing {
  read(signal: AbortSignal): AsyncIterable<unknown>;
  /** The same as a stream, where it has that form. */
  readable?(signal: AbortSignal): ReadableStream<unknown>;
  /** How many readers it still has, where it tells. */
  readers?(): number;
  /** Whether the peer sees the connection end as soon as the reader has left. */
  ownsConnection: boolean;
  peer: ScriptedPeer;
  [asyncDispose](): Promise<void>;
}

/**
 * Resolves when the peer sees that nothing of ours is open: a request that was
 * answered in full has ended by itself.
 */
const ended = (peer: ScriptedPeer, moment: Moment) =>
  until(async () => {
    const { requests, sockets } = await peer.seen();
    return sockets.every(({ closed }) => closed) &&
      requests.every(({ gone, path }) =>
        gone || moment === "after the end" || !path.endsWith("/stream")
      );
  }, "the peer saw all of them end");

/** Makes each thing; the peer lets as much happen as the moment needs. */
const THINGS: Record<string, (t: Test, moment: Moment) => Promise<Thing>> = {
  async "statuses of an engine"(t, moment) {
    const peer = await platform(t, moment);
    return {
      peer,
      read: (signal) => hosted(peer).statuses("b1", { signal }),
      ownsConnection: true,
      async [asyncDispose]() {},
    };
  },

  async "statuses of a SessionBackend"(t, moment) {
    const peer = await platform(t, moment);
    const backend = watched(peer);
    return {
      peer,
      read: (signal) => backend.statuses({ signal }),
      ownsConnection: false,
      [asyncDispose]: () => backend[asyncDispose](),
    };
  },

  async "actions of a feed"(t, moment) {
    const peer = await t.script({
      sockets: [[
        ...HANDSHAKE,
        { received: 2 },
        opened({ n: 0 }),
        ...(moment === "before a value" ? [] : [setsN(1)]),
      ]],
    });
    const client = connect(peer.ws);
    const feed = client.feed("f", {});
    const actions = feed.actions();
    feed.desireOpen();
    await feed.opened();
    if (moment !== "before a value") await actions.next();
    await actions.return!();
    // What is read from here on has to be sent again.
    if (moment === "after the end") {
      feed.desireClosed();
    }
    return {
      peer,
      read: (signal) => feed.actions({ signal }),
      readable: () => feed.readable,
      ownsConnection: false,
      [asyncDispose]: () => client[asyncDispose](),
    };
  },

  async "a channel"(t, moment) {
    const peer = await t.script({
      sockets: [[
        ...handshake(),
        { received: 2 },
        packet([{ rid: 2 }]),
        // A value for the reader, once the case has asked for it.
        { received: 3 },
        packet([
          { rid: 3 },
          ...(moment === "before a value" ? [] : [published("room", 1)]),
        ]),
      ]],
    });
    const socket = openScripted(peer);
    const channel = socket.subscribe("room");
    await channel.listener("subscribe").once(30_000);
    return {
      peer,
      read(signal) {
        const consumer = channel.createConsumer({ signal });
        if (moment === "after a value") {
          void socket.invoke("go").catch(() => {});
        }
        if (moment === "after the end") channel.close();
        return consumer;
      },
      readable(signal) {
        const stream = channel.toReadable({ signal });
        if (moment === "after a value") {
          void socket.invoke("go").catch(() => {});
        }
        if (moment === "after the end") channel.close();
        return stream;
      },
      readers: () => channel.getOutputConsumerStatsList().length,
      ownsConnection: false,
      [asyncDispose]: () => socket[asyncDispose](),
    };
  },
};

/** A platform whose status stream has come as far as the moment asks for. */
function platform(t: Test, moment: Moment): Promise<ScriptedPeer> {
  const chunks = {
    "before a value": [": nothing yet\n\n"],
    "after a value": [event("scheduled")],
    "after the end": [event("scheduled"), event("terminated")],
  }[moment];
  return t.script({
    http: {
      [path("b1")]: [{
        chunks,
        then: moment === "after the end" ? "end" : "silence",
      }],
      "/v2/backend/b1/status": [{ json: { status: "scheduled", time: "t" } }],
    },
  });
}

/** Reads as far as the moment allows; the iterator, with nothing pending. */
async function readTo(
  moment: Moment,
  values: AsyncIterator<unknown>,
): Promise<void> {
  if (moment === "before a value") return;
  if (moment === "after a value") return void await values.next();
  while (!(await values.next()).done);
}

/** The ways to leave an iterable; `signal` belongs to `controller`. */
const WAYS: Record<
  string,
  (thing: Thing, moment: Moment, controller: AbortController) => Promise<void>
> = {
  async "break, or the end of the loop"(thing, moment, controller) {
    // A loop that waits for its first value cannot break.
    if (moment === "before a value") controller.abort(reason);
    try {
      for await (const _ of thing.read(controller.signal)) {
        if (moment === "after a value") break;
      }
    } catch (error) {
      assertEquals(error, reason);
    }
  },

  async "an error in the loop"(thing, moment, controller) {
    if (moment !== "after a value") return;
    const mine = new Error("mine");
    try {
      for await (const _ of thing.read(controller.signal)) throw mine;
    } catch (error) {
      assertEquals(error === mine, true);
    }
  },

  async "return()"(thing, moment, controller) {
    const values = thing.read(controller.signal)[Symbol.asyncIterator]();
    await readTo(moment, values);
    await values.return!();
    assertEquals((await values.next()).done, true);
  },

  async "return() while next() is pending"(thing, moment, controller) {
    const values = thing.read(controller.signal)[Symbol.asyncIterator]();
    await readTo(moment, values);
    const pending = values.next();
    await Promise.race([pending, Promise.resolve()]);
    await values.return!();
    assertEquals((await pending).done, true);
  },

  async "return() twice, before anything was read"(thing, _moment, controller) {
    const values = thing.read(controller.signal)[Symbol.asyncIterator]();
    await values.return!();
    await values.return!();
    assertEquals((await values.next()).done, true);
  },

  async "an abort while next() is pending"(thing, moment, controller) {
    const values = thing.read(controller.signal)[Symbol.asyncIterator]();
    await readTo(moment, values);
    const pending = values.next().then(
      ({ done }) => done,
      (error) => error === reason,
    );
    // A race that this promise loses is the same to it.
    await Promise.race([pending, Promise.resolve()]);
    controller.abort(reason);
    assertEquals(await pending, true);
  },

  async "cancel()"(thing, moment, controller) {
    const reader = thing.readable?.(controller.signal).getReader();
    if (!reader) return;
    if (moment === "after a value") {
      // A feed's stream begins when it is read: nothing comes any more.
      if (thing.readers) await reader.read();
    }
    await reader.cancel(reason);
    assertEquals((await reader.read()).done, true);
  },

  async "cancel() while read() is pending"(thing, moment, controller) {
    if (moment !== "before a value") return;
    const reader = thing.readable?.(controller.signal).getReader();
    if (!reader) return;
    const pending = reader.read();
    await Promise.race([pending, Promise.resolve()]);
    await reader.cancel(reason);
    assertEquals((await pending).done, true);
  },
};

/** What the matrix leaves out, and why. */
function impossible(name: string, way: string, moment: Moment): boolean {
  // Feeds give actions as they come, so one that came before was not for this
  // reader; their loops end with the feed object alone.
  return name === "actions of a feed" && moment !== "before a value" &&
    way !== "return() twice, before anything was read" && way !== "cancel()";
}

/** One case for each thing and moment, so that none takes long in a browser. */
export const leaving: Area["cases"] = Object.fromEntries(
  Object.entries(THINGS).flatMap(([name, make]) =>
    MOMENTS.map((moment) => [
      `${name} can be left in every way, ${moment}`,
      async (t: Test) => {
        let tried = 0;
        for (const [way, leave] of Object.entries(WAYS)) {
          if (impossible(name, way, moment)) continue;
          using watching = watch();
          const thing = await make(t, moment);
          const controller = new AbortController();
          await leave(thing, moment, controller).catch((error) => {
            throw new Error(way, { cause: error });
          });
          if (thing.ownsConnection) await ended(thing.peer, moment);
          if (thing.readers) {
            await until(() => thing.readers!() === 0, `${way}: no reader`);
          }
          await thing[asyncDispose]();
          await ended(thing.peer, moment);
          await until(
            () => watching.left().length === 0,
            `${way}: no timer and no socket`,
          );
          tried++;
        }
        assert(tried >= 2, "ways were tried");
      },
    ])
  ),
);

/** Streams that have failed; what follows in them is an error. */
const FAILED: Record<string, (t: Test) => Promise<Thing>> = {
  async "a channel"(t) {
    const peer = await t.script({
      sockets: [[
        ...handshake(),
        { received: 2 },
        packet([{ rid: 2 }, ...range(1, 9).map((n) => published("room", n))]),
      ]],
    });
    const socket = openScripted(peer);
    const channel = socket.subscribe("room");
    const options = { limit: 1, overflow: "error" } as const;
    return {
      peer,
      read: () => channel.createConsumer(options),
      readable: () => channel.toReadable(options),
      readers: () => channel.getOutputConsumerStatsList().length,
      ownsConnection: false,
      [asyncDispose]: () => socket[asyncDispose](),
    };
  },

  async "statuses of an engine"(t) {
    const peer = await t.script({
      http: {
        [path("b1")]: [
          { chunks: ["retry: 1\n\n", event("scheduled")] },
          { status: 410 },
        ],
        "/v2/backend/b1/status": [{ status: 410 }],
      },
    });
    return {
      peer,
      read: (signal) => hosted(peer).statuses("b1", { signal }),
      ownsConnection: false,
      async [asyncDispose]() {},
    };
  },
};

/** The ways to leave a stream that has failed; what it fails with is passed on. */
const AFTER: Record<string, (readable: ReadableStream) => Promise<unknown>> = {
  "nothing, after the error": () => Promise.resolve(),
  "cancel()": (readable) => readable.cancel(reason),
  "cancel() of a reader": (readable) => readable.getReader().cancel(reason),
  "a loop": async (readable) => {
    const reader = readable.getReader();
    while (!(await reader.read()).done);
  },
  "pipeTo()": (readable) => readable.pipeTo(new WritableStream()),
};

Object.assign(
  leaving,
  Object.fromEntries(
    Object.entries(FAILED).map(([name, make]) => [
      `${name} can be left in every way, after an error`,
      async (t: Test) => {
        using watching = watch();
        const thing = await make(t);
        const { signal } = new AbortController();
        const values = thing.read(signal)[Symbol.asyncIterator]();
        // A stream begins when it is read.
        const begun = Object.entries(AFTER).flatMap(([way, leave]) => {
          const readable = thing.readable?.(signal);
          if (!readable) return [];
          const reader = readable.getReader();
          return [{ way, leave, readable, reader, first: reader.read() }];
        });
        await assertRejects(async () => {
          while (!(await values.next()).done);
        });
        // It has ended with the error.
        assertEquals((await values.next()).done, true);
        assertEquals((await values.return!()).done, true);
        assertEquals((await values.next()).done, true);
        for (const { way, leave, readable, reader, first } of begun) {
          await first;
          await assertRejects(async () => {
            while (!(await reader.read()).done);
          });
          reader.releaseLock();
          const outcome = await leave(readable).then(() => "ok", String);
          assertEquals(
            outcome.split(":")[0],
            way.startsWith("nothing") ? "ok" : "OverflowError",
            way,
          );
        }
        if (thing.readers) assertEquals(thing.readers(), 0);
        await thing[asyncDispose]();
        await ended(thing.peer, "after the end");
        await until(() => watching.left().length === 0, "nothing is left");
      },
    ]),
  ),
);
