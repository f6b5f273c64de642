/** The edge route over this engine, as an application uses it. */
import { sessionProxy } from "../../edge/proxy.ts";
import { readServerEvents } from "../../../net/sse.ts";
import { check, equal } from "../check.ts";
import type { EngineCase, EngineTest } from "../suite.ts";

/** Requests to the edge route, without a server. */
type Edge = (path: string, init?: RequestInit) => Promise<Response>;

/** How many backends get their first request at once. */
const CROWD = 10;

/** An edge route that lets everyone in as Ada. */
function edge(t: EngineTest): { request: Edge; failures: unknown[] } {
  const failures: unknown[] = [];
  const app = sessionProxy({
    engine: t.engine,
    authorize: () => ({ user: "ada", spawn: t.spawn() }),
    onError: (error) => void failures.push(error),
  });
  return {
    failures,
    request: async (path, init) =>
      await app.request(`http://edge.test/${path}`, {
        signal: t.signal,
        ...init,
      }),
  };
}

/** Ends the backend of a name. */
async function end(t: EngineTest, id: string): Promise<void> {
  await t.engine.terminate(id, { hard: true, signal: t.signal });
}

/** Cases about the edge route. */
export const edgeCases: readonly EngineCase[] = [
  {
    area: "edge",
    name: `${CROWD} backends get their first request before they are ready`,
    async run(t) {
      const { request, failures } = edge(t);
      await Promise.all(Array.from({ length: CROWD }, async () => {
        const key = t.key();
        const answer = await request(`${key}/backend/first?n=1`);
        const text = await answer.text();
        equal(answer.status, 200, `the status, with ${text} and ${failures}`);
        const told = JSON.parse(text);
        equal(told.path, "/first?n=1", "the path");
        equal(told.headers["x-verified-username"], "ada", "the user");
        const { backend_id } = await t.connect({ key, spawn: false });
        await end(t, backend_id);
      }));
    },
  },
  {
    area: "edge",
    name: "a page sees every state, and events of the backend",
    async run(t) {
      const { request } = edge(t);
      const key = t.key();
      const joined = await request(`${key}/connect`, { method: "POST" });
      const { backend_id: id, url } = await joined.json();
      check(!url.includes("//localhost"), `the URL leads past the edge`);
      const statuses: string[] = [];
      const stream = await request(`${key}/status/${id}/stream`);
      const reading = readServerEvents(stream.body!, {
        onEvent: ({ data }) => void statuses.push(JSON.parse(data).status),
        until: () => statuses.at(-1) === "terminated",
      });
      const events: string[] = [];
      const answer = await request(`${key}/backend/events`);
      equal(answer.status, 200, "the status of the events");
      await readServerEvents(answer.body!, {
        onEvent: ({ data }) => void events.push(data),
        until: () => events.length > 2,
      });
      await end(t, id);
      await reading;
      equal(
        [new Set(statuses).size, statuses.includes("ready")],
        [statuses.length, true],
        `the states ${statuses}`,
      );
    },
  },
  {
    area: "edge",
    name: "when a backend has ended, the next request gets a new one",
    async run(t) {
      const { request, failures } = edge(t);
      const key = t.key();
      const connect = async (): Promise<string> => {
        const answer = await request(`${key}/connect`, { method: "POST" });
        return (await answer.json()).backend_id;
      };
      const get = async () => {
        const answer = await request(`${key}/backend/`);
        const text = await answer.text();
        equal(answer.status, 200, `the status, with ${text} and ${failures}`);
      };
      const first = await connect();
      await get();
      await t.engine.terminate(first, { signal: t.signal });
      await get();
      const second = await connect();
      check(second !== first, "it is the backend that has ended");
      await end(t, second);
    },
  },
];
