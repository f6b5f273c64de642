/** Following a backend's states with the engines, on the dev platform and on one with faults. */
import { Jamsocket } from "../../../server.ts";
import { collect, same } from "../check.ts";
import type { Area, ScriptedPeer, Test } from "../suite.ts";

/** What only a program may do. */
export const NO_PAGE = {
  chromium: "the dev platform lets no page of another origin in",
};

/** The engine of the dev platform. */
const local = (t: Test) => new Jamsocket({ dev: true, port: t.platform });

/** A hosted platform that does as its script says. */
const hosted = ({ url }: ScriptedPeer) =>
  new Jamsocket({ account: "a", token: "TOKEN", service: "s", apiUrl: url });

/** One event of a status stream. */
export const event = (status: string, id = status) =>
  `id: ${id}\ndata: ${
    JSON.stringify({ status, time: "2026-01-01T00:00:00Z" })
  }\n\n`;

export const status: Area = {
  name: "status following",
  exceptions: {
    "a backend is spawned, followed and ended": NO_PAGE,
  },
  cases: {
    async "a backend is spawned, followed and ended"(t) {
      const engine = local(t);
      const { backend_id, spawned } = await engine.connect({
        key: t.name("room"),
      });
      same(spawned, true, "spawned");
      const seen: string[] = [];
      for await (const { status } of engine.statuses(backend_id)) {
        seen.push(status);
        if (status === "ready") await engine.terminate(backend_id);
      }
      same(seen, [
        "scheduled",
        "loading",
        "starting",
        "waiting",
        "ready",
        "terminating",
        "terminated",
      ]);
    },

    async "a stream that breaks off gives each state once, in order"(t) {
      const peer = await t.script({
        http: {
          "/v2/backend/b1/status/stream": [
            { chunks: [event("scheduled"), event("loading")], then: "cut" },
            {
              chunks: ["retry: 1\n", event("loading"), event("ready")],
              then: "cut",
            },
            { chunks: [event("ready"), event("terminated")] },
          ],
        },
      });
      const states = await collect(hosted(peer).statuses("b1"));
      same(states.map(({ status }) => status), [
        "scheduled",
        "loading",
        "ready",
        "terminated",
      ]);
      const { requests } = await peer.seen();
      same(requests.map(({ headers }) => headers["last-event-id"]), [
        undefined,
        "loading",
        "ready",
      ], "Last-Event-ID");
    },
  },
};
