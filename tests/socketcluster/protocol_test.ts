/** The parts without I/O: packets, rules, options, codec, tokens, errors. */
// deno-lint-ignore-file no-explicit-any
import { assert, assertEquals, assertThrows } from "@std/assert";
import { runInNewContext } from "node:vm";
import {
  decodeToken,
  dehydrateError,
  hydrateError,
  InvalidArgumentsError,
  jsonCodec,
} from "../../feed/socketcluster/mod.ts";
import {
  checkClose,
  isAnswer,
  readPacket,
  reconnectDelay,
} from "../../feed/socketcluster/protocol.ts";

Deno.test("protocol - reading a packet", () => {
  const raw = { kind: "raw" };
  const malformed = { kind: "malformed" };
  for (
    const [packet, expected] of [
      [{ event: "a", data: 1 }, { kind: "message", event: "a", data: 1 }],
      [{ event: "a" }, { kind: "message", event: "a", data: undefined }],
      [{ event: "a", cid: "2" }, {
        kind: "message",
        event: "a",
        data: undefined,
      }],
      [{ event: "#other", data: 1 }, {
        kind: "message",
        event: "#other",
        data: 1,
      }],
      [{ event: "a", data: 1, cid: 2 }, {
        kind: "call",
        event: "a",
        data: 1,
        cid: 2,
      }],
      [{ rid: 3, data: 4 }, {
        kind: "answer",
        rid: 3,
        data: 4,
        error: undefined,
      }],
      [{ rid: 3, error: 5 }, {
        kind: "answer",
        rid: 3,
        data: undefined,
        error: 5,
      }],
      [{ event: "#publish", data: { channel: "c", data: 1 } }, {
        kind: "publication",
        channel: "c",
        data: 1,
      }],
      [{ event: "#publish", cid: 2, data: { channel: "c" } }, {
        kind: "call",
        event: "#publish",
        data: { channel: "c" },
        cid: 2,
      }],
      [{ event: "#kickOut", data: { channel: "c", message: 1 } }, {
        kind: "kickOut",
        channel: "c",
        message: 1,
      }],
      [{ event: "#setAuthToken", data: { token: "t" } }, {
        kind: "setAuthToken",
        token: "t",
        cid: undefined,
      }],
      [{ event: "#setAuthToken", cid: 2 }, {
        kind: "setAuthToken",
        token: undefined,
        cid: 2,
      }],
      [{ event: "#removeAuthToken", cid: 2 }, {
        kind: "removeAuthToken",
        cid: 2,
      }],
      [{ event: "#publish" }, malformed],
      [{ event: "#publish", data: null }, malformed],
      [{ event: "#publish", data: "text" }, malformed],
      [{ event: "#publish", data: { channel: 1 } }, malformed],
      [{ event: "#kickOut", data: { channel: 1 } }, malformed],
      [{}, raw],
      [[], raw],
      [null, raw],
      ["text", raw],
      [{ event: 1, rid: "1" }, raw],
    ] as [unknown, object][]
  ) assertEquals<unknown>(readPacket(packet), expected);
});

Deno.test("protocol - answers to a call", () => {
  const answers = (packet: unknown) => isAnswer(packet, 1);
  assert(answers({ rid: 1 }));
  assert(answers({ rid: 1, event: 2 }));
  for (
    const packet of [
      { rid: 2 },
      { rid: "1" },
      { rid: 1, event: "hello" },
      {
        event: "hello",
      },
      {},
      [],
      null,
      undefined,
      "text",
    ]
  ) assertEquals(answers(packet), false);
  assertEquals(isAnswer({}, NaN), false);
});

Deno.test("protocol - when to connect again", () => {
  const delays = {
    initialDelay: 10_000,
    randomness: 10_000,
    multiplier: 1.5,
    maxDelay: 60_000,
  };
  const delay = (
    code: number,
    attempts: number,
    { random = 0.5, own = false, eager = false } = {},
  ) =>
    reconnectDelay(
      { code, own, attempts },
      eager ? "eager" : "compatible",
      delays,
      () => random,
    );
  assertEquals(delay(1006, 0), 15_000);
  assertEquals(delay(1006, 0, { random: 0 }), 10_000);
  assertEquals(delay(1006, 1), 22_500);
  assertEquals(delay(1006, 2), 33_750);
  assertEquals(delay(1006, 2000), 60_000);
  for (const code of [1005, 4000, 4001]) {
    assertEquals(delay(code, 0), 0);
    assertEquals(delay(code, 1), 22_500);
  }
  for (const code of [1000, 4500, 4999]) {
    assertEquals(delay(code, 0), undefined);
    assertEquals(delay(code, 0, { eager: true }), undefined);
  }
  assertEquals(delay(1001, 0), 15_000);
  assertEquals(delay(4444, 0, { own: true }), 15_000);
  assertEquals(delay(4444, 0, { own: true, eager: true }), undefined);
  assertEquals(delay(4444, 0, { eager: true }), 250);
  assertEquals(delay(1006, 3, { eager: true }), 2000);
  assertEquals(delay(1006, 5000, { eager: true }), 30_000);
  // A delay stays a number where the growth is beyond all numbers.
  const none = { ...delays, initialDelay: 0, randomness: 0 };
  const end = { code: 1006, own: false, attempts: 5000 };
  assertEquals(reconnectDelay(end, "compatible", none, () => 0), 0);
});

Deno.test("protocol - 10,000 eager clients do not come back at one moment", () => {
  const buckets = new Array(5).fill(0);
  let seed = 1;
  const random = () => (seed = seed * 48271 % 2147483647) / 2147483647;
  for (let i = 0; i < 10_000; i++) {
    const delay = reconnectDelay(
      { code: 1006, own: false, attempts: 0 },
      "eager",
      { initialDelay: 0, randomness: 0, multiplier: 1, maxDelay: 60_000 },
      random,
    )!;
    buckets[Math.floor(delay / 100)]++;
  }
  for (const count of buckets) assert(count < 3 * 10_000 / 5);
});

Deno.test("protocol - close codes and reasons that a WebSocket refuses", () => {
  for (const code of [1000, 3000, 4999]) checkClose(code, "x".repeat(500));
  for (const code of [0, 999, 1001, 1006, 2999, 5000, 4000.5, NaN, "1000"]) {
    assertThrows(() => checkClose(code, undefined), InvalidArgumentsError);
  }
  for (const reason of [5, null, {}]) {
    assertThrows(
      () => checkClose(1000, reason),
      InvalidArgumentsError,
      "close reason must be a string",
    );
  }
});

Deno.test("codec - frames and malformed frames", () => {
  const { encode, decode } = jsonCodec;
  assertEquals(encode({ event: "a", data: undefined }), '{"event":"a"}');
  assertEquals(encode("#1"), "#1");
  for (const frame of ["", "text", "null", "1", "{bad", " x"]) {
    assertEquals(decode(frame), frame);
  }
  assertEquals(decode(' \n\t\r{"a":1}'), { a: 1 });
  assertEquals(decode(undefined), null);
  const binary = new ArrayBuffer(1);
  assert(decode(binary) === binary);
  assertEquals(
    encode({ date: new Date(0), map: new Map(), nan: NaN }),
    '{"date":"1970-01-01T00:00:00.000Z","map":{},"nan":null}',
  );
});

Deno.test("codec - publications read as JSON.parse reads them", () => {
  const standard = (frame: string) => {
    try {
      return JSON.parse(frame);
    } catch {
      return frame;
    }
  };
  const publish = (channel: string, rest: string) =>
    `{"event":"#publish","data":{"channel":"${channel}","data":${rest}`;
  const channels = ["c", "", "a/b", "ä😀", "__proto__", "\\u0061", '\\"', "\\"];
  const rests = [
    '"hi"}}',
    '{"a":[1,{}],"__proto__":2}}}',
    " null }}",
    "1}} ",
    "1} }",
    '1,"data":2}}',
    '1,"channel":"d"}}',
    '1},"cid":1}',
    '1},"data":{"channel":"e","data":3}}',
    '1},"event":"x","y":{"z":1}}',
    "}}",
    ",1}}",
    "1}",
    '"}}',
    "1}}}",
    "[1}}",
    "",
  ];
  for (const channel of [...channels, "\0", "\n", '"']) {
    for (const rest of rests) {
      const frame = publish(channel, rest);
      assertEquals(jsonCodec.decode(frame), standard(frame), frame);
      // Cut off anywhere, it is no JSON.
      for (let end = 0; end < frame.length; end++) {
        const cut = frame.slice(0, end);
        assertEquals(jsonCodec.decode(cut), standard(cut), cut);
      }
    }
  }
});

Deno.test("codec - binary data is found wherever it is", () => {
  const binary = new Uint8Array([1, 2]).buffer;
  const expected = { base64: true, data: "AQI=" };
  const holder = { toJSON: () => ({ inside: binary }) };
  assertEquals(JSON.parse(jsonCodec.encode(holder)), { inside: expected });
  const wide = Array.from(
    { length: 5000 },
    (_, i) => i === 4999 ? binary : [i],
  );
  assertEquals(JSON.parse(jsonCodec.encode(wide))[4999], expected);
  let deep: unknown = binary;
  for (let i = 0; i < 2000; i++) deep = { deep };
  assert(jsonCodec.encode(deep).includes('"base64":true'));
  const cycle: any = {};
  cycle.self = cycle;
  assertThrows(() => jsonCodec.encode(cycle), TypeError);
  const large = new Uint8Array(1_000_000).fill(65);
  assertEquals(JSON.parse(jsonCodec.encode(large)).data.length, 1_333_336);
});

Deno.test("codec - binary data and dates of another realm", () => {
  const other = runInNewContext(`({
    buffer: new Uint8Array([1, 2]).buffer,
    bytes: new Uint8Array([1, 2]),
    view: new DataView(new Uint8Array([1, 2]).buffer),
    date: new Date(0),
    error: Object.assign(new Error("m"), { n: 1, at: new Date(0) }),
  })`);
  const { buffer, bytes, view, date, error } = other;
  const binary = { base64: true, data: "AQI=" };
  assertEquals(
    JSON.parse(jsonCodec.encode({ list: [buffer, bytes, view], date })),
    { list: [binary, binary, binary], date: "1970-01-01T00:00:00.000Z" },
  );
  assertEquals(JSON.parse(JSON.stringify(dehydrateError(error))), {
    message: "m",
    n: 1,
    at: "1970-01-01T00:00:00.000Z",
  });
  // What only looks like binary data is left alone.
  assertEquals(jsonCodec.encode({ byteLength: 2 }), '{"byteLength":2}');
});

Deno.test("tokens - reading a JWT", () => {
  const part = btoa('{"name":"\u00e4"}');
  const utf8 = btoa(
    String.fromCharCode(...new TextEncoder().encode('{"n":"ä€"}')),
  );
  assertEquals(decodeToken(`h.${utf8}.s`), { n: "ä€" });
  assertEquals(decodeToken(`h.${utf8.replaceAll("=", "")}.s`), { n: "ä€" });
  assert(part);
  assertEquals(decodeToken(`h.${btoa("plain")}.s`), "plain");
  assertEquals(decodeToken("h.%%%.s"), "%%%");
  for (const none of [null, undefined, 5, "", "no dots"]) {
    assertEquals(decodeToken(none), null);
  }
});

Deno.test("errors - there and back", () => {
  const hydrated: any = hydrateError({
    message: "m",
    name: "N",
    code: 42,
    stack: "s",
    toString: 1,
    constructor: 2,
    cause: { a: 1 },
  });
  assert(hydrated instanceof Error);
  assertEquals(
    [hydrated.message, hydrated.name, (hydrated as any).code, hydrated.cause],
    ["m", "N", 42, { a: 1 }],
  );
  assert(hydrated.stack !== "s" && hydrated.constructor === Error);
  assertEquals(hydrateError("text"), "text");
  assertEquals([hydrateError(null), hydrateError(undefined)], [null, null]);
  assertEquals(
    (hydrateError({}) as Error).message,
    "Invalid error message format",
  );
  hydrateError(JSON.parse('{"__proto__":{"polluted":1},"message":"m"}'));
  assertEquals(({} as any).polluted, undefined);

  assertEquals(dehydrateError(new TypeError("x")), { message: "x" });
  assertEquals(dehydrateError(new InvalidArgumentsError("x")), {
    message: "x",
    name: "InvalidArgumentsError",
  });
  const cyclic: any = Object.assign(new Error("c"), { o: { x: 1 } });
  cyclic.self = cyclic;
  cyclic.again = cyclic.o;
  cyclic.list = [cyclic.o, new Date(0)];
  assertEquals(JSON.parse(JSON.stringify(dehydrateError(cyclic))), {
    message: "c",
    o: { x: 1 },
    self: {
      o: { $ref: '$["o"]' },
      self: { $ref: '$["self"]' },
      again: { $ref: '$["o"]' },
      list: [{ $ref: '$["o"]' }, "1970-01-01T00:00:00.000Z"],
    },
    again: { $ref: '$["o"]' },
    list: { $ref: '$["self"]["list"]' },
  });
  assertEquals(dehydrateError(function foo() {}), "[function foo]");
  assertEquals([dehydrateError("s"), dehydrateError(null)], ["s", null]);
});
