/** The engine of a worker whose backends are Durable Objects of its own. */
import type {
  CallOptions,
  ConnectRequest,
  ConnectResponse,
  Revocable,
} from "../../types.ts";
import { isError } from "../../net/shape.ts";
import {
  type EngineDialect,
  type EngineOptions,
  HTTPEngine,
} from "../engine/http_engine.ts";
import { jamsocketStatus } from "../engine/jamsocket.ts";
import { CONNECT, HOST, readPath } from "./address.ts";
import { RESET } from "./session.ts";
import type { SessionNamespace, SessionStub } from "./workers.ts";

/** Options of {@linkcode DurableSessions}. */
export interface DurableSessionsOptions extends Pick<EngineOptions, "timeout"> {
  /** Where to create an object that does not exist yet, such as `weur`. */
  locationHint?: string | undefined;
}

/** How often a call is repeated at an object that was about to start anew. */
const ATTEMPTS = 5;

const dialect: EngineDialect = {
  ...jamsocketStatus,
  connecting: "Connecting to a Durable Object",
  backendPath: (id) => `/v2/backend/${id}`,
  connect: (request) => ({ path: CONNECT, body: request }),
  terminate: (id, hard) => ({
    path: `/v2/backend/${id}/terminate`,
    body: { hard },
  }),
};

/**
 * Session backends on Durable Objects, without another platform: each key is one object
 * of the namespace, whose class {@linkcode sessionObject} made.
 *
 * ```ts ignore
 * import { Hono } from "hono";
 * import { DurableSessions } from "@feedline/feedline/cloudflare";
 * import { sessionProxy } from "@feedline/feedline/proxy";
 *
 * const app = new Hono<{ Bindings: { ROOMS: DurableObjectNamespace } }>();
 * app.route("/rooms", sessionProxy({
 *   engine: (c) => new DurableSessions(c.env.ROOMS),
 *   authorize: (c, name) => ({ user: "ada" }),
 * }));
 * export default app;
 * ```
 *
 * The `url` of a connect response is not public: requests reach the object through
 * {@linkcode DurableSessions.fetch}, which the edge route calls.
 */
export class DurableSessions extends HTTPEngine {
  readonly #namespace: SessionNamespace;
  readonly #options: DurableSessionsOptions;

  /**
   * Takes the binding to the class.
   * @throws {TypeError} if it is not a namespace
   */
  constructor(
    namespace: SessionNamespace,
    options: DurableSessionsOptions = {},
  ) {
    if (typeof namespace?.idFromName !== "function") {
      throw new TypeError(
        "DurableSessions needs the binding to a class of Durable Objects, such as c.env.ROOMS; check durable_objects in wrangler.jsonc",
      );
    }
    super(dialect, { base: HOST, baseName: "base" }, {
      timeout: options.timeout,
      fetch: (input, init = {}) => this.#call(String(input), init),
    });
    this.#namespace = namespace;
    this.#options = options;
  }

  /** Sends a request to a backend, through the binding. */
  async fetch(
    request: Request,
    { backend_id }: Pick<ConnectResponse, "backend_id">,
  ): Promise<Response> {
    const { origin, pathname } = new URL(request.url);
    if (origin !== HOST || pathname.startsWith("/v2/")) {
      throw new TypeError("this is not the URL that connect returned");
    }
    const stub = this.#stubOf(backend_id);
    try {
      if (stub) return await stub.fetch(request);
    } catch (error) {
      if (!isReset(error)) throw error;
    }
    return new Response("the backend has ended: connect again\n", {
      status: 410,
    });
  }

  /**
   * Makes every connection URL of a backend, or of a user at a backend, useless, and
   * ends what is open through it.
   *
   * @throws {TypeError} without a `backendId`: a namespace cannot list its objects
   * @throws {HTTPError} 404 if there is no such backend
   */
  async revoke(access: Revocable, options: CallOptions = {}): Promise<void> {
    const { backendId, user } = access;
    if (backendId === undefined) {
      throw new TypeError(
        "revoke needs a backendId: a namespace of Durable Objects cannot list them",
      );
    }
    const action = `Revoking access to backend ${JSON.stringify(backendId)}`;
    const path = `/v2/backend/${encodeURIComponent(backendId)}/revoke`;
    await this.ask(
      action,
      { order: { path, body: { backendId, user } } },
      options,
    );
  }

  /** Hands a call of the HTTP API to the object that it is for. */
  async #call(url: string, init: RequestInit): Promise<Response> {
    const find = this.#finder(new URL(url).pathname, init.body);
    for (let attempt = 1;; attempt++) {
      const stub = find();
      if (!stub) {
        const error = { message: "no backend has this id" };
        return Response.json({ error }, { status: 404 });
      }
      try {
        return await stub.fetch(new Request(url, init));
      } catch (error) {
        if (!isReset(error) || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** Gets the object of a call, each time by a new stub: a stub that failed stays so. */
  #finder(path: string, body: unknown): () => SessionStub | undefined {
    if (path !== CONNECT) {
      const { backendId = "" } = readPath(path) ?? {};
      return () => this.#stubOf(backendId);
    }
    const { key } = JSON.parse(String(body)) as ConnectRequest;
    const id = key === undefined
      ? this.#namespace.newUniqueId()
      : this.#namespace.idFromName(key);
    return () => this.#stub(id);
  }

  /** The object of a backend; `undefined` for an id that is not one of this namespace. */
  #stubOf(backendId: string): SessionStub | undefined {
    const [, id] = /^([0-9a-f]{64})-\d{1,15}$/.exec(backendId) ?? [];
    if (id === undefined) return undefined;
    try {
      return this.#stub(this.#namespace.idFromString(id));
    } catch {
      return undefined;
    }
  }

  #stub(id: unknown): SessionStub {
    const { locationHint } = this.#options;
    return this.#namespace.get(id, locationHint ? { locationHint } : {});
  }
}

/** Whether the object was about to start anew, so that the call must be repeated. */
function isReset(error: unknown): boolean {
  return isError(error) && error.message.includes(RESET);
}
