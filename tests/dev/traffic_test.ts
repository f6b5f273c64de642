/** What the dev platform shows of requests and messages: decoded, bounded, without secrets. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { decode, MAX_TEXT } from "../../session/dev/traffic/decode.ts";
import {
  type Frame,
  Inspector,
  MAX_FRAMES,
} from "../../session/dev/traffic/inspector.ts";
import { redactPath } from "../../session/dev/traffic/redact.ts";
import {
  MAX_REQUESTS,
  RequestLog,
} from "../../session/dev/traffic/request_log.ts";
import { Traffic } from "../../session/dev/traffic/traffic.ts";
import type { Access } from "../../session/gate.ts";

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoiYWRhIn0.c2lnbmF0dXJlLW9mLXRoaXM";
const json = (value: unknown) => decode(JSON.stringify(value));

Deno.test("dev traffic - Feedme messages are named by feed, action and deltas", () => {
  const action = json({
    MessageType: "FeedAction",
    FeedName: "board",
    FeedArgs: { room: "a", token: "sesame" },
    ActionName: "moved",
    ActionData: {},
    FeedDeltas: Array.from({ length: 30 }, (_, index) => (
      { Operation: "Set", Path: ["notes", index], Value: 1 }
    )),
  });
  assertEquals([action.protocol, action.title, action.about], [
    "feedme",
    "FeedAction moved",
    'board(room: "a", token: "•••")',
  ]);
  assertEquals(action.deltas?.[1], "Set notes.1");
  assertEquals(action.deltas?.at(-1), "and 10 more");
  const failed = json({
    MessageType: "ActionResponse",
    CallbackId: "7",
    Success: false,
    ErrorCode: "BOARD_FULL",
    ErrorData: {},
  });
  assertEquals([failed.title, failed.about], [
    "ActionResponse failed: BOARD_FULL",
    "callback 7",
  ]);
});

Deno.test("dev traffic - SocketCluster packets are named by event, channel and call", () => {
  assertEquals(
    [
      json({ event: "#publish", data: { channel: "chat", data: 1 }, cid: 3 }),
      json({ event: "#subscribe", data: { channel: "chat" }, cid: 4 }),
      json({ event: "#unsubscribe", data: "chat" }),
      json({ rid: 3, data: 1 }),
      json({ rid: 3, error: { name: "E" } }),
      json([{ event: "a" }, { rid: 1 }]),
      decode(""),
      decode("#1"),
    ].map(({ protocol, title, about }) => [protocol, title, about]),
    [
      ["#publish chat", "call 3"],
      ["#subscribe chat", "call 4"],
      ["#unsubscribe chat", undefined],
      ["answer", "answer to call 3"],
      ["error", "answer to call 3"],
      ["a, answer", "batch of 2"],
      ["ping or pong", undefined],
      ["ping", undefined],
    ].map((each) => ["socketcluster", ...each]),
  );
});

Deno.test("dev traffic - no secret is in what is shown of a message or a path", () => {
  for (
    const shown of [
      json({
        MessageType: "Action",
        ActionArgs: { deep: [{ password: "sesame" }] },
      }),
      json({ event: "#authenticate", data: "sesame", cid: 1 }),
      json({ event: "#handshake", data: { authToken: "sesame" }, cid: 1 }),
      json({ anything: `Bearer ${JWT}` }),
      json({ apiKey: ["sesame"], "client-secret": { a: "sesame" } }),
      decode(`not JSON {"token": "sesame", ${JWT}`),
      decode(`{"cookie": "sesame`),
      // Too long to be parsed.
      decode(`{"token":"sesame","more":"${"x".repeat(300_000)}"}`),
    ]
  ) {
    const text = JSON.stringify(shown);
    assert(!text.includes("sesame") && !text.includes("eyJ"), text);
    assertStringIncludes(text, "•••");
  }
  assertEquals(
    redactPath(`/ws/${JWT}/x?room=a&access_token=b&flag&auth=c`),
    "/ws/•••/x?room=a&access_token=•••&flag&auth=•••",
  );
});

Deno.test("dev traffic - hostile messages are shown as text, and cut", () => {
  assertEquals(decode("[".repeat(100_000)).protocol, "text");
  const deep = `{"a":`.repeat(5_000) + "1" + "}".repeat(5_000);
  assertEquals(decode(deep).protocol, "text");
  assertEquals(json({ MessageType: 1, event: null }).protocol, "json");
  const proto = decode('{"__proto__": {"token": "sesame"}}');
  assertEquals(proto.text, '{"__proto__":{"token":"•••"}}');
  assertEquals(json({ a: "x".repeat(10_000) }).text.length, MAX_TEXT);
  const { protocol, text } = decode(new Uint8Array(1000).fill(255));
  assertEquals([protocol, text.slice(0, 5), text.at(-1)], [
    "binary",
    "ff ff",
    "…",
  ]);
});

Deno.test("dev traffic - the inspector keeps nothing until somebody looks, then a bounded number", () => {
  const inspector = new Inspector();
  const frame = {
    request: 1,
    kind: "websocket",
    from: "client",
    time: 1,
  } as const;
  inspector.add("a", frame, "before");
  assertEquals(inspector.frames("a"), []);
  const seen: Frame[] = [];
  const stop = inspector.look("a", (each) => seen.push(each));
  inspector.add("b", frame, "another backend");
  for (let index = 0; index < MAX_FRAMES + 10; index++) {
    inspector.add("a", frame, `é${index}`);
  }
  assertEquals(seen.length, MAX_FRAMES + 10);
  assertEquals(seen[0]!.size, 3);
  const kept = inspector.frames("a");
  assertEquals([kept.length, kept[0]!.text], [MAX_FRAMES, "é10"]);
  // Few long ones are bounded as well.
  for (let index = 0; index < MAX_FRAMES; index++) {
    inspector.add("a", frame, "x".repeat(100_000));
  }
  assertEquals(inspector.frames("a").length, 512 * 1024 / MAX_TEXT);
  stop();
  assertEquals([inspector.looks("a"), inspector.frames("a")], [false, []]);
});

Deno.test("dev traffic - the request log is bounded, and tells of each change", () => {
  const log = new RequestLog();
  const told: (number | undefined)[] = [];
  log.listen(({ status }) => told.push(status));
  for (let index = 0; index < MAX_REQUESTS + 5; index++) {
    const { update } = log.add({
      time: 0,
      backend: "a",
      user: undefined,
      method: "GET",
      path: `/${"x".repeat(2000)}`,
      kind: "http",
    });
    update({ status: index, ms: 1 });
  }
  assertEquals(log.requests.length, MAX_REQUESTS);
  assertEquals(log.requests[0]!.n, 5);
  assertEquals(log.requests[0]!.path.length, 500);
  assertEquals(told.length, MAX_REQUESTS + 5);
});

Deno.test("dev traffic - events are read from the middle of a stream, and nothing is decoded unless somebody looks", () => {
  const traffic = new Traffic();
  const access = { backendId: "a", user: "ada" } as Access;
  const trace = traffic.follow({
    access,
    method: "GET",
    path: "/",
    upgrade: false,
  });
  trace.onAnswer(200, new Headers({ "content-type": "text/event-stream" }));
  const send = (text: string) =>
    trace.onData("backend", new TextEncoder().encode(text));
  send("data: 1\n\ndata: cut");
  const stop = traffic.inspector.look("a", () => {});
  send(' here\n\nevent: progress\ndata: {"done":');
  send("2}\n\n");
  assertEquals(
    traffic.inspector.frames("a").map((
      { title, text, kind },
    ) => [kind, title, text]),
    [["event", "progress", '{"done":2}']],
  );
  stop();
  send("data: 3\n\n");
  assertEquals(traffic.log.requests[0]!.open, undefined);
  trace.onEnd();
  const [request] = traffic.log.requests;
  assertEquals([request!.kind, request!.status, request!.user], [
    "events",
    200,
    "ada",
  ]);
  assert(request!.open! >= 0);
});
