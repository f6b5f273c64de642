/**
 * Forwards a request to its backend: as HTTP, as two bridged WebSockets, or as a
 * WebSocket that the runtime forwards natively. If the backend is gone, each way asks
 * the platform once more and retries at the URL it returns.
 */
import { dial } from "../../net/dial.ts";
import { isPromiseLike } from "../../net/shape.ts";
import { setTimer } from "../../net/timer.ts";
import { addressIn, type Backends, type Held } from "./backends.ts";
import { type Bridge, bridge, type BridgeEnd } from "../pass/bridge.ts";
import { decodedBody } from "../pass/encoding.ts";
import {
  isLostError,
  isProxyError,
  LostError,
  ProxyError,
  redacted,
} from "../pass/failure.ts";
import {
  forward,
  type ForwardOptions,
  hasBody,
  IDEMPOTENT,
  secretsOf,
} from "../pass/forward.ts";
import {
  isHandshake,
  offeredProtocols,
  requestHeaders,
  responseHeaders,
  upgradeHeaders,
} from "../pass/headers.ts";
import type { Context } from "../pass/hono.ts";
import type { SessionProxyOptions, Visit } from "./options.ts";
import { pathWithin } from "../pass/path.ts";
import { relay } from "../pass/relay.ts";
import { keepHeaders, type Visitors } from "./visitors.ts";
import type { DialRequest, UpgradeAdapter } from "../pass/upgrade.ts";

const MAX_MESSAGE = 16 * 1024 ** 2;
const REDIRECT = /^30[12378]$/;

/** Forwards a plain HTTP request. */
export function passHttp(
  visit: Visit,
  backends: Backends,
  options: SessionProxyOptions,
  visitors: Visitors,
): Promise<Response> {
  const request = visit.c.req.raw;
  if (request.bodyUsed && request.headers.get("content-length") !== "0") {
    throw new ProxyError(
      500,
      "the request body was read before the edge could forward it",
    );
  }
  let repeatable = !hasBody(request);
  return cross(visit, backends, async (held, to) => {
    const policy = await rules(visit, held, to, options, backends);
    policy.onBody = (bytes) => repeatable = bytes === 0;
    policy.eventStream = (source) => {
      let leave = () => {};
      const { body, end } = relay(source.getReader(), {
        onEnd: () => leave(),
      });
      leave = visitors.enter(visit, { end });
      return body;
    };
    policy.onAnswer = (raw) => checkFound(raw, backends, visit);
    return checkRedirect(await forward(request, to, policy));
  }, (status) => {
    if (!repeatable) return "because its body was already sent";
    // After a 410, no backend can have acted on the request.
    if (status === 410 || IDEMPOTENT.test(request.method)) return undefined;
    return "because the backend may have processed it";
  });
}

/** What {@linkcode passJoined} needs from the route. */
export interface JoinHooks {
  /** Tracks the open connections, so that they can be revoked. */
  visitors: Visitors;
  /** Called when both sockets have ended. */
  onEnd(end: BridgeEnd): void;
}

/** Bridges two sockets. The backend's opens first, and its choice of subprotocol is accepted. */
export async function passJoined(
  visit: Visit,
  backends: Backends,
  options: SessionProxyOptions,
  upgrade: UpgradeAdapter,
  { visitors, onEnd }: JoinHooks,
): Promise<Response> {
  const { c } = visit;
  const { headers } = c.req.raw;
  if (!isHandshake(headers)) {
    throw new ProxyError(400, "malformed WebSocket handshake");
  }
  const protocols = readProtocols(headers);
  const { signal, unwatch } = watchClient(c, upgrade);
  visit.left = signal;
  const { maxMessage = MAX_MESSAGE, maxBuffered } = options;
  const pair = await cross(visit, backends, async (held, to) => {
    const policy = await rules(visit, held, to, options, backends);
    const own = upgradeHeaders(headers, policy);
    let pair!: Bridge;
    let refused: Parameters<DialRequest["onRefused"]>[0] | undefined;
    const create = options.WebSocket || !upgrade.dial
      ? undefined
      : (url: string) =>
        upgrade.dial!({
          url,
          protocols,
          headers: own,
          maxMessage,
          onRefused: (answer) => refused = answer,
        });
    try {
      await dial(to.replace(/^http/, "ws"), {
        protocols,
        init: { headers: own },
        signal,
        timeout: backends.deadlines.ms,
        WebSocket: options.WebSocket,
        create,
        onOpen: (socket) => pair = bridge(socket, { maxMessage, maxBuffered }),
        onRefused(status) {
          // With one of these, only the headers, which are not shown, would tell the
          // platform's response from the backend's.
          if (status === 410 || status === 502) return;
          refused ??= { status, headers: new Headers() };
        },
      });
      return pair;
    } catch (error) {
      if (signal.aborted) throw new ProxyError(499, "the client disconnected");
      const cause = redacted(error, secretsOf(to, policy));
      if (refused) throw refusal(refused, backends, visit, cause);
      throw new LostError(502, "the backend did not accept the WebSocket", {
        cause,
      });
    }
  }).finally(unwatch);
  try {
    // The client may have disconnected just as the dial ended; on Deno its socket
    // would then neither open nor close.
    if (signal.aborted) throw new ProxyError(499, "the client disconnected");
    const { protocol } = pair;
    const showHeaders = options.recheck === undefined
      ? undefined
      : keepHeaders(visit);
    const { socket, response } = await upgrade(c, protocol ? { protocol } : {});
    showHeaders?.();
    pair.ended.then(visitors.enter(visit, {
      end: () => pair.end(4403, "access was revoked"),
    }));
    if (isPromiseLike(socket)) {
      socket.then((socket) => pair.join(socket).then(onEnd), pair.abandon);
    } else pair.join(socket).then(onEnd);
    return response;
  } catch (error) {
    pair.abandon();
    throw error;
  }
}

/** A signal that aborts when the client disconnects before its socket is accepted. */
function watchClient(
  c: Context,
  { onLeave }: UpgradeAdapter,
): { signal: AbortSignal; unwatch: () => void } {
  const { signal } = c.req.raw;
  if (!onLeave) return { signal, unwatch() {} };
  const left = new AbortController();
  return {
    signal: AbortSignal.any([signal, left.signal]),
    unwatch: onLeave(c, () => left.abort()),
  };
}

/** Forwards the backend's WebSocket natively, as only workerd can. */
export function passNative(
  visit: Visit,
  backends: Backends,
  options: SessionProxyOptions,
): Promise<Response> {
  if (!("WebSocketPair" in globalThis)) throw withoutUpgrade();
  const { headers } = visit.c.req.raw;
  const protocols = readProtocols(headers);
  return cross(visit, backends, async (held, to) => {
    const policy = await rules(visit, held, to, options, backends);
    const own = requestHeaders(headers, policy);
    own.set("upgrade", "websocket");
    if (protocols.length > 0) {
      own.set("sec-websocket-protocol", protocols.join(", "));
    }
    // Not AbortSignal.timeout(), which would later close the open socket too.
    const controller = new AbortController();
    const timer = setTimer(
      () => controller.abort(),
      backends.deadlines.ms,
    );
    let answer: Response;
    try {
      const fetch = policy.fetch ?? globalThis.fetch;
      answer = await fetch(to, {
        headers: own,
        redirect: "manual",
        signal: controller.signal,
      });
    } catch (error) {
      throw new LostError(502, "the backend is unreachable", {
        cause: redacted(error, secretsOf(to, policy)),
      });
    } finally {
      clearTimeout(timer);
    }
    checkFound(answer, backends, visit);
    return await accept(answer, policy);
  });
}

/**
 * Tries the cached URL and, if the backend is gone, a fresh one. `unrepeatable`
 * returns the reason why the request must not be repeated, if there is one.
 */
async function cross<T>(
  visit: Visit,
  backends: Backends,
  attempt: (held: Held, to: string) => Promise<T>,
  unrepeatable: (status: number) => string | undefined = () => undefined,
): Promise<T> {
  const reached = backends.reach(visit);
  // Each await costs a small request some of its time.
  let held = isPromiseLike(reached) ? await reached : reached;
  for (let again = false;; again = true) {
    try {
      const to = addressIn(held, visit);
      const starting = backends.starting(visit, held);
      if (starting) await starting;
      const result = await attempt(held, to);
      backends.reached(visit);
      return result;
    } catch (error) {
      // The proxy may wait in vain with this token; the next request gets another.
      const late = isProxyError(error) && error.status === 504;
      if (!isLostError(error) && !late) throw error;
      backends.forget(visit, held);
      if (!isLostError(error)) throw error;
      if (again) {
        backends.unreachable(visit, error);
        throw error;
      }
      const { status, message, cause } = error;
      const why = unrepeatable(status);
      if (why) {
        backends.unreachable(visit, error);
        throw new ProxyError(
          status,
          `${message}; the request was not repeated, ${why}`,
          { cause },
        );
      }
    }
    held = await backends.connect(visit);
  }
}

/** Converts the backend's response to an upgrade to the one for the client. */
async function accept(
  answer: Response,
  policy: ForwardOptions,
): Promise<Response> {
  const { decoded, body } = await decodedBody(answer);
  const headers = responseHeaders(answer.headers, policy, decoded);
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
      new Response(answer.status === 304 ? null : body, {
        status: answer.status,
        headers,
      }),
    );
  }
  answer.body?.cancel().catch(() => {});
  throw new ProxyError(
    502,
    "the backend did not accept the WebSocket",
  );
}

/** The error of an edge on Node or Bun that lacks the option `upgrade`. */
function withoutUpgrade(): ProxyError {
  return new ProxyError(
    502,
    "this runtime cannot forward WebSockets by itself: sessionProxy needs the option upgrade",
    {
      cause: new Error(`add, on Node:
  const server = new WebSocketServer({ noServer: true });
  const upgrade = nodeUpgrade({ server, upgradeWebSocket });
  serve({ fetch: app.fetch, websocket: { server }, serverOptions: upgrade.serverOptions });
on Bun:
  const { upgrade, websocket } = bunUpgrade();
  export default { fetch: app.fetch, websocket };
and on both:
  sessionProxy({ upgrade, … })`),
    },
  );
}

/** The forwarding options of a visit. */
async function rules(
  visit: Visit,
  held: Held,
  to: string,
  options: SessionProxyOptions,
  backends: Backends,
): Promise<ForwardOptions> {
  const { c, name, path } = visit;
  const { base, secrets } = held;
  const prefix = `${path}/backend/`;
  return {
    cookies: options.cookies,
    authorization: options.authorization,
    cache: options.cache,
    set: options.headers && await options.headers(c, name),
    secrets,
    cookiePath: prefix,
    maxBody: options.maxBody ?? 100 * 1024 ** 2,
    deadlines: backends.deadlines,
    fetch: backends.fetchFor(visit, held),
    location(location) {
      const within = pathWithin(base, new URL(to), location);
      return within === undefined ? undefined : prefix + within;
    },
  };
}

function readProtocols(headers: Headers): string[] {
  const protocols = offeredProtocols(headers);
  if (!protocols) {
    throw new ProxyError(400, "the Sec-WebSocket-Protocol header is malformed");
  }
  return protocols;
}

/** Converts a backend's response to an upgrade, other than 101, to an error. */
function refusal(
  answer: { status: number; headers: Headers },
  backends: Backends,
  visit: Visit,
  cause: Error,
): ProxyError {
  const lost = lostBy(answer, backends, visit);
  if (lost) return lost;
  const { status } = answer;
  const message = "the backend refused the WebSocket";
  return status >= 400 && status < 600
    ? new ProxyError(status, message, { cause })
    : new ProxyError(502, `${message} with status ${status}`, { cause });
}

/** @throws {LostError} if the platform responded that there is no backend */
function checkFound(
  answer: Response,
  backends: Backends,
  visit: Visit,
): void {
  const lost = lostBy(answer, backends, visit);
  if (!lost) return;
  answer.body?.cancel().catch(() => {});
  throw lost;
}

/**
 * Distinguishes the platform's response that there is no backend from a response
 * of the backend itself: returns the error if the platform responded.
 */
function lostBy(
  answer: { status: number; headers: Headers },
  backends: Backends,
  { c }: Visit,
): LostError | undefined {
  const { status } = answer;
  if (status !== 410 && status !== 502) return undefined;
  if (!backends.engine(c).isPlatformAnswer?.(answer)) return undefined;
  return new LostError(
    status,
    status === 410 ? "the backend is gone" : "the backend is unreachable",
  );
}

/**
 * Refuses a redirect whose URL could not be turned into an edge URL. Drops the
 * body of any other redirect: browsers do not read it, and it repeats the URL.
 */
function checkRedirect(answer: Response): Response {
  const { status } = answer;
  if (!REDIRECT.test(String(status))) return answer;
  const { headers } = answer;
  answer.body?.cancel().catch(() => {});
  if (!headers.has("location")) {
    throw new ProxyError(502, "the backend redirects to a URL outside itself");
  }
  headers.delete("content-length");
  return new Response(null, { status, headers });
}
