/**
 * A request crosses to its backend: as HTTP, as two WebSockets joined, or as a
 * WebSocket that the runtime passes on. Each way tries a backend that is gone
 * once more at the address that the platform then names.
 */
import { dial } from "../net/dial.ts";
import { addressIn, type Backends, type Held } from "./backends.ts";
import { bridge, type BridgeEnd } from "./bridge.ts";
import { ProxyError, redacted } from "./failure.ts";
import { forward, type ForwardOptions } from "./forward.ts";
import {
  offeredProtocols,
  requestHeaders,
  responseHeaders,
  upgradeHeaders,
} from "./headers.ts";
import type { SessionProxyOptions, Visit } from "./options.ts";
import { pathWithin } from "./path.ts";
import type { UpgradeAdapter } from "./upgrade.ts";

const IDEMPOTENT = /^(GET|HEAD|OPTIONS|PUT|DELETE)$/;
const REDIRECT = /^30[12378]$/;

/** Forwards a plain request. */
export async function passHttp(
  visit: Visit,
  backends: Backends,
  options: SessionProxyOptions,
): Promise<Response> {
  const request = visit.c.req.raw;
  let held = await backends.reach(visit);
  for (let last = false;; last = true) {
    const to = addressIn(held, visit);
    const policy = rules(visit, held, to, options);
    let failure: ProxyError;
    try {
      const answer = await forward(request, to, policy);
      if (!isLost(answer)) return checkRedirect(answer);
      // Plane marks answers that a backend gave itself.
      if (last && answer.headers.has("x-plane-backend-id")) return answer;
      failure = await lost(answer);
    } catch (error) {
      if (!(error instanceof ProxyError) || error.status !== 502) throw error;
      failure = error;
    }
    backends.forget(visit, held);
    if (last) throw failure;
    if (request.body !== null) {
      throw new ProxyError(
        failure.status,
        `${failure.message}; the request was not repeated, because its body was sent`,
        { cause: failure.cause },
      );
    }
    // Behind a 410 there is nobody who could have acted on the request.
    if (failure.status !== 410 && !IDEMPOTENT.test(request.method)) {
      throw new ProxyError(
        failure.status,
        `${failure.message}; the request was not repeated, because it may have been served`,
        { cause: failure.cause },
      );
    }
    held = await backends.connect(visit);
  }
}

/** Joins two sockets. The backend's opens first, and what it chose is accepted. */
export async function passJoined(
  visit: Visit,
  backends: Backends,
  options: SessionProxyOptions,
  upgrade: UpgradeAdapter,
  onEnd: (end: BridgeEnd) => void,
): Promise<Response> {
  const { c } = visit;
  const { headers, signal } = c.req.raw;
  const protocols = readProtocols(headers);
  let held = await backends.reach(visit);
  let upstream: WebSocket;
  for (let last = false;; last = true) {
    const to = addressIn(held, visit);
    const policy = rules(visit, held, to, options);
    try {
      upstream = await dial(to.href.replace(/^http/, "ws"), {
        protocols,
        headers: upgradeHeaders(headers, policy),
        signal,
        timeout: backends.timeout,
        WebSocket: options.WebSocket,
      });
      break;
    } catch (error) {
      if (signal.aborted) throw new ProxyError(499, "the client is gone");
      backends.forget(visit, held);
      if (last) {
        throw new ProxyError(502, "the backend takes no WebSocket", {
          cause: redacted(error, [to.pathname, ...held.secrets]),
        });
      }
      held = await backends.connect(visit);
    }
  }
  const { maxMessage, maxBuffered } = options;
  const pair = bridge(upstream, { maxMessage, maxBuffered });
  try {
    const { protocol } = upstream;
    const { socket, response } = await upgrade(c, protocol ? { protocol } : {});
    if (socket instanceof Promise) {
      socket.then((socket) => pair.join(socket).then(onEnd), pair.abandon);
    } else pair.join(socket).then(onEnd);
    return response;
  } catch (error) {
    pair.abandon();
    throw error;
  }
}

/** Hands the backend's socket to the client as the runtime gave it. */
export async function passNative(
  visit: Visit,
  backends: Backends,
  options: SessionProxyOptions,
): Promise<Response> {
  const { headers } = visit.c.req.raw;
  const protocols = readProtocols(headers);
  const fetch = options.fetch ?? globalThis.fetch;
  let held = await backends.reach(visit);
  for (let last = false;; last = true) {
    const to = addressIn(held, visit);
    const policy = rules(visit, held, to, options);
    const own = requestHeaders(headers, policy);
    own.set("upgrade", "websocket");
    if (protocols.length > 0) {
      own.set("sec-websocket-protocol", protocols.join(", "));
    }
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), backends.timeout);
    let failure: ProxyError;
    try {
      const answer = await fetch(to, {
        headers: own,
        redirect: "manual",
        signal: controller.signal,
      });
      if (!isLost(answer)) return accept(answer, policy);
      failure = await lost(answer);
    } catch (error) {
      if (error instanceof ProxyError) throw error;
      failure = new ProxyError(502, "the backend cannot be reached", {
        cause: redacted(error, [to.href, to.pathname, ...held.secrets]),
      });
    } finally {
      clearTimeout(timer);
    }
    backends.forget(visit, held);
    if (last) throw failure;
    held = await backends.connect(visit);
  }
}

/** The client's answer to the backend's answer to an upgrade. */
function accept(answer: Response, policy: ForwardOptions): Response {
  const headers = responseHeaders(answer.headers, policy);
  const { webSocket } = answer as Response & { webSocket?: unknown };
  if (webSocket) {
    const chosen = answer.headers.get("sec-websocket-protocol");
    if (chosen !== null) headers.set("sec-websocket-protocol", chosen);
    return new Response(
      null,
      { status: 101, webSocket, headers } as ResponseInit,
    );
  }
  if (answer.status >= 300) {
    return checkRedirect(
      new Response(answer.status === 304 ? null : answer.body, {
        status: answer.status,
        headers,
      }),
    );
  }
  answer.body?.cancel().catch(() => {});
  throw new ProxyError(
    502,
    "the backend took no WebSocket, or this runtime passes none on and sessionProxy needs the option upgrade",
  );
}

/** What crosses between a visit's client and its backend. */
function rules(
  { c, name, path }: Visit,
  { base, secrets }: Held,
  to: URL,
  options: SessionProxyOptions,
): ForwardOptions {
  const prefix = `${path}/backend/`;
  return {
    cookies: options.cookies,
    authorization: options.authorization,
    cache: options.cache,
    set: options.headers?.(c, name),
    secrets,
    cookiePath: prefix,
    maxBody: options.maxBody ?? 100 * 1024 ** 2,
    timeout: options.timeout,
    fetch: options.fetch,
    location(location) {
      const within = pathWithin(new URL(base), to, location);
      return within === undefined ? undefined : prefix + within;
    },
  };
}

function readProtocols(headers: Headers): string[] {
  const protocols = offeredProtocols(headers);
  if (!protocols) throw new ProxyError(400, "malformed subprotocols");
  return protocols;
}

/** Whether an answer may mean that the held address leads nowhere any longer. */
function isLost({ status }: Response): boolean {
  return status === 410 || status === 502;
}

async function lost(answer: Response): Promise<ProxyError> {
  await answer.body?.cancel();
  return new ProxyError(
    answer.status,
    answer.status === 410
      ? "the backend is gone"
      : "the backend cannot be reached",
  );
}

/** Refuses a redirect whose address could not be turned into one of the edge's. */
function checkRedirect(answer: Response): Response {
  if (REDIRECT.test(String(answer.status)) && !answer.headers.has("location")) {
    answer.body?.cancel().catch(() => {});
    throw new ProxyError(502, "the backend redirects to another place");
  }
  return answer;
}
