/** Our Feedme server in memory: dialects, violations, limits, and how it ends. */
import { assert, assertEquals, assertThrows } from "../../../kit/assert.ts";
import { asyncDispose } from "../../../kit/dispose.ts";
import { count, room } from "../../../kit/feedme_application.ts";
import { delay, until } from "../../../kit/wait.ts";
import type { Area } from "../../suite.ts";
import { clientLog } from "../feedme.ts";
import { Raw } from "./memory.ts";
import {
  actionOf,
  closeOf,
  HANDSHAKE,
  openOf,
} from "../../../kit/feedme_messages.ts";
import { ID, start } from "./memory_server.ts";

export const limits: Area["cases"] = {
  async "violations are answered, and end the connection where that is wanted"() {
    const violations: [message: unknown, problem: string][] = [
      ["not JSON", "Invalid JSON."],
      ["[".repeat(10_000), "Invalid JSON."],
      ["[".repeat(10_000) + "]".repeat(10_000), "Nested too deeply."],
      [{ MessageType: "__proto__" }, "Schema violation."],
      [{ ...HANDSHAKE, more: 1 }, "Schema violation."],
      [openOf("count", { n: 1 }), "Schema violation."],
      [HANDSHAKE, "Unexpected Handshake message."],
      [closeOf("count"), "Unexpected FeedClose message."],
      [openOf("room", ID), "Unexpected FeedOpen message."],
      [actionOf("hang"), "Action message reused an outstanding CallbackId."],
    ];
    {
      await using served = start();
      const early = new Raw(served.server);
      const answer = await early.ask(openOf("room", ID));
      assertEquals(answer.Diagnostics.Problem, "Handshake required.");
      const raw = await served.raw();
      await raw.ask(openOf("room", ID));
      raw.send(actionOf("hang"));
      for (const [message, Problem] of violations) {
        const { MessageType, Diagnostics } = await raw.ask(message);
        assertEquals([MessageType, Diagnostics.Problem], [
          "ViolationResponse",
          Problem,
        ]);
        assert(
          Diagnostics.Message.length <= 1_000,
          "no more than that is quoted",
        );
      }
      assertEquals([raw.closed, await raw.rest()], [undefined, []]);
    }
    await using served = start({ disconnectOnViolation: true });
    const raw = await served.raw();
    assertEquals(await raw.ask("not JSON".padEnd(3_000)), {
      MessageType: "ViolationResponse",
      Diagnostics: {
        Problem: "Invalid JSON.",
        Message: "not JSON".padEnd(1_000),
      },
    });
    await until(() => raw.closed !== undefined, "closed");
    assertEquals(raw.closed, [1008, "protocol violation"]);
    assertEquals([...served.server.clients], []);
  },

  async "two dialects are spoken side by side"() {
    await using served = start();
    const client = await served.client({ dialect: "npm" });
    const spec = new Raw(served.server);
    const npm = new Raw(served.server, { dialect: "npm" });
    const answer = {
      MessageType: "HandshakeResponse",
      Success: true,
      Version: "0.1",
    };
    assertEquals(await spec.ask({ ...HANDSHAKE, Versions: ["9"] }), {
      MessageType: "HandshakeResponse",
      Success: false,
    });
    const connected = () => [...served.server.clients].includes(spec.client);
    assertEquals(connected(), false, "not yet a client");
    assertEquals(await spec.ask(HANDSHAKE), answer);
    assertEquals(connected(), true);
    assertEquals(await npm.ask(HANDSHAKE), {
      ...answer,
      ClientId: npm.client.id,
    });
    for (const raw of [spec, npm]) await raw.ask(openOf("room", ID));
    const feed = client.feed("room", ID);
    feed.desireOpen();
    await feed.opened();
    served.server.feed(room, ID).update("said", {}, { lines: [] });
    assertEquals((await spec.next()).MessageType, "FeedAction");
    assertEquals((await npm.next()).MessageType, "ActionRevelation");
    assertEquals(feed.data(), { lines: [] });
    await client[asyncDispose]();
  },

  async "a client beyond its limits is refused or disconnected"() {
    await using served = start({
      maxOpenFeeds: 2,
      maxPendingActions: 2,
      maxMessage: 200,
    });
    const raw = await served.raw();
    const open = (id: string) => raw.ask(openOf("room", { id }));
    for (const id of ["1", "2"]) assertEquals((await open(id)).Success, true);
    assertEquals((await open("3")).ErrorCode, "TOO_MANY_FEEDS");
    await raw.ask(closeOf("room", ID));
    assertEquals((await open("3")).Success, true);
    for (const id of ["1", "2"]) raw.send(actionOf("hang", {}, id));
    const answer = await raw.ask(actionOf("hang", {}, "3"));
    assertEquals([answer.CallbackId, answer.ErrorCode], [
      "3",
      "TOO_MANY_ACTIONS",
    ]);
    const cut: [message: unknown, closed: unknown][] = [
      ["x".repeat(201), [1009, "message too long"]],
      [new Uint8Array(3), [1003, "text messages only"]],
    ];
    for (const [message, closed] of cut) {
      const raw = await served.raw();
      raw.send(message);
      await until(() => raw.closed !== undefined, "cut off");
      assertEquals([raw.closed, await raw.rest()], [closed, []]);
    }
    assertEquals([...served.server.clients], [raw.client]);
  },

  async "a client that does not shake hands in time is disconnected"() {
    await using served = start({ handshakeTimeout: 30 });
    const shaken = await served.raw();
    const silent = new Raw(served.server);
    silent.send("not JSON");
    await until(() => silent.closed !== undefined, "cut off");
    assertEquals(silent.closed, [1008, "no handshake"]);
    await delay(10);
    assertEquals([shaken.closed, [...served.server.clients]], [undefined, [
      shaken.client,
    ]]);
  },

  async "a client that does not read is disconnected, and others are not held up"() {
    await using served = start({ maxBuffered: 1_000 });
    const [slow, quick] = [await served.raw(), await served.raw()];
    for (const raw of [slow, quick]) await raw.ask(openOf("count"));
    const live = served.server.feed(count);
    slow.socket.bufferedAmount = 900;
    live.update("added", { n: 1 }, { n: 1 });
    assertEquals((await slow.next()).ActionName, "added");
    // The data of what is open may wait beside the limit, but not all this.
    slow.socket.bufferedAmount = 2_000_000;
    live.update("added", { n: 1 }, { n: 2 });
    await until(() => slow.closed !== undefined, "cut off");
    assertEquals(slow.closed, [1013, "reads too slowly"]);
    assertEquals((await quick.rest()).length, 2);
    assertEquals(live.subscribers, 1);
  },

  async "a client is closed by the application, and all of them at the end"() {
    await using served = start();
    const [a, b] = [await served.raw(), await served.raw()];
    const error = assertThrows(() => a.client.close(1001));
    assert(error instanceof RangeError, "1001 is the server's own");
    a.client.close(4001, "signed out");
    await until(() => a.closed !== undefined, "closed");
    assertEquals([a.closed, a.client.signal.aborted], [
      [4001, "signed out"],
      true,
    ]);
    await using client = await served.client();
    const log = clientLog(client);
    assertEquals([...served.server.clients].length, 2);
    await served.server.close();
    assertEquals([b.closed, [...served.server.clients]], [
      [1001, "the server is closing"],
      [],
    ]);
    await until(() => log.length > 0, "told");
    assertEquals(log[0], "disconnect TRANSPORT_FAILURE");
    // A socket that comes later is closed as well.
    const late = new Raw(served.server);
    await until(() => late.closed !== undefined, "closed");
    assertEquals([late.closed, late.client.signal.aborted], [
      [1001, "the server is closing"],
      true,
    ]);
  },
};
