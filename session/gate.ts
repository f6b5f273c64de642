/**
 * The gate in front of session backends: lets in who holds a connection token, tells the
 * backend who that is, and counts what is open.
 *
 * {@linkcode Gate} (`gate/gate.ts`) decides. {@linkcode createGate} below is the thin shell
 * around it: it forwards `/{token}/…` to the backend that the token leads to, with the
 * token removed from the path, over HTTP, event streams and WebSockets, on Deno, Node, Bun
 * and Workers.
 */
import { Hono } from "@hono/hono";
import { Deadlines } from "../net/deadlines.ts";
import { dial } from "../net/dial.ts";
import { isEventStream } from "../net/sse.ts";
import { checkDuration } from "../net/timer.ts";
import type { Gate, Refusal } from "./gate/gate.ts";
import { refusalError } from "./gate/gate.ts";
import { accept, acceptPair, hasPairs, socketOf } from "./gate/pair.ts";
import type { Access } from "./gate/token.ts";
import type { GateRequest, GateTrace } from "./gate/trace.ts";
import { type Bridge, bridge, type BridgeOptions } from "./pass/bridge.ts";
import { relay } from "./pass/relay.ts";
import { isProxyError, ProxyError } from "./pass/failure.ts";
import { forward } from "./pass/forward.ts";
import { isUpgrade, offeredProtocols, upgradeHeaders } from "./pass/headers.ts";
import type { Context, Hono as HonoApp } from "./pass/hono.ts";
import {
  type DialRequest,
  ownUpgrade,
  type UpgradeAdapter,
} from "./pass/upgrade.ts";

export {
  type Admission,
  Gate,
  type GateOptions,
  type Refusal,
  type Stay,
} from "./gate/gate.ts";
export { checkIdentity, type Identity } from "./gate/identity.ts";
export type { Revocation } from "./gate/revocations.ts";
export type { Access, GateKey, IssuedToken } from "./gate/token.ts";
export type { GateRequest, GateTrace, Sender } from "./gate/trace.ts";

/** Where a backend is. */
export interface GateTarget {
  /** Its origin, such as `http://127.0.0.1:1234`. */
  origin: string;
  /** Sends the requests, if the backend has no address. @default {globalThis.fetch} */
  fetch?: typeof fetch | undefined;
  /**
   * Called when the backend has accepted a WebSocket on Workers: whether to hand it to
   * the client as it is, because it hibernates. The gate then neither counts nor ends
   * it. @default not
   */
  hibernates?: (() => boolean) | undefined;
}

/** Options of {@linkcode createGate}. */
export interface GateShellOptions {
  /** Decides who may pass. */
  gate: Gate;
  /**
   * Finds a backend, and waits until it is ready; `signal` aborts when the client has
   * disconnected. Throw a `ProxyError` with 410 if the backend is ending or has ended.
   */
  reach: (access: Access, signal: AbortSignal) => Promise<GateTarget>;
  /** Returns a reason to refuse a request with 403, whatever its token. */
  refuse?: ((request: Request) => string | undefined) | undefined;
  /**
   * Accepts WebSockets. Bun and Node need it: `bunUpgrade`, `nodeUpgrade`.
   * @default Deno's own upgrade, or a pair on Workers
   */
  upgrade?: UpgradeAdapter | undefined;
  /** Milliseconds until a backend must begin to respond. @default {Infinity} */
  timeout?: number | undefined;
  /** Ends everything that is open. */
  signal?: AbortSignal | undefined;
  /** Called when a request is refused because of its token. */
  onRefused?: ((refusal: Refusal) => void) | undefined;
  /** Called with each request; returns what follows it. */
  onRequest?: ((request: GateRequest) => GateTrace | undefined) | undefined;
}

/** Forwards cookies and credentials, which belong to the page and its backend. */
const POLICY = {
  cookies: true,
  authorization: true,
  cors: true,
  cache: true,
} as const;

/**
 * Creates a gate as a Hono application, whose paths begin with a token.
 *
 * Refuses with 401 what is not a token of this gate's keys, and with 410 a token that has
 * expired, was revoked, was signed with a secret that is no longer in use, or whose
 * backend has ended. A response of a backend carries its id in `x-plane-backend-id`, as
 * Plane's do; a response of the gate itself does not.
 */
export function createGate(options: GateShellOptions): HonoApp {
  const upgrade = options.upgrade ?? ownUpgrade();
  const deadlines = new Deadlines(
    checkDuration("timeout", options.timeout ?? Infinity),
  );
  return new Hono().all("*", async (c) => {
    let trace: GateTrace | undefined;
    const onRequest = options.onRequest &&
      ((request: GateRequest) => trace = options.onRequest!(request));
    try {
      return await pass(c, { ...options, deadlines, onRequest }, upgrade);
    } catch (error) {
      const response = withGeneralHeaders(refuse(error), undefined);
      trace?.onAnswer(response.status, response.headers);
      trace?.onEnd();
      return response;
    }
  });
}

/** Lets a request in, forwards it, and counts it until it has ended. */
async function pass(
  c: Context,
  options: GateShellOptions & { deadlines: Deadlines },
  upgrade: UpgradeAdapter | undefined,
): Promise<Response> {
  const { gate } = options;
  const request = c.req.raw;
  const reason = options.refuse?.(request);
  if (reason) throw new ProxyError(403, reason);
  const { pathname, search } = new URL(request.url);
  const { method } = request;
  const upgrades = isUpgrade(request);
  const admission = await gate.admit(pathname);
  if (admission.kind === "refused") {
    options.onRefused?.(admission.refusal);
    const refused = { access: undefined, method, path: "", upgrade: upgrades };
    options.onRequest?.(refused);
    throw refusalError(admission.refusal);
  }
  const { access, headers } = admission;
  const revoked = new AbortController();
  const leave = gate.enter(access, { end: () => passage.end() });
  const trace = options.onRequest?.({
    access,
    method,
    path: admission.path + search,
    upgrade: upgrades,
  });
  const passage: Passage = {
    c,
    headers,
    trace,
    revoked: revoked.signal,
    end: () => revoked.abort(refusalError("revoked")),
    leave() {
      leave();
      if (passage.open) trace?.onEnd();
    },
    open: false,
  };
  try {
    if (gate.isRevoked(access)) throw refusalError("revoked");
    const target = await options.reach(
      access,
      AbortSignal.any([request.signal, revoked.signal]),
    );
    const to = new URL(target.origin + admission.path + search);
    const answer = upgrades
      ? await passSocket(passage, target, to, options, upgrade)
      : withGeneralHeaders(
        await passHttp(passage, target, to, options),
        access.backendId,
      );
    trace?.onAnswer(answer.status, answer.headers);
    if (!passage.open) trace?.onEnd();
    return answer;
  } catch (error) {
    throw revoked.signal.aborted ? revoked.signal.reason : error;
  } finally {
    if (!passage.open) passage.leave();
  }
}

/** A request on its way through the gate. */
interface Passage {
  readonly c: Context;
  /** Who it is from. */
  readonly headers: Record<string, string | undefined>;
  /** Follows it. */
  readonly trace: GateTrace | undefined;
  /** Aborts when access is revoked before there is a response. */
  readonly revoked: AbortSignal;
  /** Ends it because its access was revoked. */
  end: () => void;
  /** It no longer counts. */
  readonly leave: () => void;
  /** Whether something stays open after the handler has returned. */
  open: boolean;
}

async function passHttp(
  passage: Passage,
  { fetch }: GateTarget,
  to: URL,
  { deadlines, signal }: GateShellOptions & { deadlines: Deadlines },
): Promise<Response> {
  const { c: { req: { raw: request } }, revoked } = passage;
  const answer = await forward(request, to.href, {
    ...POLICY,
    set: passage.headers,
    deadlines,
    fetch,
    signal: signal ? AbortSignal.any([signal, revoked]) : revoked,
  });
  const drop = () => void answer.body?.cancel().catch(() => {});
  if (revoked.aborted) {
    drop();
    throw revoked.reason;
  }
  if (isPreflight(request) && !hasCors(answer.headers)) {
    // The backend does not handle CORS, so its refusal of the preflight is replaced.
    drop();
    return new Response(null, { status: 204 });
  }
  if (!answer.body || request.method === "HEAD") {
    drop();
    return new Response(null, answer);
  }
  // Only a stream of events may look complete. Its reader then comes back, and is refused.
  const complete = isEventStream(answer.headers.get("content-type"));
  const { trace } = passage;
  const { body, end } = relay(answer.body.getReader(), {
    onEnd: passage.leave,
    ...(complete && trace
      ? { onChunk: (chunk) => trace.onData("backend", chunk) }
      : {}),
  });
  passage.open = true;
  passage.end = () => end(complete ? undefined : refusalError("revoked"));
  return new Response(body, answer);
}

/** Bridges two sockets. The backend's opens first, and its choice of subprotocol is accepted. */
async function passSocket(
  passage: Passage,
  target: GateTarget,
  to: URL,
  options: GateShellOptions,
  upgrade: UpgradeAdapter | undefined,
): Promise<Response> {
  const { c, revoked } = passage;
  const request = c.req.raw;
  const { signal } = request;
  const protocols = offeredProtocols(request.headers);
  if (!protocols) {
    throw new ProxyError(400, "the Sec-WebSocket-Protocol header is malformed");
  }
  const headers = upgradeHeaders(request.headers, {
    ...POLICY,
    set: passage.headers,
  });
  const native = !upgrade && hasPairs();
  if (!upgrade && !native) {
    throw new ProxyError(
      501,
      "this runtime cannot accept WebSockets by itself: the gate needs the option upgrade",
    );
  }
  const given = AbortSignal.any([signal, revoked]);
  const { trace } = passage;
  const onMessage: BridgeOptions["onMessage"] = trace &&
    ((from, data) =>
      trace.onData(from === "client" ? "client" : "backend", data));
  const dialling = { protocols, headers, signal: given, onMessage };
  const dialled = native
    ? await fetchSocket(target, to, dialling)
    : await dialSocket(to, upgrade, {
      ...dialling,
      timeout: options.timeout ?? Infinity,
      ended: options.signal,
    });
  if (!("joint" in dialled)) return dialled;
  const { joint, protocol } = dialled;
  if (given.aborted) {
    // The socket of a client that has disconnected neither opens nor closes.
    joint.abandon();
    throw revoked.aborted
      ? revoked.reason
      : new ProxyError(499, "the client disconnected");
  }
  try {
    const { socket, response } = native
      ? acceptPair(protocol)
      : await upgrade!(c, protocol ? { protocol } : {});
    passage.open = true;
    passage.end = () => joint.end(4403, "access was revoked");
    joint.ended.then(passage.leave);
    // On Node, the client's end opens later.
    Promise.resolve(socket).then((socket) => joint.join(socket), joint.abandon);
    return response;
  } catch (cause) {
    joint.abandon();
    throw new ProxyError(
      400,
      "the request cannot be upgraded to a WebSocket",
      { cause },
    );
  }
}

/** The backend's end of a WebSocket. */
interface Dialled {
  joint: Bridge;
  /** The subprotocol that the backend chose, or "". */
  protocol: string;
}

/** What both ways to open the backend's end need. */
interface Dialling extends Pick<BridgeOptions, "onMessage"> {
  protocols: string[];
  headers: Record<string, string>;
  signal: AbortSignal;
}

async function dialSocket(
  to: URL,
  upgrade: UpgradeAdapter | undefined,
  { protocols, headers, signal, timeout, ended, onMessage }: Dialling & {
    timeout: number;
    ended: AbortSignal | undefined;
  },
): Promise<Dialled> {
  let joint!: Bridge;
  let refused: Parameters<DialRequest["onRefused"]>[0] | undefined;
  const create = upgrade?.dial &&
    ((url: string) =>
      upgrade.dial!({
        url,
        protocols,
        headers,
        maxMessage: Infinity,
        onRefused: (answer) => refused = answer,
      }));
  const { protocol } = await dial(to.href.replace(/^http/, "ws"), {
    onOpen: (socket) =>
      joint = bridge(socket, {
        maxMessage: Infinity,
        signal: ended,
        onMessage,
      }),
    protocols,
    init: { headers },
    create,
    signal,
    timeout,
  }).catch((cause) => {
    throw new ProxyError(
      refused && refused.status >= 400 ? refused.status : 502,
      "the backend refused the WebSocket",
      { cause },
    );
  });
  return { joint, protocol };
}

/** Dials with `fetch`; returns the backend's response if it refuses, or must stay as it is. */
async function fetchSocket(
  { fetch = globalThis.fetch, hibernates }: GateTarget,
  to: URL,
  { protocols, headers, signal, onMessage }: Dialling,
): Promise<Dialled | Response> {
  // Its signal would close the open socket too.
  const answer = await fetch(to, {
    headers: {
      ...headers,
      upgrade: "websocket",
      ...(protocols.length > 0
        ? { "sec-websocket-protocol": protocols.join(", ") }
        : {}),
    },
    redirect: "manual",
  }).catch((cause) => {
    throw new ProxyError(502, "the backend refused the WebSocket", { cause });
  });
  const socket = socketOf(answer);
  if (!socket) {
    if (answer.status >= 400) return answer;
    answer.body?.cancel().catch(() => {});
    throw new ProxyError(502, "the backend refused the WebSocket");
  }
  if (hibernates?.()) return answer;
  const joint = bridge(socket, { maxMessage: Infinity, onMessage });
  accept(socket);
  if (signal.aborted) joint.abandon();
  return {
    joint,
    protocol: answer.headers.get("sec-websocket-protocol") ?? "",
  };
}

/** Responds with the failure; its message never contains a token. */
function refuse(error: unknown): Response {
  const { status, message } = isProxyError(error)
    ? error
    : new ProxyError(502, "the gate failed to reach the backend");
  return new Response(`${message}\n`, {
    // 499 is not a standard status, and the client has disconnected anyway.
    status: status === 499 ? 502 : status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      // A 401 must say how to authenticate (RFC 9110, section 15.5.2).
      ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
    },
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

/**
 * Adds the backend's id, and CORS for all origins unless the backend has its own policy:
 * who may use a backend is decided by the token, which no page gets by itself.
 */
function withGeneralHeaders(
  response: Response,
  backendId: string | undefined,
): Response {
  const headers = new Headers(response.headers);
  // Only the gate sets it, whatever a backend sends.
  if (backendId === undefined) headers.delete("x-plane-backend-id");
  else headers.set("x-plane-backend-id", backendId);
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
