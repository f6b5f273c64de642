/** The edge route that this runtime serves, before a session backend: HTTP. */
import { SessionBackend, verifiedUser } from "../../../mod.ts";
import { assert, assertEquals, assertRejects } from "../../kit/assert.ts";
import { delay, until } from "../../kit/wait.ts";
import { type Area, isPage, type ScriptedPeer, type Test } from "../suite.ts";
import { socketCases } from "./proxy/sockets.ts";
import { ask, connect, counts, ended, leave, shared } from "./rooms.ts";

/** Where this runtime's edge stands before a scripted peer. */
function before({ edge }: Test, { url }: ScriptedPeer): string {
  const { port, pathname } = new URL(url);
  return `${edge}/peers/${port}:${pathname.slice(1)}/backend`;
}

/** The answer's code, with its body read. */
async function code(answer: Promise<Response>): Promise<number> {
  const response = await answer;
  await response.text();
  return response.status;
}

export const proxy: Area = {
  name: "proxy",
  exceptions: {
    "a body after 205 is not read, and its request ends": {
      webkit:
        "Deno's server sends 205 without a length, so WebKit waits for it",
    },
  },
  cases: {
    async "a request without access is refused"(t) {
      const room = `${t.edge}/rooms/closed`;
      for (
        const [method, path] of [
          ["POST", "/connect"],
          ["GET", "/status"],
          ["GET", "/status/stream"],
          ["GET", "/status/some-backend"],
          ["GET", "/backend/"],
          ["POST", "/backend/echo"],
        ]
      ) {
        const answer = await fetch(room + path, { method: method! });
        assertEquals(answer.status, 403, path);
        const { error } = await answer.json();
        assertEquals(error.message, "not allowed");
      }
    },

    async "only a clear grant lets a request in"(t) {
      for (
        const mistake of [
          "true",
          "empty",
          "no-user",
          "no-key",
          "denied",
          "list",
          "error",
          "exception",
        ]
      ) {
        const room = `${t.edge}/rooms/mistake-${mistake}`;
        for (const path of ["/status", "/backend/"]) {
          const answer = await fetch(room + path);
          assertEquals([mistake, answer.status], [mistake, 500]);
          assertEquals(
            (await answer.json()).error.message,
            "the application failed to authorize this request",
          );
        }
      }
    },

    async "a Response of any class is passed on as the application's answer"(
      t,
    ) {
      for (const refusal of ["fetched", "first", "own", "foreign"]) {
        const answer = await fetch(
          `${t.edge}/rooms/refusal-${refusal}/backend/`,
        );
        assertEquals(
          [refusal, answer.status, await answer.text()],
          [refusal, refusal === "fetched" ? 200 : 401, "sign in"],
        );
      }
    },

    async "an answer to connect leads to the edge and holds no token"(t) {
      const room = `${t.edge}/rooms/${shared(t)}`;
      const answer = await connect(t, shared(t));
      const { backend_id } = answer;
      assertEquals({ ...answer, spawned: false, status: "" }, {
        backend_id,
        spawned: false,
        status: "",
        token: "",
        url: `${room}/backend/`,
        secret_token: null,
        status_url: `${room}/status/${backend_id}`,
        ready_url: "",
      });
      const again = await connect(t, shared(t));
      assertEquals([again.backend_id, again.spawned], [backend_id, false]);
    },

    async "a path and a query cross as they were written"(t) {
      for (
        const path of [
          "",
          "a/b?x=1&y=%2F&x=2",
          "a%2Fb?x=%2F%3F",
          "%C3%BCber/%E2%9C%93?q=gr%C3%BCn%20%2B",
          "a//b/",
          "a;v=1/b@c:d",
          // What the edge's own routes are called.
          "status/1",
          "status/stream",
          "connect",
          "backend/backend/",
        ]
      ) {
        assertEquals((await (await ask(t, path)).json()).path, `/${path}`);
      }
    },

    async "methods cross, and bodies of any size"(t) {
      for (const method of ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        assertEquals(
          (await (await ask(t, "", { method })).json()).method,
          method,
        );
      }
      const head = await ask(t, "", { method: "HEAD" });
      assertEquals([head.status, await head.text()], [200, ""]);
      const sent = Uint8Array.from(
        { length: 300_000 },
        (_, index) => index * 7 % 256,
      );
      const answer = await ask(t, "echo", { method: "POST", body: sent });
      const back = new Uint8Array(await answer.arrayBuffer());
      assertEquals(back.length, sent.length, "bytes");
      assert(
        back.every((byte, index) => byte === sent[index]),
        "the same bytes",
      );
      const empty = await ask(t, "echo", { method: "POST" });
      assertEquals(await empty.text(), "");
    },

    async "a response without a body has none, and no length where none may be"(
      t,
    ) {
      // Deno, which serves the pages, sends 205 without a length, so WebKit waits.
      const reset = t.runtime === "webkit" ? [] : [205];
      const statuses = [201, 204, ...reset, 304, 400, 404, 418, 500, 503];
      const peer = await t.script({
        http: Object.fromEntries(
          statuses.map((status) => [`/${status}`, [{ status, chunks: [] }]]),
        ),
      });
      for (const status of statuses) {
        const answer = await fetch(`${before(t, peer)}/${status}`);
        assertEquals([answer.status, await answer.text()], [status, ""]);
        if (status === 204 || status === 205) {
          assertEquals(answer.headers.get("content-length") ?? "0", "0");
        }
      }
    },

    async "a body after 205 is not read, and its request ends"(t) {
      const peer = await t.script({
        http: {
          "/": [{
            status: 205,
            headers: { "content-length": "1000" },
            chunks: ["x"],
            then: "silence",
          }],
        },
      });
      const answer = await fetch(`${before(t, peer)}/`);
      assertEquals([answer.status, await answer.text()], [205, ""]);
      const free = async () =>
        (await peer.seen()).requests.every(({ gone }) => gone);
      // Node 26 keeps reading such a response, whatever its signal says: only
      // undici's bodyTimeout ends it (docs/security.md).
      const { process } = globalThis as {
        process?: { versions?: Record<string, string> };
      };
      if (t.runtime === "node" && process!.versions!.node!.startsWith("26.")) {
        await delay(100);
        assertEquals(await free(), false, "Node 26 has learned it");
      } else await until(free, "the backend's connection is free");
    },

    async "a client that leaves before the answer ends the backend's request"(
      t,
    ) {
      const peer = await t.script({ http: { "/": ["silence"] } });
      const controller = new AbortController();
      const asked = assertRejects(() =>
        fetch(`${before(t, peer)}/`, { signal: controller.signal })
      );
      await until(
        async () => (await peer.seen()).requests.length === 1,
        "the request arrived",
      );
      controller.abort();
      assertEquals((await asked).name, "AbortError");
      const ended = async () => (await peer.seen()).requests[0]!.gone === true;
      // workerd does not report such a client, with `enable_request_signal`
      // neither: only the option timeout ends the request (docs/security.md).
      if (t.runtime === "workerd") {
        await delay(100);
        assertEquals(await ended(), false, "workerd has learned it");
      } else await until(ended, "the backend's request has ended");
    },

    async "a response that breaks off does not look complete"(t) {
      const peer = await t.script({
        http: { "/": [{ chunks: ["begun"], then: "cut" }] },
      });
      const read = async () =>
        await (await fetch(`${before(t, peer)}/`)).text();
      // WebKitGTK's libsoup takes the end of the connection for the end of the body.
      if (t.runtime === "webkit") assertEquals(await read(), "begun");
      else await assertRejects(read);
    },

    async "limits of time without an end never pass"(t) {
      const peer = await t.script({
        http: { "/": [{ chunks: ["late"], wait: 100 }] },
      });
      assertEquals(await (await fetch(`${before(t, peer)}/`)).text(), "late");
      const states = await fetch(
        `${before(t, peer).replace(/backend$/, "status/stream")}`,
      );
      const reader = states.body!.getReader();
      const { value } = await reader.read();
      let more = new TextDecoder().decode(value);
      reader.read().then(({ value }) => more += new TextDecoder().decode(value))
        .catch(() => {});
      await delay(100);
      assert(!/^:/m.test(more), `no comments: ${more}`);
      await reader.cancel();
    },

    async "a response is streamed, and the backend learns when a reader leaves"(
      t,
    ) {
      const { left } = await counts(t);
      for (const leaving of ["abort", "cancel"]) {
        const controller = new AbortController();
        const answer = await ask(t, "ticks", { signal: controller.signal });
        assertEquals(answer.headers.get("content-type"), "text/event-stream");
        const reader = answer.body!.getReader();
        const decoder = new TextDecoder();
        let text = "";
        // The answer has no end: what comes has come before it.
        while (!text.includes("data: 3\n\n")) {
          const { value } = await reader.read();
          text += decoder.decode(value, { stream: true });
        }
        if (leaving === "abort") {
          controller.abort();
          // What came before the abort may still be read.
          const error = await assertRejects(() =>
            (async () => {
              while (!(await reader.read()).done);
            })()
          );
          assertEquals(error.name, "AbortError");
        } else await reader.cancel();
      }
      await until(
        async () => (await counts(t)).left === left + 2,
        "the backend knows that both readers have left",
      );
    },

    async "only the edge says who makes a request"(t) {
      const answer = await ask(t, "", {
        headers: {
          "x-verified-username": "mallory",
          "x-verified-user-data": '{"seat":"all"}',
          "x-verified-secret": "guessed",
          "x-forwarded-for": "10.1.2.3",
          "x-real-ip": "10.1.2.3",
          "authorization": "Bearer of-the-application",
          "x-app": "crosses",
        },
      });
      const { headers } = await answer.json();
      assertEquals(headers["x-app"], "crosses");
      assert(
        !JSON.stringify(headers).includes("10.1.2.3"),
        "no claimed address",
      );
      assertEquals(headers.authorization, undefined, "authorization");
      const { user, auth, secret } = verifiedUser(new Headers(headers));
      assertEquals([user, auth], ["ada", { seat: "grün ✓" }]);
      assert(secret !== "guessed", "the secret is the platform's");
    },

    async "a backend's redirects stay within the edge"(t) {
      const room = `${t.edge}/rooms/${shared(t)}/backend`;
      for (
        const [to, lands] of [
          ["/there?x=1", "/there?x=1"],
          ["there", "/there"],
          ["deeper/", "/deeper/"],
        ]
      ) {
        const answer = await ask(t, `redirect?to=${encodeURIComponent(to!)}`);
        assertEquals([answer.redirected, answer.url], [true, room + lands]);
        assertEquals((await answer.json()).path, lands);
      }
      const away = encodeURIComponent("https://elsewhere.example/");
      const answer = await ask(t, `redirect?to=${away}`);
      assertEquals(answer.status, 502);
      assertEquals(
        (await answer.json()).error.message,
        "the backend redirects to a URL outside itself",
      );
    },

    async "a backend sets no cookie, and its responses are not stored"(t) {
      const answer = await ask(t, "cookie");
      assertEquals(await answer.text(), "ok");
      assertEquals(answer.headers.getSetCookie(), []);
      assertEquals(answer.headers.get("cache-control"), "no-store");
      // A page sees no such header, but what it did.
      const { document } = globalThis as { document?: { cookie: string } };
      assertEquals(document?.cookie ?? "", "");
    },

    async "a path that could leave the backend is refused"(t) {
      // No `fetch` takes these apart; `%2e%2e/` it would.
      for (
        const path of ["..%2fx", "%252e%252e%252fx", "a/..%5cx", "%2fx", "a%00"]
      ) {
        const answer = await ask(t, path);
        assertEquals(answer.status, 400, path);
        assertEquals(
          (await answer.json()).error.message,
          "the path must not lead outside the backend",
        );
      }
    },

    async "unknown routes of the edge are 404"(t) {
      const room = `${t.edge}/rooms/${shared(t)}`;
      for (
        const path of ["", "/", "/other", "/status/a/b", "/connect/more"]
      ) {
        assertEquals(await code(fetch(room + path)), 404, path);
      }
      assertEquals(await code(fetch(`${room}/connect`)), 404, "GET connect");
      assertEquals(
        await code(fetch(`${room}/status`, { method: "POST" })),
        404,
        "POST status",
      );
    },

    async "a status is read at the edge, and reading spawns nothing"(t) {
      const { status_url } = await connect(t, shared(t));
      await using backend = new SessionBackend(await connect(t, shared(t)));
      await backend.ready();
      const room = `${t.edge}/rooms/${shared(t)}`;
      for (const url of [status_url, `${room}/status`]) {
        const answer = await fetch(url);
        assertEquals(answer.headers.get("cache-control"), "no-store");
        assertEquals((await answer.json()).status, "ready");
      }
      assertEquals(await code(fetch(`${room}/status/another`)), 410);
      const nobody = `${t.edge}/rooms/${t.name("room")}`;
      for (const path of ["/status", "/status/stream"]) {
        const answer = await fetch(nobody + path);
        assertEquals(answer.status, 404, path);
        assertEquals((await answer.json()).error, {
          message: "no backend runs under this name",
          code: "404",
        });
      }
      assertEquals(await code(fetch(`${nobody}/status/another`)), 410);
      const asleep = `${t.edge}/rooms/${t.name("asleep")}`;
      assertEquals(
        await code(fetch(`${asleep}/connect`, { method: "POST" })),
        409,
      );
      assertEquals(await code(fetch(`${asleep}/backend/`)), 409);
    },

    async "states are streamed at the edge, from where a reader was"(t) {
      const room = t.name("room");
      const { backend_id, status_url } = await connect(t, room);
      await leave(t, room);
      await ended(status_url);
      const read = async (headers: Record<string, string> = {}) => {
        const answer = await fetch(`${status_url}/stream`, { headers });
        assertEquals(answer.headers.get("content-type"), "text/event-stream");
        assertEquals(answer.headers.get("cache-control"), "no-store");
        const text = await answer.text();
        assert(text.includes('"termination_reason":'), "all fields cross");
        return [...text.matchAll(/id: (.*)\ndata: (.*)\n\n/g)]
          .map(([, id, data]) => [id!, JSON.parse(data!).status]);
      };
      const all = await read();
      assertEquals(
        all,
        [
          "scheduled",
          "loading",
          "starting",
          "waiting",
          "ready",
          "terminated",
        ].map((status, index) => [`${backend_id}:${index + 1}`, status]),
      );
      assertEquals(
        await read({ "last-event-id": `${backend_id}:4` }),
        all.slice(4),
      );
      assertEquals(
        await code(fetch(`${status_url}/stream`, {
          headers: { "last-event-id": "another:4" },
        })),
        410,
      );
    },

    async "after a backend has ended, the next request has a new one"(t) {
      const room = t.name("room");
      const url = `${t.edge}/rooms/${room}/backend/`;
      const first = await connect(t, room);
      const { pid } = await (await fetch(url)).json();
      await leave(t, room);
      await ended(first.status_url);
      const answer = await (await fetch(url)).json();
      assert(answer.pid !== pid, "another process");
      const second = await connect(t, room);
      assert(second.backend_id !== first.backend_id, "another backend");
      // Who watched the first one learns that it is gone.
      assertEquals(await code(fetch(first.status_url)), 410);
      await using watcher = new SessionBackend(first);
      await watcher.onTerminatedPromise;
      await leave(t, room);
      await ended(second.status_url);
    },

    async "a request whose body was sent is never sent to a second backend"(t) {
      const room = t.name("room");
      const url = `${t.edge}/rooms/${room}/backend/echo`;
      const { status_url } = await connect(t, room);
      const post = () => fetch(url, { method: "POST", body: "an order" });
      assertEquals(await (await post()).text(), "an order");
      await leave(t, room);
      await ended(status_url);
      const answer = await post();
      assertEquals(answer.status, 410);
      assertEquals(
        (await answer.json()).error.message,
        "the backend is gone; the request was not repeated, because its body was already sent",
      );
      // From now on there is a new one.
      assertEquals(await (await post()).text(), "an order");
      await leave(t, room);
    },

    async "a page of another origin changes nothing"(t) {
      const { hits } = await counts(t);
      if (isPage(t)) {
        // A page sets no Origin, but has one: at this address it is another.
        const foreign = t.edge.replace("127.0.0.1", "localhost");
        const url = `${foreign}/rooms/${shared(t)}/backend/hit`;
        await fetch(url, { method: "POST", mode: "no-cors" });
      } else {
        const answer = await ask(t, "hit", {
          method: "POST",
          headers: { origin: "https://elsewhere.example" },
        });
        assertEquals(answer.status, 403);
        await answer.text();
      }
      assertEquals(
        (await counts(t)).hits,
        hits,
        "requests that reached the backend",
      );
      const own = await ask(t, "hit", { method: "POST" });
      assertEquals(await own.json(), hits + 1, "but the edge's own page may");
    },

    ...socketCases,
  },
};
