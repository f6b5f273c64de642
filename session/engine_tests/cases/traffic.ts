/** What passes between a user and a backend. */
import type { ConnectResponse } from "../../../types.ts";
import { readServerEvents } from "../../../net/sse.ts";
import { check, equal, eventually } from "../check.ts";
import type { EngineCase, EngineTest } from "../suite.ts";

/** What the sample backend tells of a request. */
interface Told {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string;
}

async function told(
  t: EngineTest,
  response: ConnectResponse,
  path: string,
  init?: RequestInit,
): Promise<Told> {
  const answer = await t.fetch(response, path, init);
  const text = await answer.text();
  equal(answer.status, 200, `the status of /${path}, which says ${text}`);
  return JSON.parse(text);
}

/** Whether the platform refuses a request for a backend that it does not have. */
async function checkRefused(t: EngineTest, answer: Response): Promise<void> {
  await answer.body?.cancel();
  const { status } = answer;
  check([401, 404, 410, 502].includes(status), `it answers ${status}`);
  check(
    t.engine.isPlatformAnswer?.(answer) ?? true,
    `isPlatformAnswer takes the platform's ${status} for the backend's`,
  );
}

/** Opens a WebSocket; resolves with the next message, one at a time. */
async function openSocket(
  t: EngineTest,
  response: ConnectResponse,
): Promise<{ socket: WebSocket; next: () => Promise<unknown> }> {
  const url = new URL("socket", response.url).href.replace(/^http/, "ws");
  const socket = t.subject.open?.(url, response) ?? new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const messages: unknown[] = [];
  socket.addEventListener("message", ({ data }) => messages.push(data));
  const next = () =>
    eventually(() => Promise.resolve(messages.shift()), t.signal, 5);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", () => reject(new Error("did not open")));
    socket.addEventListener("close", () => reject(new Error("did not open")));
  });
  return { socket, next };
}

/** Cases about HTTP, event streams, WebSockets and who the user is. */
export const trafficCases: readonly EngineCase[] = [
  {
    area: "traffic",
    name: "HTTP: method, path, query, headers and body arrive",
    async run(t) {
      const response = await t.ready();
      const seen = await told(t, response, "a%20b/c?d=%C3%A9&e=", {
        method: "PUT",
        headers: { "x-own": "1" },
        body: "grün ✓",
      });
      equal(
        [seen.method, seen.path, seen.headers["x-own"], seen.body],
        ["PUT", "/a%20b/c?d=%C3%A9&e=", "1", "grün ✓"],
        "the request",
      );
    },
  },
  {
    area: "traffic",
    name: "identity: the backend learns user and auth from the platform alone",
    async run(t) {
      const response = await t.ready({ user: "ada", auth: { role: "editor" } });
      const { headers } = await told(t, response, "", {
        headers: {
          "x-verified-username": "mallory",
          "X-Verified-User-Data": '{"role":"owner"}',
          "x-verified-other": "1",
        },
      });
      equal(headers["x-verified-username"], "ada", "x-verified-username");
      equal(
        JSON.parse(headers["x-verified-user-data"] ?? "null"),
        { role: "editor" },
        "x-verified-user-data",
      );
      equal(headers["x-verified-other"], undefined, "x-verified-other");
    },
  },
  {
    area: "traffic",
    name: "identity: without a user there is none, whatever the client says",
    async run(t) {
      const { headers } = await told(t, await t.ready(), "", {
        headers: { "x-verified-username": "mallory" },
      });
      equal(headers["x-verified-username"], undefined, "x-verified-username");
    },
  },
  {
    area: "traffic",
    name: "identity: each user of one backend has an own URL",
    async run(t) {
      const key = t.key();
      const ada = await t.ready({ key, user: "ada" });
      const bob = await t.ready({ key, user: "bob" });
      equal(bob.backend_id, ada.backend_id, "the backend");
      for (const [user, response] of Object.entries({ ada, bob })) {
        const { headers } = await told(t, response, "");
        equal(headers["x-verified-username"], user, "x-verified-username");
      }
    },
  },
  {
    area: "traffic",
    name: "SSE: events arrive while the response goes on",
    async run(t) {
      const answer = await t.fetch(await t.ready(), "events");
      equal(answer.status, 200, "status");
      const events: string[] = [];
      await readServerEvents(answer.body!, {
        onEvent: ({ data }) => void events.push(data),
        until: () => events.length >= 5,
      });
      equal(events.slice(0, 5), ["0", "1", "2", "3", "4"], "the events");
    },
  },
  {
    area: "traffic",
    name:
      "WebSocket: text and bytes pass both ways, with the user and the close code",
    async run(t) {
      const response = await t.ready({ user: "ada", auth: { n: 1 } });
      const { socket, next } = await openSocket(t, response);
      const closed = new Promise<CloseEvent>((resolve) =>
        socket.addEventListener("close", resolve)
      );
      socket.send("grün ✓");
      const hello: Told = JSON.parse(String(await next()));
      equal(hello.headers["x-verified-username"], "ada", "the user");
      equal(hello.path, "/socket", "the path");
      equal(await next(), "grün ✓", "the text");
      const bytes = Uint8Array.from({ length: 70_000 }, (_, at) => at % 251);
      socket.send(bytes);
      const echoed = new Uint8Array(await next() as ArrayBuffer);
      check(
        echoed.length === bytes.length &&
          echoed.every((byte, at) => byte === bytes[at]),
        "the bytes that came back are others",
      );
      socket.send("close");
      const { code, reason } = await closed;
      equal([code, reason], [4001, "bye"], "the close code and its reason");
    },
  },
  {
    area: "traffic",
    name: "a token that the platform did not give is refused",
    async run(t) {
      const response = await t.ready();
      const url = response.url.replace(response.token, "x".repeat(43));
      check(url !== response.url, "the URL does not contain the token");
      await checkRefused(t, await t.fetch({ ...response, url }, ""));
    },
  },
  {
    area: "traffic",
    name: "an expired token is refused, and the next connect brings another",
    needs: "expire",
    async run(t) {
      const key = t.key();
      await t.ready({ key });
      const response = await t.connect({ key });
      await t.subject.expire!(response);
      await checkRefused(t, await t.fetch(response, ""));
      await told(t, await t.connect({ key }), "");
    },
  },
  {
    area: "traffic",
    name: "the URL of a backend that has ended is refused by the platform",
    async run(t) {
      const response = await t.ready();
      await told(t, response, "");
      await t.engine.terminate(response.backend_id, { signal: t.signal });
      await t.states(
        response.backend_id,
        ({ status }) => status === "terminated",
      );
      await eventually(async () => {
        const answer = await t.fetch(response, "");
        // Its proxy may learn of the end a moment later.
        if (answer.ok) return void await answer.body?.cancel();
        await checkRefused(t, answer);
        return true;
      }, t.signal);
    },
  },
];
