/**
 * The connection proxy: `/{token}/…` leads to the backend that the token was
 * given out for, over HTTP and WebSocket, with the token taken off the path.
 */
import { dial } from "../../net/dial.ts";
import { type Bridge, bridge } from "../pass/bridge.ts";
import { isProxyError, ProxyError } from "../pass/failure.ts";
import { forward } from "../pass/forward.ts";
import {
  isUpgrade,
  offeredProtocols,
  upgradeHeaders,
} from "../pass/headers.ts";
import { acceptWebSocket } from "../pass/upgrade.ts";
import { type GuardOptions, refusal } from "./guard.ts";
import { isUsable } from "./lifecycle.ts";
import type { Grant, Registry } from "./registry.ts";

/** What the proxy works on. */
export interface ConnectProxyOptions {
  /** Knows the tokens. */
  registry: Registry;
  /** Who is let in. */
  guard: GuardOptions;
  /** Ends all WebSockets. */
  signal: AbortSignal;
}

/** Cookies and credentials pass: they belong to the page and its backend. */
const POLICY = {
  cookies: true,
  authorization: true,
  cors: true,
  cache: true,
} as const;

/** Milliseconds; long enough for any backend to prepare its response. */
const ANSWER_TIMEOUT = 24 * 60 * 60 * 1000;

/** The handler of the proxy's server. */
export function createConnectProxy(
  options: ConnectProxyOptions,
): Deno.ServeHandler {
  return async (request, info) => {
    let grant: Grant | undefined;
    let response: Response;
    try {
      const reason = refusal(request.headers, options.guard);
      if (reason) throw new ProxyError(403, reason);
      const { pathname } = new URL(request.url);
      grant = options.registry.grant(pathname.split("/", 2)[1]!);
      if (!grant) {
        throw new ProxyError(
          410,
          "the connection token is unknown, revoked, or its backend has ended",
        );
      }
      response = await serve(request, info, grant, options);
      if (isPreflight(request) && !hasCors(response.headers)) {
        // A backend that knows nothing of CORS refuses what it was not asked.
        response.body?.cancel().catch(() => {});
        response = new Response(null, { status: 204 });
      }
    } catch (error) {
      response = refuse(error);
      // No backend gave this answer, so it names none.
      grant = undefined;
    }
    // An upgrade's answer is not ours to change.
    if (response.status === 101) return response;
    return withGeneralHeaders(response, grant?.backend.id);
  };
}

async function serve(
  request: Request,
  info: Deno.ServeHandlerInfo,
  grant: Grant,
  { signal }: ConnectProxyOptions,
): Promise<Response> {
  const { backend, token, secret, user, userData } = grant;
  const release = backend.connection();
  let upgraded = false;
  try {
    // An early request waits until the backend listens.
    const state = await backend.life.reached(
      ({ status }) => status === "ready" || status === "terminating",
      request.signal,
    );
    if (backend.address === undefined || !isUsable(state)) {
      throw new ProxyError(410, "the backend is ending or has ended");
    }
    const { pathname, search } = new URL(request.url);
    const path = pathname.slice(1 + token.length) || "/";
    const to = new URL(`http://${backend.address}${path}${search}`);
    const set = {
      "x-verified-username": user,
      "x-verified-user-data": userData,
      "x-verified-secret": secret,
      "x-verified-path": pathname,
      "x-verified-backend": backend.id,
    };
    if (!isUpgrade(request)) {
      return await forward(request, to, {
        ...POLICY,
        set,
        timeout: ANSWER_TIMEOUT,
        signal,
      });
    }
    const protocols = offeredProtocols(request.headers);
    if (!protocols) {
      throw new ProxyError(
        400,
        "the Sec-WebSocket-Protocol header is malformed",
      );
    }
    to.protocol = "ws:";
    let joint!: Bridge;
    const upstream = await dial(to.href, {
      onOpen: (socket) =>
        joint = bridge(socket, { maxMessage: Infinity, signal }),
      protocols,
      init: { headers: upgradeHeaders(request.headers, { ...POLICY, set }) },
      signal: request.signal,
      timeout: ANSWER_TIMEOUT,
    }).catch((cause) => {
      throw new ProxyError(502, "the backend refused the WebSocket", { cause });
    });
    if (request.signal.aborted) {
      // A socket for a client that is gone neither opens nor closes.
      joint.abandon();
      throw new ProxyError(499, "the client disconnected");
    }
    try {
      const { socket, response } = acceptWebSocket(Deno, request, upstream);
      upgraded = true;
      joint.join(socket).finally(release);
      return response;
    } catch (cause) {
      joint.abandon();
      throw new ProxyError(
        400,
        "the request cannot be upgraded to a WebSocket",
        {
          cause,
        },
      );
    }
  } finally {
    // A plain request lasts until its answer is sent, or the client disconnected.
    if (!upgraded) info.completed.then(release, release);
  }
}

/** Answers with the failure; its message never holds a token. */
function refuse(error: unknown): Response {
  const { status, message } = isProxyError(error)
    ? error
    : new ProxyError(502, "the connection proxy failed");
  // The client has disconnected; no one reads a 499.
  return new Response(`${message}\n`, {
    status: status === 499 ? 502 : status,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}

function isPreflight(request: Request): boolean {
  return request.method === "OPTIONS" &&
    request.headers.has("access-control-request-method");
}

/** Whether the backend has a CORS policy of its own. */
function hasCors(headers: Headers): boolean {
  return ["origin", "methods", "headers"].some((name) =>
    headers.has(`access-control-allow-${name}`)
  );
}

/** Which backend answered, and CORS for all unless the backend has its own. */
function withGeneralHeaders(
  response: Response,
  backendId: string | undefined,
): Response {
  const headers = new Headers(response.headers);
  if (backendId !== undefined) headers.set("x-plane-backend-id", backendId);
  if (!hasCors(headers)) {
    headers.set("access-control-allow-origin", "*");
    headers.set("access-control-allow-methods", "*");
    // `*` does not stand for this one.
    headers.set("access-control-allow-headers", "*, Authorization");
  }
  return new Response(response.body, {
    status: response.status,
    statusText: response.statusText,
    headers,
  });
}
