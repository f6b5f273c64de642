import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { refusal } from "../../session/dev/guard.ts";
import {
  call,
  code,
  connect,
  LISTEN,
  platform,
  rawRequest,
} from "./helpers.ts";

const LOCAL = { allowedHosts: [], open: false };

const HOSTS: [host: string, local: boolean, open: boolean][] = [
  ["localhost", true, true],
  ["localhost:8080", true, true],
  ["LOCALHOST:1", true, true],
  ["app.localhost:8080", true, true],
  ["127.0.0.1:8080", true, true],
  ["127.8.9.1", true, true],
  ["[::1]:8080", true, true],
  ["192.168.1.5:8080", false, true],
  ["[fe80::1]:8080", false, true],
  ["evil.example", false, false],
  ["localhost.evil.example", false, false],
  ["evil.example:localhost", false, false],
  ["evil.example#localhost", false, false],
  ["localhost@evil.example", false, false],
  ["localhost/evil.example", false, false],
  ["127.0.0.1.evil.example", false, false],
  ["", false, false],
];

Deno.test("dev guard - hosts", () => {
  for (const [host, local, open] of HOSTS) {
    const headers = new Headers({ host });
    assertEquals(refusal(headers, LOCAL) === undefined, local, host);
    assertEquals(
      refusal(headers, { ...LOCAL, open: true }) === undefined,
      open,
      host,
    );
  }
  const named = { ...LOCAL, allowedHosts: ["dev.example"] };
  assertEquals(
    refusal(new Headers({ host: "dev.example:80" }), named),
    undefined,
  );
});

Deno.test("dev guard - origins and foreign pages", () => {
  const origins: [origin: string, good: boolean][] = [
    ["http://localhost:3000", true],
    ["https://localhost", true],
    ["http://127.0.0.1:5173", true],
    ["http://[::1]:1", true],
    ["null", false],
    ["http://evil.example", false],
    ["http://localhost.evil.example", false],
    ["http://evil.example/localhost", false],
    ["http://localhost@evil.example", false],
    ["http://evil.example\\@localhost", false],
    ["file://", false],
    ["chrome-extension://localhost", false],
    ["", false],
  ];
  for (const [origin, good] of origins) {
    const headers = new Headers({ host: "localhost:8080", origin });
    assertEquals(refusal(headers, LOCAL) === undefined, good, origin);
  }
  const fetched = (mode: string, dest: string) =>
    refusal(
      new Headers({
        host: "localhost",
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": mode,
        "sec-fetch-dest": dest,
      }),
      LOCAL,
    );
  assertEquals(fetched("navigate", "document"), undefined);
  assertMatch(fetched("navigate", "iframe")!, /pages of other origins/);
  assertMatch(fetched("no-cors", "script")!, /pages of other origins/);
});

Deno.test("dev guard - no web page can spawn or read", async () => {
  await using dev = await platform(code(LISTEN));
  const { url, status_url } = await connect(dev);
  const { pathname: proxied } = new URL(url);
  const { pathname: status } = new URL(status_url);
  const requests: [base: string, request: string][] = [
    [dev.apiUrl, "POST /v2/service/-/-/connect"],
    [dev.apiUrl, "OPTIONS /v2/service/-/-/connect"],
    [dev.apiUrl, `GET ${status}`],
    [dev.apiUrl, `GET ${status}/stream`],
    [dev.apiUrl, `POST ${status.replace("status", "terminate")}`],
    [dev.apiUrl, "GET /"],
    [dev.apiUrl, "GET /events"],
    [dev.proxyUrl, `GET ${proxied}`],
    [dev.proxyUrl, `OPTIONS ${proxied}`],
  ];
  const upgrade =
    "connection: upgrade\nupgrade: websocket\nsec-websocket-version: 13\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==";
  for (const [base, request] of requests) {
    for (
      const headers of [
        "host: evil.example",
        "host: localhost\norigin: http://evil.example",
        "host: localhost\norigin: null",
        `host: localhost\norigin: https://localhost.evil.example\n${upgrade}`,
      ]
    ) {
      const head = `${request} HTTP/1.1\nconnection: close\n${headers}`;
      const answer = await rawRequest(base, head);
      assertMatch(answer, /^HTTP\/1.1 403 /, head);
      assertStringIncludes(
        answer,
        headers.includes("origin")
          ? "refuses requests from pages of other origins: connect from your server or through the edge route"
          : "--allow-host evil.example",
      );
      // A page of another host on the same network is told how to get in.
      if (!headers.includes("null")) {
        assertMatch(answer, /--allow-host \S*evil/);
      }
    }
  }
  assertEquals(dev.backends.length, 1);
  assertEquals(dev.backends[0]!.states.at(-1)!.status === "terminated", false);
});

Deno.test("dev guard - a page of this machine reads the status, and connects", async () => {
  await using dev = await platform(code(LISTEN));
  const { backend_id, url } = await connect(dev);
  const origin = "http://localhost:5173";
  const path = `/v2/backend/${backend_id}/status`;
  for (const rest of ["", "/stream"]) {
    const preflight = await call(dev, path + rest, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "GET",
        "access-control-request-headers": "last-event-id",
      },
    });
    assertEquals(preflight.status, 204);
    assertEquals(preflight.headers.get("access-control-allow-origin"), "*");
    assertEquals(preflight.headers.get("access-control-allow-headers"), "*");
  }
  const { status, headers } = await call(dev, path, { headers: { origin } });
  assertEquals([status, headers.get("access-control-allow-origin")], [
    200,
    "*",
  ]);
  const answer = await fetch(url, { headers: { origin } });
  assertEquals(await answer.text(), "ok");
  assertEquals(answer.headers.get("access-control-allow-origin"), "*");
});

Deno.test("dev guard - it listens on both loopback addresses and no other", async () => {
  await using dev = await platform(code(LISTEN));
  const port = Number(new URL(dev.apiUrl).port);
  for (const hostname of ["127.0.0.1", "[::1]"]) {
    const { status } = await call(
      { apiUrl: `http://${hostname}:${port}` },
      "/",
    );
    assertEquals(status, 200);
  }
  const others = Deno.networkInterfaces().filter(({ address, scopeid }) =>
    !address.startsWith("127.") && address !== "::1" && !scopeid
  );
  for (const { address } of others) {
    const refused = await Deno.connect({ hostname: address, port })
      .then((connection) => connection.close(), () => "refused");
    assertEquals(refused, "refused", address);
  }
});
