/** Wherever an application mounts the route, and whatever Hono 4 it brings. */
import { assertEquals, assertThrows } from "@std/assert";
import { Hono as OwnHono } from "@hono/hono";
import { Hono as Hono40 } from "hono-4.0";
import { TrieRouter } from "hono-4.0/router/trie-router";
import { HTTPException } from "hono-4.6/http-exception";
import { Hono as Hono46 } from "hono-4.6";
import { Hono as Hono49 } from "hono-4.9";
import { Hono as Hono413 } from "hono-4.13";
import { findPlace } from "../../session/edge/mount.ts";
import { sessionProxy } from "../../session/edge/proxy.ts";
import { ScriptedEngine, serve } from "./support.ts";

// The versions' types are not each other's: Hono has private members.
// deno-lint-ignore no-explicit-any
type App = any;
type AppClass = new (options?: unknown) => App;

const VERSIONS: [string, AppClass][] = [
  ["the route's own Hono", OwnHono as AppClass],
  ["Hono 4.0", Hono40 as AppClass],
  ["Hono 4.6", Hono46 as AppClass],
  ["Hono 4.9", Hono49 as AppClass],
  ["Hono 4.13, another copy", Hono413 as AppClass],
  [
    "Hono 4.0 with TrieRouter",
    class extends Hono40 {
      constructor(options: Record<string, unknown> = {}) {
        super({ router: new TrieRouter(), ...options });
      }
    } as AppClass,
  ],
];

/** The route before a backend that says which path it was asked for. */
function edge(
  path?: string,
  authorize: () => { user: string } = () => ({ user: "ada" }),
): App {
  const engine = new ScriptedEngine({
    origin: "http://127.0.0.1:9",
    tokens: new Set(),
  } as never);
  return sessionProxy({
    engine,
    path,
    authorize,
    cookies: true,
    onError() {},
    fetch: (input) => {
      const { pathname, search } = new URL(String(input));
      const seen = pathname.replace(/^\/TOKEN-[^/]*/, "") + search;
      return Promise.resolve(
        new Response(seen, { headers: { "set-cookie": "a=1" } }),
      );
    },
  });
}

/** Where applications put a route, and where clients then find it. */
const MOUNTS: Record<string, [(Hono: AppClass) => App, string]> = {
  "at the root": [() => edge(), ""],
  "route()": [(Hono) => new Hono().route("/sessions", edge()), "/sessions"],
  "basePath() and route()": [
    (Hono) => new Hono().basePath("/api").route("/sessions", edge()),
    "/api/sessions",
  ],
  "a route in a route": [
    (Hono) => new Hono().route("/api", new Hono().route("/sessions", edge())),
    "/api/sessions",
  ],
  "a parameter": [
    (Hono) => new Hono().route("/:tenant/sessions", edge()),
    "/acme/sessions",
  ],
  "a parameter with a pattern": [
    (Hono) => new Hono().route("/t/:tenant{[a-z]+}", edge()),
    "/t/acme",
  ],
  "a parameter over several segments": [
    (Hono) => new Hono().route("/:dir{.+}/rooms", edge()),
    "/a/b/c/rooms",
  ],
  "the words of the route in its own path": [
    (Hono) => new Hono().route("/room 1/backend", edge()),
    "/room%201/backend",
  ],
  "strict: false": [
    (Hono) => new Hono({ strict: false }).route("/sessions", edge()),
    "/sessions",
  ],
  "mount() with the option path": [
    (Hono) => new Hono().mount("/sessions", edge("/sessions/").fetch),
    "/sessions",
  ],
  // The request keeps its whole path, so that the route's own has to begin with it.
  "mount() with replaceRequest: false": [
    (Hono) =>
      new Hono().mount(
        "/sessions",
        new Hono().route("/sessions", edge()).fetch,
        { replaceRequest: false },
      ),
    "/sessions",
  ],
  "getPath with the host in it": [
    (Hono) =>
      new Hono({
        getPath: (request: Request) =>
          request.url.replace(/^https?:\/([^?]+).*$/, "$1"),
      }).route("/edge.example/sessions", edge()),
    "/sessions",
  ],
  "middleware before it": [
    (Hono) => {
      const app = new Hono();
      app.use("/sessions/*", async (_c: unknown, next: () => Promise<void>) => {
        await next();
      });
      app.route("/sessions", edge());
      return app;
    },
    "/sessions",
  ],
};

/** What the routers of older versions do not match themselves, and which do. */
const NEWER: ReadonlyMap<string, RegExp> = new Map([
  ["a parameter over several segments", /own|4\.13/],
  ["the words of the route in its own path", /own|4\.13/],
  // Older versions have no such option.
  ["mount() with replaceRequest: false", /own|4\.(9|13)/],
  // A fault of its RegExpRouter; TrieRouter finds the path.
  ["a parameter with a pattern", /own|4\.([69]|13)|Trie/],
]);

for (const [version, Hono] of VERSIONS) {
  Deno.test(`mount - ${version}: the right path, wherever the route is`, async () => {
    for (const [label, [make, base]] of Object.entries(MOUNTS)) {
      if (NEWER.get(label)?.test(version) === false) continue;
      const app = make(Hono);
      const room = `http://edge.example${base}/room%201`;
      const connected = await app.request(`${room}/connect`, {
        method: "POST",
      });
      assertEquals(connected.status, 200, label);
      const { url, status_url } = await connected.json();
      assertEquals(
        [url, status_url],
        [`${room}/backend/`, `${room}/status/backend-1`],
        label,
      );
      for (const path of ["status", "status/backend-1"]) {
        const { status } = await app.request(`${room}/${path}`);
        assertEquals(status, 200, `${label}: ${path}`);
      }
      for (
        const path of [
          "",
          "a/b?x=1",
          "a%20b/",
          "a%2Fb",
          "a//b",
          "room%201/backend/x",
          "%E2%9C%93/%zz",
        ]
      ) {
        const answer = await app.request(`${room}/backend/${path}`);
        const seen = await answer.text();
        // Not strict, Hono takes the last slash for nothing.
        if (label === "strict: false" && path.endsWith("/")) continue;
        assertEquals([answer.status, seen], [200, `/${path}`], label);
        assertEquals(
          answer.headers.get("set-cookie"),
          `a=1; Path=${base}/room%201/backend/`,
          label,
        );
      }
    }
  });
}

/** What `authorize` may throw, the error that `onError` then gets, and the default. */
const THROWN: [label: string, thrown: unknown, name: string, status: number][] =
  [
    ["an error", new RangeError("SECRET"), "RangeError", 500],
    [
      "an exception of another Hono",
      new HTTPException(401, { message: "who are you?" }),
      "Error",
      401,
    ],
    [
      "a value that is not an error",
      { status: 403, text: "SECRET" },
      "Error",
      500,
    ],
  ];

for (const [version, Hono] of VERSIONS) {
  Deno.test(`mount - ${version}: what authorize throws is for the application's onError`, async () => {
    for (const [label, thrown, name, status] of THROWN) {
      const failing = () =>
        edge(undefined, () => {
          throw thrown;
        });
      const url = "http://edge.example/sessions/doc/backend/x";
      const app = new Hono().route("/sessions", failing());
      const errors: Error[] = [];
      app.onError((error: Error, c: App) => {
        errors.push(error);
        return c.text("sorry", 418);
      });
      const answer = await app.request(url);
      assertEquals([answer.status, await answer.text()], [418, "sorry"], label);
      assertEquals(errors.map((error) => error.name), [name], label);

      // Without one, in another application and alone.
      const { error } = console;
      let [logged, expected] = [0, 0];
      console.error = () => void logged++;
      try {
        for (
          const [way, own] of Object.entries<App>({
            route: new Hono().route("/sessions", failing()),
            mount: new Hono().mount("/sessions", failing().fetch),
            alone: failing(),
          })
        ) {
          const path = way === "alone" ? "/doc" : "/sessions/doc";
          const answer = await own.request(
            `http://edge.example${path}/backend/x`,
          );
          // By default, Hono 4.0 knows no exceptions but its own.
          const asks = status === 401 &&
            (way !== "route" || !/4\.0/.test(version));
          assertEquals(
            [answer.status, await answer.text()],
            asks ? [401, "who are you?"] : [500, "Internal Server Error"],
            label,
          );
          expected += asks ? 0 : 1;
        }
        assertEquals(logged, expected, label);
      } finally {
        console.error = error;
      }
    }
  });
}

Deno.test("mount - alone, its fetch is a handler of Deno.serve", async () => {
  await using server = serve(edge().fetch);
  const answer = await fetch(`${server.origin}/doc/backend/x`);
  assertEquals([answer.status, await answer.text()], [200, "/x"]);
});

Deno.test("mount - the application keeps Hono's fast router", async () => {
  const app: App = new OwnHono().route("/sessions", edge());
  await app.request("http://edge.example/sessions/doc/status");
  assertEquals(app.router.name, "SmartRouter + RegExpRouter");
});

Deno.test("mount - behind a proxy that strips a prefix, the option path is the public one", async () => {
  const app = new OwnHono().route("/rooms", edge("/app/rooms"));
  const answer = await app.request("http://inner/rooms/doc/connect", {
    method: "POST",
  });
  assertEquals(
    (await answer.json()).url,
    "http://inner/app/rooms/doc/backend/",
  );
});

Deno.test("mount - a getPath that removes the path is an error and never reaches another session", async () => {
  const app = new OwnHono({ getPath: () => "/doc/backend/x" })
    .route("/", edge());
  const answer = await app.request("http://inner/elsewhere");
  assertEquals(answer.status, 500);
  assertEquals(
    (await answer.json()).error.message,
    "the request's path does not match the edge route",
  );
});

Deno.test("findPlace - the router's own reading decides where two are possible", () => {
  const url = "https://x/a/rooms/doc/backend/rooms/doc/backend/x?q";
  const place = (before: string) =>
    findPlace({ url, name: "doc", after: () => before });
  assertEquals(place("/a/rooms/doc/backend/rooms"), {
    path: "/a/rooms/doc/backend/rooms/doc",
    rest: "x",
    search: "?q",
  });
  assertEquals(place("/a/rooms"), {
    path: "/a/rooms/doc",
    rest: "rooms/doc/backend/x",
    search: "?q",
  });
});

Deno.test("findPlace - a mount path adds no attribute to a cookie", () => {
  const url = "https://x/a;Domain=evil/doc/connect";
  assertEquals(
    findPlace({ url, name: "doc", after: 1 })?.path,
    "/a%3BDomain=evil/doc",
  );
});

Deno.test("options - origin is normalised, or refused when the route is made", async () => {
  const make = (options: { origin?: string; path?: string }) =>
    sessionProxy({
      engine: new ScriptedEngine({ tokens: new Set() } as never),
      authorize: () => ({ user: "ada" }),
      onError() {},
      ...options,
    });
  for (
    const origin of [
      "https://App.example",
      "https://app.example:443",
      "https://app.example/",
    ]
  ) {
    const answer = await make({ origin }).request("http://inner/doc/connect", {
      method: "POST",
      headers: { origin: "https://app.example" },
    });
    assertEquals(answer.status, 502, "it passes, and no backend is there");
    await answer.text();
  }
  for (
    const origin of [
      "app.example",
      "https://app.example/sessions",
      "https://app.example/?x",
      "wss://app.example",
      "https://user@app.example",
      "",
    ]
  ) {
    assertThrows(
      () => make({ origin }),
      TypeError,
      "the option origin must be",
    );
  }
  for (const path of ["sessions", "//x", "/a?b", "/a b", "https://x/y", ""]) {
    assertThrows(() => make({ path }), TypeError, "the option path must be");
  }
});
