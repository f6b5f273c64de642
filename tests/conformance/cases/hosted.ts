/** A hosted platform and Plane that are scripted, what it says, and who asks it. */
import { SessionBackend, type SessionBackendOptions } from "../../../client.ts";
import {
  type BackendState,
  Jamsocket,
  type JamsocketHostedInitOptions,
  Plane,
  type PlaneInitOptions,
  type SessionEngine,
} from "../../../server.ts";
import type { ConnectResponse } from "../../../types.ts";
import { until } from "../../kit/wait.ts";
import type { Answer } from "../far/script.ts";
import type { ScriptedPeer, Test } from "../suite.ts";

export const TOKEN = "TOKEN-of-the-api";

/** A hosted platform that does as its script says. */
export const hosted = (
  { url }: ScriptedPeer,
  more: Partial<JamsocketHostedInitOptions> = {},
) =>
  new Jamsocket({
    account: "a",
    token: TOKEN,
    service: "s",
    apiUrl: url,
    ...more,
  });

export const SECRET = "Basic SECRET-of-the-controller";

/** Plane, whose controller does as its script says. */
export const plane = (
  { url }: ScriptedPeer,
  more: Partial<PlaneInitOptions> = {},
) =>
  new Plane({
    controllerUrl: url,
    cluster: "main",
    namespace: "ns",
    executable: { image: "rooms", env: { A: "1", B: "1" } },
    headers: { authorization: SECRET },
    ...more,
  });

/** The engines, and where they find what of the backend `b1`. */
export const ENGINES: {
  make(peer: ScriptedPeer): SessionEngine;
  connect: string;
  terminate: string;
  status: string;
  stream: string;
}[] = [{
  make: hosted,
  connect: "/v2/service/a/s/connect",
  terminate: "/v2/backend/b1/terminate",
  status: "/v2/backend/b1/status",
  stream: "/v2/backend/b1/status/stream",
}, {
  make: plane,
  connect: "/ctrl/connect",
  terminate: "/ctrl/b/b1/soft-terminate",
  status: "/pub/b/b1/status",
  stream: "/pub/b/b1/status-stream",
}];

/** Watches its backend `b1`. */
export const watched = (
  { url }: ScriptedPeer,
  more: Partial<ConnectResponse> = {},
  options: SessionBackendOptions = {},
) =>
  new SessionBackend({
    backend_id: "b1",
    spawned: true,
    status: "scheduled",
    token: "TOKEN-1",
    url: `${url}/TOKEN-1/`,
    secret_token: "SECRET-1",
    status_url: `${url}/v2/backend/b1/status`,
    ready_url: "",
    ...more,
  }, options);

/** Where the states of a backend are. */
export const path = (backend: string) => `/v2/backend/${backend}/status/stream`;

/** A platform whose stream of the backend `b1` is answered so, time after time. */
export const answering = (t: Test, ...answers: (Answer | "silence")[]) =>
  t.script({ http: { [path("b1")]: answers } });

/** The statuses of a whole life. */
export const LIFE = [
  "scheduled",
  "loading",
  "starting",
  "waiting",
  "ready",
  "terminating",
  "terminated",
];

/** One event of a status stream. */
export const event = (status: string, more: object = {}) =>
  `id: ${status}\ndata: ${
    JSON.stringify({ status, time: "2026-01-01T00:00:00Z", ...more })
  }\n\n`;

/** Where a case would wait for long: the server says how long to wait. */
export const SOON = "retry: 1\n\n";

export const names = (states: readonly BackendState[]) =>
  states.map(({ status }) => status);

/** Follows `b1` to its end, and collects its states and errors. */
export async function follow(peer: ScriptedPeer) {
  const states: BackendState[] = [];
  const errors: { error: unknown; final: boolean }[] = [];
  await hosted(peer).statusStream("b1", (state) => states.push(state), {
    onError: (error, { final }) => errors.push({ error, final }),
  });
  await until(
    () =>
      errors.some(({ final }) => final) ||
      states.at(-1)?.status === "terminated",
    "it has ended",
  );
  return { states, errors };
}
