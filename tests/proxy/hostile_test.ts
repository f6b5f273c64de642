/**
 * Requests that mean harm, each sent twice: as a plain request and as a WebSocket
 * upgrade.
 */
import { assert, assertEquals } from "@std/assert";
import type { SessionProxyOptions } from "../../session/edge/proxy.ts";
import { HTTPError } from "../../types.ts";
import { HANDSHAKE, open, raw, type RawAnswer, startEdge } from "./support.ts";

function start(options: Partial<SessionProxyOptions> = {}) {
  const test = startEdge(options);
  return {
    ...test,
    /** Both forms of a request for a path of the backend. */
    async both(
      path: string,
      headers: string[] = [],
    ): Promise<[plain: RawAnswer, upgrade: RawAnswer]> {
      const target = `/sessions/doc/backend/${path}`;
      return [
        await raw(test.edge, target, headers),
        await raw(test.edge, target, [...HANDSHAKE, ...headers]),
      ];
    },
  };
}

Deno.test("hostile - a path never changes the host or the prefix", async () => {
  await using test = start();
  for (
    const path of [
      "%2e%2e/x",
      "%2e%2e%2fx",
      "a/%2e%2e/%2e%2e/x",
      "..%2fx",
      "..%2Fx",
      "%252e%252e%252fx",
      "..%252fx",
      "\\evil.example",
      "..\\x",
      "..%5cx",
      "/evil.example/x",
      "//evil.example/x",
      "%2fevil.example",
      "/http://evil.example/",
      "..;/x",
      "a%00b",
      "a%0d%0ax:y",
      "%c0%ae%c0%ae/x",
    ]
  ) {
    for (const { status, body } of await test.both(path)) {
      assertEquals(status, 400, path);
      assertEquals(body.includes("TOKEN"), false);
    }
  }
  // With dots as they are, they lead out of the route before it is asked.
  for (const path of ["../x", "../../x", "a/../../../x"]) {
    for (const { status } of await test.both(path)) {
      assert(status === 400 || status === 404, path);
    }
  }
  for (
    const target of [
      "/sessions/../backend/x",
      "/sessions/%2e%2e/backend/x",
      "/sessions/./backend/x",
    ]
  ) {
    const { status } = await raw(test.edge, target);
    assert(status === 400 || status === 404, target);
  }
  assertEquals(test.backend.seen, [], "the backend heard of none of it");
});

Deno.test("hostile - a request that names another host in its target still reaches the backend", async () => {
  await using test = start();
  const { status } = await raw(
    test.edge,
    "http://evil.example/sessions/doc/backend/x",
  );
  assertEquals(status, 200);
  assertEquals(test.backend.seen.length, 1);
});

Deno.test("hostile - only the platform sets x-verified-* and the claims about a request's origin", async () => {
  await using test = start({
    headers: () => ({
      "x-verified-username": "ours",
      "x-edge-says": "ours",
    }),
  });
  const spoofed = [
    "x_edge_says: mallory",
    "X-Edge_Says: mallory",
    "Proxy: http://evil.example",
    "Remote_User: mallory",
    "X-Remote-User: mallory",
    "X-Original-Host: evil.example",
    "Fly-Client-IP: 10.0.0.1",
    "X-Azure-ClientIP: 10.0.0.1",
    "X-Vercel-Forwarded-For: 10.0.0.1",
    "X-AppEngine-User-IP: 10.0.0.1",
    "X-Envoy-External-Address: 10.0.0.1",
    "X-Verified-Username: mallory",
    "x-VERIFIED-username: mallory",
    "X-Verified-User-Data: {}",
    "x_verified_username: mallory",
    "X-Verified-Secret: guess",
    "Forwarded: for=10.0.0.1",
    "X-Forwarded-For: 10.0.0.1",
    "X-Forwarded-Host: evil.example",
    "X-Real-IP: 10.0.0.1",
    "X-Original-URL: /admin",
  ];
  await test.both("x", spoofed);
  assertEquals(test.backend.seen.length, 2);
  for (const { headers } of test.backend.seen) {
    assertEquals(
      headers.filter(([name, value]) =>
        /verified|forwarded|real|original|says/.test(name) ||
        /mallory|evil|10\.0/.test(value)
      ).sort(),
      [["x-edge-says", "ours"], ["x-verified-username", "ours"]],
    );
  }
  await using bare = start();
  await bare.both("x", spoofed);
  for (const { headers } of bare.backend.seen) {
    assertEquals(headers.filter(([name]) => name.includes("verified")), []);
  }
});

Deno.test("hostile - Connection removes nothing that is injected, and hops stay hops", async () => {
  await using test = start({
    authorization: true,
    headers: () => ({
      "x-verified-username": "ours",
      authorization: "Bearer ours",
    }),
  });
  const headers = [
    "TE: trailers",
    "Keep-Alive: timeout=5",
    "Proxy-Authorization: Basic eA==",
    "Proxy-Connection: keep-alive",
    "Trailer: x-y",
    "X-Hop: 1",
  ];
  await raw(test.edge, "/sessions/doc/backend/x", [
    ...headers,
    "Connection: x-hop, x-verified-username, authorization",
  ]);
  await raw(test.edge, "/sessions/doc/backend/x", [
    ...HANDSHAKE.filter((line) => !line.startsWith("connection")),
    ...headers,
    "Connection: upgrade, x-hop, x-verified-username, authorization",
  ]);
  assertEquals(test.backend.seen.length, 2);
  for (const seen of test.backend.seen) {
    const crossed = Object.fromEntries(seen.headers);
    assertEquals(crossed["x-verified-username"], "ours");
    assertEquals(crossed["authorization"], "Bearer ours");
    assertEquals(
      Object.keys(crossed).filter((name) =>
        /^(te|keep-alive|proxy-.*|trailer|x-hop)$/.test(name)
      ),
      [],
    );
  }
});

Deno.test("hostile - the backend's hop-by-hop and origin-wide headers stay behind", async () => {
  await using test = start();
  const set = encodeURIComponent(JSON.stringify({
    connection: "x-foo",
    "x-foo": "1",
    "keep-alive": "timeout=5",
    "proxy-authenticate": "Basic",
    "strict-transport-security": "max-age=1",
    "clear-site-data": '"cookies"',
    "access-control-allow-origin": "*",
    "set-cookie": "edge=stolen; Path=/",
    "cache-control": "public, max-age=600",
    "x-path": "/TOKEN/",
    refresh: "0; url=https://evil.example/",
    "x-kept": "1",
  }));
  const { status, head } = await raw(
    test.edge,
    `/sessions/doc/backend/headers?set=${set}`,
  );
  assertEquals(status, 200);
  const lines = head.split("\r\n").slice(1)
    .filter((line) => !line.startsWith("date") && !line.startsWith("vary"))
    .filter((line) => !/^(content-length|transfer-encoding)/.test(line)).sort();
  assertEquals(lines, [
    "cache-control: no-store",
    "content-type: text/plain;charset=utf-8",
    "x-kept: 1",
  ]);
});

Deno.test("hostile - a page of another origin opens no socket and changes nothing", async () => {
  await using test = start({
    origins: ["https://app.example.com", "https://*.team.example"],
  });
  const own = test.edge.origin;
  for (
    const origin of [
      "https://evil.example",
      "null",
      "https://app.example.com.evil",
      "https://evilapp.example.com",
      "http://app.example.com",
      "https://app.example.com:444",
      "https://team.example",
      `${own}.evil.example`,
      `${own}0`,
      "https://app.example.com, https://evil.example",
      "",
    ]
  ) {
    const headers = [`origin: ${origin}`];
    const upgrade = await raw(test.edge, "/sessions/doc/backend/ws", [
      ...HANDSHAKE,
      ...headers,
    ]);
    assertEquals(upgrade.status, 403, origin);
    for (
      const [method, path] of [
        ["POST", "/sessions/doc/connect"],
        ["POST", "/sessions/doc/backend/x"],
        ["DELETE", "/sessions/doc/backend/x"],
      ] as const
    ) {
      const answer = await raw(test.edge, path, headers, method);
      assertEquals(answer.status, 403, `${method} ${origin}`);
      assertEquals(answer.head.includes("access-control"), false);
    }
  }
  assertEquals(test.backend.seen, [], "nothing was dialled");
  assertEquals(test.engine.requests, [], "nothing was spawned");
  for (
    const origin of [own, "https://app.example.com", "https://x.team.example"]
  ) {
    const { status } = await raw(test.edge, "/sessions/doc/backend/ws", [
      ...HANDSHAKE,
      `origin: ${origin}`,
    ]);
    assertEquals(status, 101, origin);
  }
});

Deno.test("hostile - an upgrade that Connection does not name is never dialled", async () => {
  await using test = start();
  for (const connection of ["keep-alive", "x-upgrade", undefined]) {
    const { status } = await raw(test.edge, "/sessions/doc/backend/x", [
      ...HANDSHAKE.filter((line) => !/^connection:/i.test(line)),
      ...(connection ? [`connection: ${connection}`] : []),
    ]);
    assertEquals(status, 400);
  }
  assertEquals(test.backend.seen, []);
});

Deno.test("hostile - requests without an Origin pass unless an option forbids it", async () => {
  await using lenient = start();
  assertEquals(
    (await raw(lenient.edge, "/sessions/doc/backend/ws", [...HANDSHAKE]))
      .status,
    101,
  );
  await using strict = start({ missingOrigin: "refuse" });
  const [plain, upgrade] = await strict.both("ws");
  assertEquals([plain.status, upgrade.status], [200, 403]);
});

Deno.test("CORS - credentials never with *, Vary where it matters, preflights by the list", async () => {
  await using test = start({ origins: ["https://app.example"] });
  const ask = (origin: string, headers: string[] = [], method = "GET") =>
    raw(
      test.edge,
      "/sessions/doc/backend/headers?set=" +
        encodeURIComponent('{"access-control-allow-origin":"*"}'),
      [`origin: ${origin}`, ...headers],
      method,
    );
  const cors = ({ head }: RawAnswer) =>
    head.split("\r\n").filter((line) => /^(access-control|vary)/.test(line))
      .map((line) => line.replace(/, accept-encoding/, "")).sort();
  const allowed = [
    "access-control-allow-credentials: true",
    "access-control-allow-origin: https://app.example",
  ];
  assertEquals(cors(await ask("https://app.example")), [
    ...allowed,
    "vary: origin",
  ]);
  assertEquals(cors(await ask("https://evil.example")), ["vary: origin"]);
  const seen = test.backend.seen.length;
  const preflight = [
    "access-control-request-method: PUT",
    "access-control-request-headers: x-a",
  ];
  const yes = await ask("https://app.example", preflight, "OPTIONS");
  assertEquals(yes.status, 204);
  assertEquals(cors(yes), [
    "access-control-allow-credentials: true",
    "access-control-allow-headers: x-a",
    "access-control-allow-methods: put",
    "access-control-allow-origin: https://app.example",
    "access-control-max-age: 600",
    "vary: origin",
  ]);
  const no = await ask("https://evil.example", preflight, "OPTIONS");
  assertEquals([no.status, cors(no)], [403, ["vary: origin"]]);
  assertEquals(test.backend.seen.length, seen, "preflights go no further");
});

Deno.test("hostile - no token in any answer, error or report", async () => {
  await using test = start({ cookies: true });
  const texts: string[] = [];
  const keep = async (response: Response) => {
    texts.push(JSON.stringify([...response.headers]), await response.text());
  };
  const at = (path: string) => `${test.edge.origin}/sessions/doc${path}`;
  const set = encodeURIComponent(
    '{"x-a":"TOKEN","content-location":"/TOKEN/x","link":"</TOKEN/>","set-cookie":"a=TOKEN"}',
  );
  test.engine.states.push({ status: "terminated", time: "t" });
  for (const secret of [null, "SECRET-sauce"]) {
    test.engine.secret = secret;
    await keep(await fetch(at("/connect"), { method: "POST" }));
    await keep(await fetch(at("/status")));
    await keep(await fetch(at("/status/stream")));
    await keep(await fetch(at(`/backend/headers?set=${set}`)));
    for (const to of ["/TOKEN/a", "/x?TOKEN", "https://x.example/TOKEN"]) {
      await keep(
        await fetch(at(`/backend/redirect?to=${encodeURIComponent(to)}`), {
          redirect: "manual",
        }),
      );
    }
    for (const status of [410, 502]) {
      test.backend.fail.push(status, status);
      await keep(await fetch(at("/backend/x")));
      test.backend.fail.push(status);
      await keep(await fetch(at("/backend/x"), { method: "POST", body: "x" }));
    }
    test.engine.answers.push(new HTTPError(500, "no"));
    await keep(await fetch(at("/connect"), { method: "POST" }));
  }
  const { head } = await raw(test.edge, "/sessions/doc/backend/ws", [
    ...HANDSHAKE,
    "sec-websocket-protocol: a",
  ]);
  texts.push(head);
  for (const error of test.errors) {
    texts.push(String(error), JSON.stringify(error), Deno.inspect(error));
  }
  assert(texts.length > 30);
  for (const text of texts) {
    assertEquals(/TOKEN-|token-|secret-sauce|sauce/i.test(text), false, text);
  }
});

Deno.test("hostile - names from outside are data", async () => {
  const names: string[] = [];
  await using test = start({
    authorize: (_c, name) => {
      names.push(name);
      return { anonymous: true };
    },
  });
  for (
    const name of [
      "__proto__",
      "constructor",
      "toString",
      "hasOwnProperty",
      "backend",
      "a%2Fb%2F..%2Fc",
      "%25252e",
    ]
  ) {
    const answer = await raw(
      test.edge,
      `/sessions/${name}/connect`,
      [],
      "POST",
    );
    assertEquals(answer.status, 200, name);
    const { status } = await raw(
      test.edge,
      `/sessions/${name}/backend/status?code=204`,
    );
    assertEquals(status, 204, name);
  }
  assertEquals(test.engine.requests.map(({ key }) => key), [
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "backend",
    "a/b/../c",
    "%252e",
  ]);
  assertEquals(Object.keys(Object.prototype), []);
});

Deno.test("hostile - methods that name a connection are not passed on", async () => {
  await using test = start();
  const { status } = await raw(
    test.edge,
    "/sessions/doc/backend/x",
    [],
    "TRACE",
  );
  assert(status === 405 || status === 404 || status === 501, String(status));
  assertEquals(test.backend.seen, []);
});

Deno.test("hostile - two users share no response, not in a cache either", async () => {
  await using test = start({
    authorize: (c) => ({ user: c.req.header("x-user")! }),
  });
  for (const user of ["ada", "bob"]) {
    const headers = { "x-user": user };
    const response = await fetch(
      `${test.edge.origin}/sessions/doc/backend/x`,
      { headers },
    );
    assertEquals(response.headers.get("cache-control"), "no-store");
    await response.body?.cancel();
    await using client = await open(
      `${test.edge.origin}/sessions/doc/backend/ws`,
      [],
      headers,
    );
    client.socket.send(user);
    assertEquals(await client.next(), user);
  }
  const tokens = test.backend.seen.map(({ url }) => url.split("/")[1]);
  assertEquals(tokens.map((token) => tokens.indexOf(token)), [0, 0, 2, 2]);
});
