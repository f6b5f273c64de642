import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runInNewContext } from "node:vm";
import { HTTPException } from "@hono/hono/http-exception";
import { type ProxyError, sessionProxy } from "@feedline/feedline/proxy";
import { readDecision } from "../../session/edge/grants.ts";
import { ScriptedEngine, startBackend } from "./support.ts";

/** A class with the shape of `Response` that is no relation of it, as undici's. */
class ForeignResponse {
  readonly status: number;
  readonly statusText = "";
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;

  constructor(text: string, status: number) {
    const own = new Response(text, { status, headers: { "x-auth": "login" } });
    this.status = status;
    this.headers = own.headers;
    this.body = own.body;
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    throw new Error("unused");
  }
}

/** What an application may return by mistake, and the error it gets. */
const NO_GRANTS: [value: unknown, fault: RegExp][] = [
  [true, /got a boolean$/],
  ["ada", /got a string$/],
  ["", /got an empty string$/],
  [0, /got a number$/],
  [() => ({ user: "ada" }), /got a function$/],
  [[], /got an object \(Array\)$/],
  [[{ user: "ada" }], /got an object \(Array\)$/],
  [new Error("no"), /got an object \(Error\)$/],
  [new HTTPException(401), /got an object \(Error\)$/],
  [new Map([["user", "ada"]]), /got an object \(Map\)$/],
  [new Headers(), /got an object \(Headers\)$/],
  [
    new (class Grant {
      user = "ada";
    })(),
    /got an object \(Object\)$/,
  ],
  [runInNewContext("[]"), /got an object \(Array\)$/],
  [runInNewContext("new Error('no')"), /got an object \(Error\)$/],
  [Response.error(), /got a Response that cannot be sent/],
  [{}, /needs user; \{ anonymous: true \} lets a request in without one$/],
  [{ anonymous: false }, /needs user/],
  [{ anonymous: 1 }, /anonymous must not be a number$/],
  [{ anonymous: true, user: "ada" }, /not both$/],
  [{ user: undefined }, /user must not be undefined$/],
  [{ user: null }, /user must not be null$/],
  [{ user: "" }, /user must not be an empty string$/],
  [{ user: 7 }, /user must not be a number$/],
  [{ user: "ada", key: undefined }, /key must not be undefined$/],
  [{ user: "ada", key: null }, /key must not be null$/],
  [{ user: "ada", key: "" }, /key must not be an empty string$/],
  [{ user: "ada", auth: null }, /auth must not be null$/],
  [{ user: "ada", auth: [] }, /auth must not be an object \(Array\)$/],
  [{ user: "ada", spawn: "no" }, /spawn must not be a string$/],
  [{ user: "ada", allowed: false }, /no field "allowed"$/],
  [{ error: "no" }, /no field "error"$/],
  [{ status: 401 }, /no field "status"$/],
  [{ success: false, error: {} }, /no field "success"$/],
  [JSON.parse('{"user":"ada","__proto__":{}}'), /no field "__proto__"$/],
  [Object.create({ user: "ada" }), /got an object \(Object\)$/],
];

Deno.test("readDecision - only a clear grant lets a request in", () => {
  const granted = (grant: unknown) => ({ kind: "granted", grant });
  for (
    const grant of [
      { user: "ada" },
      { user: "ada", key: "room-1", auth: { role: "x" }, spawn: false },
      { user: "ada", auth: undefined, spawn: undefined, anonymous: false },
      { anonymous: true },
      { anonymous: true, key: "lobby", spawn: { max_idle_seconds: 9 } },
    ]
  ) {
    assertEquals(readDecision(grant), granted(grant) as never);
    // A grant from another realm, or without a prototype, is as good.
    const foreign = runInNewContext(`(${JSON.stringify(grant)})`);
    assertEquals(
      JSON.stringify(readDecision(foreign)),
      JSON.stringify(granted(grant)),
    );
    assertEquals(
      readDecision(Object.assign(Object.create(null), grant)),
      granted(grant) as never,
    );
  }
  for (const refusal of [null, undefined, false]) {
    assertEquals(readDecision(refusal), { kind: "refused" });
  }
});

Deno.test("readDecision - names the mistake and shows no value", () => {
  for (const [value, fault] of NO_GRANTS) {
    let thrown: unknown;
    try {
      readDecision(value);
    } catch (error) {
      thrown = error;
    }
    const { status, cause } = thrown as ProxyError;
    assertEquals(status, 500);
    assertMatch((cause as Error).message, fault);
  }
});

Deno.test("authorize - whatever is not a clear grant reaches neither the platform nor the backend", async () => {
  await using backend = startBackend();
  const engine = new ScriptedEngine(backend);
  let returned: unknown;
  const reported: Error[] = [];
  const app = sessionProxy({
    engine,
    authorize: () => returned as never,
    onError: (error) => void reported.push(error),
  });
  for (const [value, fault] of NO_GRANTS) {
    returned = value;
    const response = await app.request("/doc/backend/secret");
    assertEquals(response.status, 500);
    assertEquals(await response.json(), {
      error: {
        message: "the application failed to authorize this request",
        code: "500",
      },
    });
    assertMatch((reported.at(-1)!.cause as Error).message, fault);
  }
  assertEquals(reported.length, NO_GRANTS.length);
  assertEquals(engine.requests, []);
  assertEquals(backend.seen, []);
});

Deno.test("authorize - a Response of any class is the answer", async () => {
  await using backend = startBackend();
  const engine = new ScriptedEngine(backend);
  let returned: () => unknown;
  const app = sessionProxy({ engine, authorize: () => returned() as never });
  const refusals: Record<string, () => unknown> = {
    own: () => new Response("sign in", { status: 401 }),
    clone: () => new Response("sign in", { status: 401 }).clone(),
    foreign: () => new ForeignResponse("sign in", 401),
  };
  for (const [name, refusal] of Object.entries(refusals)) {
    returned = refusal;
    const response = await app.request("/doc/backend/secret");
    assertEquals([name, response.status], [name, 401]);
    assertStringIncludes(await response.text(), "sign in");
  }
  returned = () =>
    new Response(null, {
      status: 302,
      headers: [["location", "/login"], ["set-cookie", "a=1"], [
        "set-cookie",
        "b=2",
      ]],
    });
  const redirect = await app.request("/doc/backend/secret");
  assertEquals(redirect.status, 302);
  assertEquals(redirect.headers.get("location"), "/login");
  assertEquals(redirect.headers.getSetCookie(), ["a=1", "b=2"]);
  assertEquals(engine.requests, []);
  assertEquals(backend.seen, []);
});
