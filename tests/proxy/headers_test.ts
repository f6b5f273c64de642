import { assertEquals } from "@std/assert";
import {
  offeredProtocols,
  requestHeaders,
  responseHeaders,
  upgradeHeaders,
} from "../../session/pass/headers.ts";

function list(headers: Headers): Record<string, string> {
  return Object.fromEntries(headers);
}

Deno.test("requestHeaders - drops headers that only the platform may set, in any spelling", () => {
  const result = requestHeaders(
    new Headers([
      ["X-Verified-Username", "mallory"],
      ["x-VERIFIED-user-data", "{}"],
      ["X_Verified_Username", "mallory"],
      ["x-verified-anything-new", "1"],
      ["accept", "text/html"],
    ]),
  );
  assertEquals(list(result), { accept: "text/html" });
});

Deno.test("requestHeaders - drops claims about where the request came from", () => {
  const claims = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x_forwarded_for",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
    "x-original-url",
    "x-rewrite-url",
    "host",
  ];
  const result = requestHeaders(
    new Headers([
      ...claims.map((name): [string, string] => [name, "10.0.0.1"]),
      [
        "x-app",
        "kept",
      ],
    ]),
  );
  assertEquals(list(result), { "x-app": "kept" });
});

Deno.test("requestHeaders - a range of a body is requested uncompressed", () => {
  const ranged = { range: "bytes=0-1", "accept-encoding": "gzip" };
  assertEquals(list(requestHeaders(new Headers(ranged))), {
    range: "bytes=0-1",
    "accept-encoding": "identity",
  });
});

Deno.test("requestHeaders - drops hop-by-hop headers and those that Connection names", () => {
  const result = requestHeaders(
    new Headers({
      connection: "close, X-Hop , x-verified-username",
      "x-hop": "1",
      "keep-alive": "timeout=5",
      "proxy-authorization": "Basic eA==",
      "proxy-connection": "close",
      te: "trailers",
      trailer: "x",
      "transfer-encoding": "chunked",
      upgrade: "h2c",
      expect: "100-continue",
      "http2-settings": "AAMAAABk",
      "x-kept": "1",
    }),
  );
  assertEquals(list(result), { "x-kept": "1" });
});

Deno.test("requestHeaders - Connection cannot remove headers that the edge sets", () => {
  const result = requestHeaders(
    new Headers({
      connection: "upgrade, x-verified-username, authorization",
      "x-verified-username": "mallory",
      authorization: "Bearer theirs",
    }),
    {
      authorization: true,
      set: {
        "x-verified-username": "ada",
        authorization: "Bearer ours",
        "x-absent": undefined,
      },
    },
  );
  assertEquals(list(result), {
    "x-verified-username": "ada",
    authorization: "Bearer ours",
  });
});

Deno.test("requestHeaders - cookies and Authorization cross by option only", () => {
  const headers = new Headers({
    cookie: "edge=secret; theme=dark;pref = x=y",
    authorization: "Bearer edge",
  });
  assertEquals(list(requestHeaders(headers)), {});
  assertEquals(
    list(requestHeaders(headers, { cookies: true, authorization: true })),
    {
      cookie: "edge=secret; theme=dark;pref = x=y",
      authorization: "Bearer edge",
    },
  );
  assertEquals(
    list(requestHeaders(headers, { cookies: ["theme", "pref"] })),
    { cookie: "theme=dark; pref = x=y" },
  );
  assertEquals(list(requestHeaders(headers, { cookies: ["other"] })), {});
});

Deno.test("upgradeHeaders - leaves the handshake to the dial", () => {
  assertEquals(
    upgradeHeaders(
      new Headers({
        upgrade: "websocket",
        connection: "Upgrade",
        "sec-websocket-key": "x",
        "sec-websocket-version": "13",
        "sec-websocket-extensions": "permessage-deflate",
        "sec-websocket-protocol": "chat",
        "x-forwarded-for": "10.0.0.1",
        "x-verified-username": "mallory",
        origin: "https://app.example",
        "user-agent": "test",
      }),
      { set: { "x-verified-username": "ada" } },
    ),
    {
      origin: "https://app.example",
      "user-agent": "test",
      "x-verified-username": "ada",
    },
  );
});

Deno.test("headers - names of Object.prototype are plain names", () => {
  const odd = new Headers({ constructor: "a", "__proto__x": "b" });
  odd.set("toString", "c");
  assertEquals(upgradeHeaders(odd), {
    constructor: "a",
    "__proto__x": "b",
    tostring: "c",
  });
  assertEquals(
    ({} as Record<string, unknown>)["polluted"],
    undefined,
  );
});

Deno.test("responseHeaders - drops headers of the connection and of the whole origin", () => {
  const result = responseHeaders(
    new Headers({
      connection: "x-foo",
      "x-foo": "1",
      "keep-alive": "timeout=5",
      "proxy-authenticate": "Basic",
      trailer: "x",
      upgrade: "h2c",
      "strict-transport-security": "max-age=1",
      "clear-site-data": '"*"',
      "service-worker-allowed": "/",
      "alt-svc": "h3",
      "content-type": "text/plain",
      etag: '"1"',
    }),
  );
  assertEquals(list(result), {
    "cache-control": "no-store",
    "content-type": "text/plain",
    etag: '"1"',
  });
});

Deno.test("responseHeaders - a decoded body has another length", () => {
  const headers = { "content-length": "10", "content-type": "text/plain" };
  assertEquals(
    list(responseHeaders(new Headers(headers)))["content-length"],
    "10",
  );
  const encoded = new Headers({ ...headers, "content-encoding": "gzip" });
  assertEquals(list(responseHeaders(encoded, {}, true)), {
    "cache-control": "no-store",
    "content-type": "text/plain",
  });
  assertEquals(list(responseHeaders(encoded)), {
    ...list(encoded),
    "cache-control": "no-store",
  });
});

Deno.test("requestHeaders - drops twins of headers that the edge sets, in any spelling", () => {
  const result = requestHeaders(
    new Headers({
      "x_edge_says": "guessed",
      "x-edge_says": "guessed",
      "x-edge-says": "guessed",
      "x-edge": "1",
    }),
    { set: { "X-Edge-Says": "ours", "x-edge": undefined } },
  );
  assertEquals(list(result), { "x-edge": "1", "x-edge-says": "ours" });
});

Deno.test("requestHeaders - drops claims of identity and location, on any platform", () => {
  for (
    const name of [
      "Proxy",
      "Fly-Client-IP",
      "X-Azure-ClientIP",
      "X-Azure-SocketIP",
      "X-Vercel-Forwarded-For",
      "X-Vercel-IP-Country",
      "X-AppEngine-User-IP",
      "X-Envoy-External-Address",
      "X-MS-Client-Principal",
      "X-MS-Client-Principal-Name",
      "X-Goog-IAP-JWT-Assertion",
      "X-Remote-User",
      "X_Remote_User",
      "Remote-User",
      "X-Original-Host",
      "X-Original-Forwarded-For",
      "X-Host",
    ]
  ) {
    assertEquals(list(requestHeaders(new Headers({ [name]: "x" }))), {}, name);
  }
});

Deno.test("responseHeaders - drops orders to servers and caches before the edge", () => {
  for (
    const name of [
      "X-Accel-Redirect",
      "X-Accel-Limit-Rate",
      "X-Sendfile",
      "X-Lighttpd-Send-File",
      "X-Reproxy-URL",
      "Use-As-Dictionary",
      "Secure-Session-Registration",
      "Sec-Session-Registration",
      "CDN-Cache-Control",
      "Netlify-CDN-Cache-Control",
      "Surrogate-Control",
      "Cache-Tag",
    ]
  ) {
    for (const cache of [false, true]) {
      assertEquals(
        list(responseHeaders(new Headers({ [name]: "x" }), { cache })),
        { "cache-control": "no-store" },
        name,
      );
    }
  }
});

Deno.test("responseHeaders - no cache shared by users may keep an answer", () => {
  const headers = new Headers({
    "cache-control": "public, max-age=60, s-maxage=600, immutable",
    "cdn-cache-control": "max-age=600",
    expires: "Thu, 01 Jan 2099 00:00:00 GMT",
  });
  assertEquals(list(responseHeaders(headers)), { "cache-control": "no-store" });
  assertEquals(
    responseHeaders(headers, { cache: true }).get("cache-control"),
    "private, max-age=60, immutable",
  );
  assertEquals(
    responseHeaders(new Headers(), { cache: true }).get("cache-control"),
    "no-store",
  );
});

Deno.test("responseHeaders - the backend's CORS headers cross by option only", () => {
  const headers = new Headers({
    "access-control-allow-origin": "*",
    "access-control-allow-credentials": "true",
  });
  assertEquals(list(responseHeaders(headers)), { "cache-control": "no-store" });
  assertEquals(
    responseHeaders(headers, { cors: true }).get("access-control-allow-origin"),
    "*",
  );
});

Deno.test("responseHeaders - cookies cross by option, confined to the backend's path", () => {
  const headers = new Headers();
  headers.append("set-cookie", "a=1; Path=/; Domain=.example.com; HttpOnly");
  headers.append("set-cookie", "b=2; Max-Age=5; path=/deep; SameSite=Lax");
  assertEquals(responseHeaders(headers).getSetCookie(), []);
  assertEquals(
    responseHeaders(headers, {
      cookies: true,
      cookiePath: "/sessions/x/backend/",
    }).getSetCookie(),
    [
      "a=1; HttpOnly; Path=/sessions/x/backend/",
      "b=2; Max-Age=5; SameSite=Lax; Path=/sessions/x/backend/",
    ],
  );
  assertEquals(
    responseHeaders(headers, { cookies: ["b"], cookiePath: "/x/" })
      .getSetCookie(),
    ["b=2; Max-Age=5; SameSite=Lax; Path=/x/"],
  );
  assertEquals(
    responseHeaders(headers, { cookies: true }).getSetCookie(),
    headers.getSetCookie(),
  );
});

Deno.test("responseHeaders - no secret in any value", () => {
  const headers = new Headers({
    "x-path": "/TOKEN/x",
    link: "<https://b.example/TOKEN/a>; rel=next",
    "x-fine": "1",
  });
  headers.append("set-cookie", "a=TOKEN");
  headers.append("set-cookie", "b=1");
  const result = responseHeaders(headers, {
    secrets: ["TOKEN", ""],
    cookies: true,
  });
  assertEquals([...result], [
    ["cache-control", "no-store"],
    ["set-cookie", "b=1"],
    ["x-fine", "1"],
  ]);
});

Deno.test("offeredProtocols - best first, malformed lists are refused", () => {
  const offered = (value: string) =>
    offeredProtocols(new Headers({ "sec-websocket-protocol": value }));
  assertEquals(offeredProtocols(new Headers()), []);
  assertEquals(offered("a, b,c"), ["a", "b", "c"]);
  assertEquals(offered("constructor, __proto__"), ["constructor", "__proto__"]);
  for (const bad of ["", "a,,b", "a b", "a,a", "a;b", "ä"]) {
    assertEquals(offered(bad), undefined, bad);
  }
});

Deno.test("headers - time grows no faster than their length", () => {
  // Linear code takes twice as long for twice the input; quadratic, four times.
  const names = (count: number) =>
    new Headers({
      connection: "a, ".repeat(count) + "b",
      cookie: "a=1; ".repeat(count),
      "sec-websocket-protocol": "a" + " ".repeat(count) + "/",
    });
  const time = (headers: Headers) => {
    const start = performance.now();
    for (let turn = 0; turn < 20; turn++) {
      requestHeaders(headers, { cookies: ["a"] });
      offeredProtocols(headers);
    }
    return performance.now() - start;
  };
  const [small, large] = [names(2_000), names(16_000)];
  time(large);
  // Eight times the input; noise may triple a measurement, a square gives 64.
  const best = (headers: Headers) =>
    Math.min(...Array.from({ length: 5 }, () => time(headers)));
  assertEquals(best(large) / best(small) < 24, true);
});
