/** The platform's HTTP API (Jamsocket v2), and the page at `/`. */
import { type Context, Hono } from "@hono/hono";
import { cors } from "@hono/hono/cors";
import {
  type BackendState,
  type ConnectRequest,
  connectRequestSchema,
  type ConnectResponse,
  type Revocable,
} from "../../types.ts";
import type { Backend } from "./backend.ts";
import { ApiFailure, isApiFailure } from "./errors.ts";
import { eventStream } from "../../net/event_stream.ts";
import type { BearerTest } from "./bearer.ts";
import { type GuardOptions, refusal } from "./guard.ts";
import { explain } from "./issues.ts";
import type { PlatformInfo } from "./page/feed.ts";
import { addPage } from "./page/routes.ts";
import type { Gate, Identity, IssuedToken } from "../gate.ts";
import type { Registry, Scope } from "./registry.ts";
import { unknownFields } from "./unknown_fields.ts";

/** Options of {@linkcode createApi}. */
export interface ApiOptions extends PlatformInfo {
  /** The backends. */
  registry: Registry;
  /** Issues connection tokens. */
  gate: Gate;
  /** Who may use the platform. */
  access: ApiAccess;
  /** The URL at which pages reach this API and the connection proxy, if it is another. */
  publicUrl?: string | undefined;
  /** Counts, for `/metrics`. */
  metrics?: (() => string) | undefined;
  /** The port of the connection proxy. */
  proxyPort: () => number;
  /** Milliseconds between keep-alive comments on quiet streams. */
  keepAlive: number;
  /** Ends all streams. */
  signal: AbortSignal;
  /** Called with remarks for the developer about a request. */
  onNote: (text: string) => void;
  /** Called with failures of the platform itself. */
  onError: (error: unknown) => void;
}

/** Who may use the API. */
export type ApiAccess =
  /** Programs of this machine, and pages of allowed hosts. */
  | { kind: "guard"; guard: GuardOptions }
  /** Whoever has the API token. */
  | { kind: "token"; test: BearerTest };

/** What a page reads without a token: states of a backend whose id it knows. */
const PUBLIC = /^\/v2\/backend\/[^/]+\/status(\/stream)?$/;

/** The longest request body, in bytes. */
const MAX_BODY = 1024 * 1024;
/** The most different remarks about requests; further ones are suppressed. */
const MAX_NOTES = 100;
/** The delay before readers of the status stream reconnect, in milliseconds. */
const RETRY = 1000;

/** Creates the API as a Hono application. */
export function createApi(options: ApiOptions): Hono {
  const { registry, gate, access, keepAlive, signal } = options;
  const app = new Hono();
  const noted = new Set<string>();
  /** Shows each remark once, because a page that reconnects repeats its mistake. */
  const noteOnce = (text: string) => {
    if (noted.has(text) || noted.size >= MAX_NOTES) return;
    noted.add(text);
    options.onNote(text);
  };

  app.use(async (c, next) => {
    await checkAccess(c, access);
    await next();
    c.header("cache-control", "no-store");
    c.header("x-content-type-options", "nosniff");
    // Hono drops the body of a response to HEAD, but does not close it.
    if (c.req.method === "HEAD") c.res.body?.cancel().catch(() => {});
  });
  // As on the hosted platform; pages of other origins were already refused above.
  app.use(
    "/v2/backend/:id/status/*",
    cors({ origin: "*", allowMethods: ["GET"], allowHeaders: ["*"] }),
  );

  const connect = async (c: Context) => {
    const scope: Scope = {
      account: c.req.param("account")!,
      service: c.req.param("service")!,
      environment: c.req.param("environment"),
    };
    const request = await readBody(c.req.raw, (body): ConnectRequest => {
      const result = connectRequestSchema.safeParse(body);
      if (!result.success) throw new ApiFailure(400, explain(result.error));
      unknownFields(body).forEach(noteOnce);
      return result.data;
    });
    const answer = await registry.connect(scope, request, c.req.raw.signal);
    return c.json(
      await connectResponse(c, answer.backend, answer.spawned, request),
    );
  };
  app.post("/v2/service/:account/:service/connect", connect);
  app.post("/v2/service/:account/:service/:environment/connect", connect);

  // Uses the host name by which the caller reached this machine.
  const connectionUrl = (c: Context, { token }: IssuedToken) => {
    const own = `http://${new URL(c.req.url).hostname}:${options.proxyPort()}`;
    return `${options.publicUrl ?? own}/${token}/`;
  };
  const connectResponse = async (
    c: Context,
    { id, state }: Backend,
    spawned: boolean,
    { user, auth }: Identity,
  ): Promise<ConnectResponse> => {
    const issued = await issue({ backendId: id, user, auth });
    return {
      backend_id: id,
      spawned,
      status: state.status,
      token: issued.token,
      url: connectionUrl(c, issued),
      secret_token: issued.secret,
      status_url: `${
        options.publicUrl ?? new URL(c.req.url).origin
      }/v2/backend/${id}/status`,
      ready_url: "",
    };
  };
  const issue = async (identity: Identity & { backendId: string }) => {
    try {
      return await gate.issue(identity);
    } catch (error) {
      throw new ApiFailure(400, (error as Error).message);
    }
  };

  const find = (c: Context): Backend => {
    const id = c.req.param("id")!;
    const backend = registry.get(id);
    if (!backend) {
      throw new ApiFailure(404, `no backend has the id ${JSON.stringify(id)}`);
    }
    return backend;
  };
  app.get("/v2/backend/:id/status", (c) => c.json(find(c).state));
  app.get("/v2/backend/:id/status/stream", (c) => {
    const { life } = find(c);
    return eventStream({
      keepAlive,
      signal,
      start(sink) {
        let id = 0;
        const last = lastEventId(c.req.header("last-event-id"));
        const send = (state: BackendState) => {
          if (id > last) {
            sink.send({
              id: String(id),
              data: JSON.stringify(state),
              retry: RETRY,
            });
          }
          id++;
          if (state.status === "terminated") sink.close();
        };
        // Synchronous, so no state is lost between the history and the listener.
        life.history.forEach(send);
        return life.listen(send);
      },
    });
  });
  app.post("/v2/backend/:id/terminate", async (c) => {
    const backend = find(c);
    const hard = await readBody(c.req.raw, (body) => {
      const { hard = false } = body as { hard?: unknown };
      if (typeof hard !== "boolean") {
        throw new ApiFailure(400, "hard must be true or false");
      }
      return hard;
    });
    backend.terminate(hard ? "hard" : "soft", "external");
    return c.json({ status: "ok" });
  });
  app.get("/v2/account/:account/backends", (c) => {
    const account = c.req.param("account");
    const running = registry.running.filter(({ spec }) =>
      spec.account === account
    );
    return c.json({
      running_backends: running.map(({ spec, life, state }) => ({
        id: spec.id,
        created_at: life.history[0]!.time,
        service_name: spec.service,
        cluster_name: "dev",
        account_name: spec.account,
        status: state.status,
        ...(spec.key === undefined ? {} : { key: spec.key }),
      })),
    });
  });

  app.post("/v2/revoke", async (c) => {
    const access = await readBody(c.req.raw, (body) => {
      const { user, backend_id } = body as Record<string, unknown>;
      for (const [field, value] of Object.entries({ user, backend_id })) {
        if (value !== undefined && typeof value !== "string") {
          throw new ApiFailure(400, `${field}: expected a string`);
        }
      }
      if (user === undefined && backend_id === undefined) {
        throw new ApiFailure(400, "expected user, backend_id or both");
      }
      return { user, backendId: backend_id } as Revocable;
    });
    gate.revoke(access);
    return c.json({ status: "ok" });
  });

  const { metrics } = options;
  if (metrics) app.get("/metrics", (c) => c.text(metrics()));

  addPage(app, {
    ...options,
    find,
    readIdentity: (request) => readBody(request, toIdentity),
    urlFor: async (c, { id }, identity) =>
      connectionUrl(c, await issue({ backendId: id, ...identity })),
  });

  app.notFound((c) =>
    new ApiFailure(
      404,
      `no such endpoint: ${c.req.method} ${JSON.stringify(c.req.path)}`,
    ).toResponse()
  );
  app.onError((error, c) => {
    if (isApiFailure(error)) {
      const response = error.toResponse();
      // A browser that opens the page then asks for a password.
      if (error.status === 401) {
        const scheme = c.req.path.startsWith("/v2/") ? "Bearer" : "Basic";
        response.headers.set("www-authenticate", `${scheme} realm="feedline"`);
      }
      return response;
    }
    // A client that disconnects ends its own request.
    if (!c.req.raw.signal.aborted) options.onError(error);
    return new ApiFailure(
      500,
      "the platform failed; see its log for details",
    )
      .toResponse();
  });
  return app;
}

/** @throws {ApiFailure} 401 without the token, 403 for a request of a foreign page */
async function checkAccess(
  { req: { path, raw: { headers } } }: Context,
  access: ApiAccess,
): Promise<void> {
  switch (access.kind) {
    case "guard": {
      const reason = refusal(headers, access.guard);
      if (reason) throw new ApiFailure(403, reason);
      return;
    }
    case "token": {
      if (PUBLIC.test(path)) return;
      // A browser sends the password that it was given, whatever page it is asked by.
      const origin = headers.get("origin");
      if (origin !== null && URL.parse(origin)?.host !== headers.get("host")) {
        throw new ApiFailure(
          403,
          "requests from pages of other origins are refused: connect from your server or through the edge route",
        );
      }
      if (await access.test(headers)) return;
      throw new ApiFailure(
        401,
        "the API token is missing or wrong: send it as Authorization: Bearer <token>",
      );
    }
  }
}

/** The user in a request of the page. */
function toIdentity(body: object): Identity {
  const result = connectRequestSchema.safeParse(body);
  if (!result.success) throw new ApiFailure(400, explain(result.error));
  const { user, auth } = result.data;
  return { user, auth };
}

/** Reads the body as a JSON object; `{}` if it is empty. */
async function readBody<T>(
  request: Request,
  check: (body: object) => T,
): Promise<T> {
  const text = await readText(request);
  let body: unknown = {};
  if (text !== "") {
    try {
      body = JSON.parse(text);
    } catch {
      // The parser's own message quotes the body, which may contain secrets.
      throw new ApiFailure(400, "the body is not JSON");
    }
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new ApiFailure(400, "the body must be a JSON object");
  }
  return check(body);
}

/**
 * Reads the body as text, with a size limit. Hono's own limit does not cancel a longer
 * body, which then keeps its connection open for half a minute.
 */
async function readText(request: Request): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  // The loop cancels the body if it exits early.
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BODY) {
      throw new ApiFailure(413, `the body is longer than ${MAX_BODY} bytes`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The number of the last event that a reader has received, or -1. */
function lastEventId(value: string | undefined): number {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : -1;
}
