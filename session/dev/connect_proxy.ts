/**
 * The connection proxy: forwards `/{token}/…` to the backend that the token was issued
 * for, over HTTP and WebSocket, with the token removed from the path.
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

/** Options of {@linkcode createConnectProxy}. */
export interface ConnectProxyOptions {
  /** Resolves the tokens. */
  registry: Registry;
  /** Which hosts and origins may use the proxy. */
  guard: GuardOptions;
  /** Ends all WebSockets. */
  signal: AbortSignal;
}

/** Forwards cookies and credentials, which belong to the page and its backend. */
const POLICY = {
  cookies: true,
  authorization: true,
  cors: true,
  cache: true,
} as const;

/** In milliseconds; long enough for any backend to prepare its response. */
const ANSWER_TIMEOUT = 24 * 60 * 60 * 1000;

/** Creates the handler of the proxy's server. */
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
        // The backend does not handle CORS, so its refusal of the preflight is replaced.
        response.body?.cancel().catch(() => {});
        response = new Response(null, { status: 204 });
      }
    } catch (error) {
      response = refuse(error);
      // This response is not from a backend, so it must not name one.
      grant = undefined;
    }
    // The response to an upgrade must not be changed.
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
      // The socket of a client that has disconnected neither opens nor closes.
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
    // A plain request lasts until its response is sent or the client disconnects.
    if (!upgraded) info.completed.then(release, release);
  }
}

/** Responds with the failure; its message never contains a token. */
function refuse(error: unknown): Response {
  const { status, message } = isProxyError(error)
    ? error
    : new ProxyError(502, "the connection proxy failed");
  // 499 is not a standard status, and the client has disconnected anyway.
  return new Response(`${message}\n`, {
    status: status === 499 ? 502 : status,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}

function isPreflight(request: Request): boolean {
  return request.method === "OPTIONS" &&
    request.headers.has("access-control-request-method");
}

/** Whether the backend has its own CORS policy. */
function hasCors(headers: Headers): boolean {
  return ["origin", "methods", "headers"].some((name) =>
    headers.has(`access-control-allow-${name}`)
  );
}

/** Adds the backend's id, and CORS for all origins unless the backend has its own policy. */
function withGeneralHeaders(
  response: Response,
  backendId: string | undefined,
): Response {
  const headers = new Headers(response.headers);
  if (backendId !== undefined) headers.set("x-plane-backend-id", backendId);
  if (!hasCors(headers)) {
    headers.set("access-control-allow-origin", "*");
    headers.set("access-control-allow-methods", "*");
    // `*` does not include this one.
    headers.set("access-control-allow-headers", "*, Authorization");
  }
  return new Response(response.body, {
    status: response.status,
    statusText: response.statusText,
    headers,
  });
}
