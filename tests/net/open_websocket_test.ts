/** One WebSocket from the dial to the close, with a socket that the test plays. */
import { assertEquals, assertThrows } from "@std/assert";
import { delay } from "@std/async";
import { FakeTime } from "@std/testing/time";
import { type OpenOptions, openWebSocket } from "../../net/dial.ts";

/** What platforms fire, as far as it is read. */
type Fired = {
  data?: unknown;
  code?: number | undefined;
  reason?: string;
  message?: unknown;
};

class Played {
  readyState = 0;
  binaryType = "blob";
  onopen: (() => void) | null = null;
  onmessage: ((event: Fired) => void) | null = null;
  onerror: ((event: Fired) => void) | null = null;
  onclose: ((event: Fired) => void) | null = null;
  readonly closes: unknown[][] = [];

  close(...args: unknown[]): void {
    this.closes.push(args);
  }
}

function start(options: OpenOptions = {}, url = "ws://x") {
  const socket = new Played();
  const log: string[] = [];
  const opened = openWebSocket(url, {
    create: () => socket as unknown as WebSocket,
    ...options,
  }, {
    opened: () => log.push("opened"),
    message: (data) => log.push(`message ${data}`),
    closed: (code, reason) => log.push(`closed ${code} ${reason}`),
    failed: (error) => log.push(`failed ${error.name}: ${error.message}`),
  });
  let ended = false;
  opened.ended.then(() => ended = true);
  return { socket, opened, log, ended: () => delay(0).then(() => ended) };
}

const UNOPENED = "failed Error: WebSocket closed before it opened";

Deno.test("openWebSocket: opens, receives messages, and closes once", async () => {
  const { socket, log, ended } = start();
  socket.onopen!();
  socket.onmessage!({ data: "one" });
  // An error of an open socket is followed by a close.
  socket.onerror!({});
  assertEquals(await ended(), false);
  socket.onclose!({ code: 4001, reason: "bye" });
  socket.onclose!({ code: 4001, reason: "bye" });
  assertEquals(log, ["opened", "message one", "closed 4001 bye"]);
  assertEquals(await ended(), true);
  assertEquals(socket.binaryType, "arraybuffer");
});

Deno.test("openWebSocket: a close without a code of its own gets one", () => {
  for (const [code, expected] of [[0, 1006], [undefined, 1005]] as const) {
    const { socket, log } = start();
    socket.onopen!();
    socket.onclose!({ code, reason: "" });
    assertEquals(log[1], `closed ${expected} `);
  }
});

Deno.test("openWebSocket: fails once, with an error, a close, or both", async () => {
  for (const events of [["error"], ["close"], ["error", "close"]]) {
    const { socket, log, ended } = start();
    for (const event of events) {
      if (event === "error") socket.onerror!({});
      else socket.onclose!({ code: 1006, reason: "" });
    }
    assertEquals(log, [UNOPENED]);
    assertEquals(await ended(), true);
  }
});

Deno.test("openWebSocket: the error quotes the runtime's message, but no address", () => {
  const url = "ws://user:SECRET@x:1/rooms/a'SECRET?token=SECRET";
  for (
    const [message, quoted] of [
      [
        "NetworkError: failed to connect to WebSocket: tcp connect error",
        ": NetworkError: failed to connect to WebSocket: tcp connect error",
      ],
      [
        `WebSocket connection to '${url}' failed`,
        ": WebSocket connection to '…' failed",
      ],
      ["no answer to GET /rooms/a'SECRET?token=SECRET", ": no answer to GET …"],
      ["see https://y/SECRET, twice", ": see … twice"],
      ["x".repeat(1_000), `: ${"x".repeat(200)}`],
      ["", ""],
      [undefined, ""],
      [{ SECRET: 1 }, ""],
    ] as const
  ) {
    const { socket, log } = start({}, url);
    socket.onerror!({ message });
    assertEquals(log, [UNOPENED + quoted]);
  }
});

Deno.test("openWebSocket: after close() no handler is called, and nothing stays open", async () => {
  const early = start();
  early.opened.close(1000, "enough");
  // Some platforms take no close before a socket has opened.
  early.socket.onopen!();
  early.socket.onmessage?.({ data: "late" });
  early.socket.onclose!({ code: 1000, reason: "" });
  assertEquals(early.log, []);
  assertEquals(early.socket.closes, [[1000, "enough"], []]);
  assertEquals(await early.ended(), true);

  const late = start();
  late.socket.onopen!();
  late.opened.close(4000);
  late.socket.onmessage?.({ data: "late" });
  late.socket.onerror!({});
  assertEquals(await late.ended(), false);
  late.socket.onclose!({ code: 1006, reason: "" });
  assertEquals(late.log, ["opened"]);
  assertEquals(await late.ended(), true);
});

Deno.test("openWebSocket: a dial that takes too long fails, an open socket does not", () => {
  using time = new FakeTime();
  const slow = start({ timeout: 50 });
  const quick = start({ timeout: 50 });
  const patient = start({ timeout: Infinity });
  quick.socket.onopen!();
  time.tick(49);
  assertEquals(slow.log, []);
  time.tick(1e6);
  assertEquals([slow.log, quick.log, patient.log], [
    ["failed TimeoutError: WebSocket did not open within 50 ms"],
    ["opened"],
    [],
  ]);
  for (const timeout of [NaN, -1]) {
    assertThrows(() => start({ timeout }), RangeError, "timeout");
  }
});
