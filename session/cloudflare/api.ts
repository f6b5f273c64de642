/** The platform's API of one object: the same responses as the dev platform's. */
import {
  type BackendState,
  type ConnectRequest,
  connectRequestSchema,
  HTTPError,
  isHTTPError,
  type Revocable,
} from "../../types.ts";
import { eventStream } from "../../net/event_stream.ts";
import { CONNECT, HOST, readPath } from "./address.ts";
import type { ObjectSession } from "./session.ts";

/** Milliseconds between comments on a quiet status stream. */
const KEEP_ALIVE = 25_000;
/** The delay before readers of a status stream reconnect, in milliseconds. */
const RETRY = 1_000;

/**
 * Whether a request is a call of the API. Only workers with the binding can send it: no
 * public request has this host, and no connection token reads "v2".
 */
export function isCall(url: URL): boolean {
  return url.origin === HOST && url.pathname.startsWith("/v2/");
}

/** Responds to a call. */
export async function answerCall(
  session: ObjectSession,
  request: Request,
): Promise<Response> {
  try {
    return await answer(session, request);
  } catch (error) {
    if (!isHTTPError(error)) throw error;
    const { code, message } = error;
    return Response.json({ error: { message } }, { status: code });
  }
}

async function answer(
  session: ObjectSession,
  request: Request,
): Promise<Response> {
  const { pathname } = new URL(request.url);
  const body = request.method === "POST" ? await request.json() : undefined;
  if (pathname === CONNECT) {
    return Response.json(await session.connect(checkConnect(body)));
  }
  const { backendId, action } = readPath(pathname) ?? { backendId: "" };
  const states = session.states(backendId);
  switch (action) {
    case "status":
      return Response.json(states.at(-1));
    case "status/stream": {
      const last = request.headers.get("last-event-id");
      return statusStream(session, backendId, states, last);
    }
    case "terminate": {
      const { hard = false } = Object(body) as { hard?: boolean };
      if (session.info?.backendId === backendId) {
        session.terminate(hard ? "hard" : "soft", "external");
      }
      return Response.json({ status: "ok" });
    }
    case "revoke":
      session.revoke(body as Revocable);
      return Response.json({ status: "ok" });
    default:
      throw new HTTPError(404, "no such endpoint");
  }
}

function checkConnect(body: unknown): ConnectRequest {
  const checked = connectRequestSchema.safeParse(body);
  if (checked.success) return checked.data;
  const { path, message } = checked.error.issues[0]!;
  throw new HTTPError(400, `${path.join(".")}: ${message}`);
}

/** All states as events, from the first that the reader has not seen. */
function statusStream(
  session: ObjectSession,
  backendId: string,
  states: readonly BackendState[],
  lastEventId: string | null,
): Response {
  const last = /^\d{1,9}$/.test(lastEventId ?? "") ? Number(lastEventId) : -1;
  return eventStream({
    keepAlive: KEEP_ALIVE,
    signal: new AbortController().signal,
    start(sink) {
      let id = 0;
      const send = (state: BackendState) => {
        if (id > last) {
          const data = JSON.stringify(state);
          sink.send({ id: String(id), data, retry: RETRY });
        }
        id++;
        if (state.status === "terminated") sink.close();
      };
      // Synchronous, so no state is lost between the history and the listener.
      states.forEach(send);
      return session.listen(backendId, send);
    },
  });
}
