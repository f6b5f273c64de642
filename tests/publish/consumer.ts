/**
 * A program that depends on the published package, in the words of its users:
 * checked against the types of each platform, and run on Node and Bun.
 */
import { Hono } from "@hono/hono";
import { SessionBackend } from "@feedline/feedline/client";
import { type SessionGrant, sessionProxy } from "@feedline/feedline/proxy";
import { Jamsocket, verifiedUser } from "@feedline/feedline/server";
import {
  type ConnectRequest,
  type ConnectResponse,
  HTTPError,
  isConnectResponse,
} from "@feedline/feedline/types";

/** Types are there: each of these would pass if they were `any`. */
export function mistakes(backend: SessionBackend): void {
  // @ts-expect-error a setting of the wrong kind
  new Jamsocket({ dev: "yes" });
  // @ts-expect-error the token is not to be read
  new Jamsocket({ dev: true }).token;
  // @ts-expect-error no connect response
  new SessionBackend("room-1");
  // @ts-expect-error a state that there is not
  backend.onStatus(({ status }) => status === "asleep");
  // @ts-expect-error a grant of the wrong kind
  sessionProxy({ engine: new Jamsocket({ dev: true }), authorize: () => 1 });
}

/** What may be missing is handed on as it is, also with exactOptionalPropertyTypes. */
export function handedOn(
  known: { name?: string; port?: number; limit?: number } = {},
): unknown[] {
  const { name: user, port, limit } = known;
  const jamsocket = new Jamsocket({ dev: true, port });
  const request: ConnectRequest = {
    user,
    auth: undefined,
    spawn: { max_idle_seconds: limit, executable: undefined },
  };
  // @ts-expect-error a key that was not found would spawn one more backend
  const keyless: ConnectRequest = { key: user };
  // @ts-expect-error a user that was not found would enter without a name
  const unnamed: SessionGrant = { user };
  return [
    request,
    keyless,
    unnamed,
    sessionProxy({
      engine: jamsocket,
      authorize: () => user === undefined ? null : { user },
      maxBody: limit,
      origin: undefined,
      onError: undefined,
    }),
    (answer: ConnectResponse) =>
      new SessionBackend(answer, { onError: undefined, fetch: undefined })
        .ready({ timeout: limit }),
  ];
}

/** A worker's bindings, as wrangler writes them: an interface without an index. */
export interface Env {
  JAMSOCKET_ACCOUNT: string;
  JAMSOCKET_SERVICE: string;
  JAMSOCKET_TOKEN: string;
}

/** The engine of a worker. */
export const fromWorker = (env: Env): Jamsocket => Jamsocket.fromEnv(env);

/** Spawns, watches, reaches and ends a backend of the dev platform at `port`. */
export async function use(port: number): Promise<Record<string, unknown>> {
  handedOn();
  const jamsocket = new Jamsocket({ dev: true, port });
  const answer = await jamsocket.connect({ key: "room-1" });
  const statuses: string[] = [];
  for await (const { status } of jamsocket.statuses(answer.backend_id)) {
    statuses.push(status);
    if (status === "ready") break;
  }

  const edge = new Hono().route(
    "/rooms",
    sessionProxy({ engine: jamsocket, authorize: () => ({ user: "ada" }) }),
  );
  const connect = await edge.request("/rooms/room-1/connect", {
    method: "POST",
  });
  const connected: unknown = await connect.json();
  const greeting = await edge.request("/rooms/room-1/backend/");

  const backend = new SessionBackend(answer);
  await backend.ready({ timeout: 30_000 });
  await jamsocket.terminate(answer.backend_id, { hard: true });
  await backend.onTerminatedPromise;

  const unknown = await jamsocket.status("no-such-backend").catch((e) => e);
  return {
    statuses,
    connected: isConnectResponse(connected),
    greeting: await greeting.text(),
    user: verifiedUser(new Headers({ "x-verified-username": "ada" })).user,
    unknown: unknown instanceof HTTPError && unknown.code,
  };
}
