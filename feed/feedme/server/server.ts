/**
 * A Feedme server for any runtime: feeds, whose data it keeps up to date for all
 * subscribers, and actions.
 *
 * ```ts
 * import {
 *   defineAction,
 *   defineFeed,
 *   feedmeServer,
 * } from "@feedline/feedline/feed/feedme/server";
 * import { z } from "zod";
 *
 * const room = defineFeed({
 *   args: z.object({ id: z.string() }),
 *   data: z.object({ lines: z.array(z.string()) }),
 *   initial: () => ({ lines: [] }),
 * });
 * const server = feedmeServer({
 *   feeds: { room },
 *   actions: {
 *     say: defineAction({
 *       args: z.object({ id: z.string(), text: z.string().max(1_000) }),
 *       authorize: ({ client }) => client.user !== undefined,
 *       handler({ id, text }, { client, feed }) {
 *         feed(room, { id }).update("said", { by: client.user }, (data) => ({
 *           lines: [...data.lines, text],
 *         }));
 *       },
 *     }),
 *   },
 * });
 *
 * const http = Deno.serve({ port: 0, onListen() {} }, (request) => {
 *   // Read headers before the upgrade: Deno does not let you read them afterwards.
 *   const user = request.headers.get("x-verified-username") ?? undefined;
 *   const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "feedme" });
 *   server.accept(socket, { user });
 *   return response;
 * });
 * await server.close();
 * await http.shutdown();
 * ```
 *
 * @module
 */
import {
  type AcceptOptions,
  type FeedmeSocket,
  ServedSocket,
} from "./served_socket.ts";
import type {
  AnyFeedDefinition,
  FeedFinder,
  FeedmeApplication,
  ServedClient,
} from "./define.ts";
import { definitionsOf, Feeds } from "./feeds.ts";
import { Heartbeat } from "./heartbeat.ts";
import {
  type FeedmeServerOptions,
  frozenUpTo,
  type Limits,
  limitsOf,
} from "./options.ts";
import { checkJsonObject } from "../wire/json.ts";
import { utf8Length } from "../../../net/utf8.ts";
import { type FeedArgs, VERSION } from "../wire/protocol.ts";
import { asyncDispose } from "../../../net/dispose.ts";
import { Queue } from "../../../net/queue.ts";
import { Reporter } from "./report.ts";
import { Requests, send } from "./requests.ts";
import { type HonoSocketEvents, socketEvents } from "./hono.ts";

export { asyncDispose } from "../../../net/dispose.ts";
export {
  FeedlineError,
  type FeedlineErrorCode,
  isFeedlineError,
} from "../../../net/errors.ts";
export type {
  AcceptOptions,
  FeedmeDialect,
  FeedmeSocket,
  FeedmeSocketHandler,
} from "./served_socket.ts";
export {
  type ActionDefinition,
  type ActionRequest,
  type AnyActionDefinition,
  type AnyFeedDefinition,
  type ApiOf,
  defineAction,
  defineFeed,
  type FeedDefinition,
  type FeedFinder,
  type FeedmeApplication,
  FeedmeRejection,
  type FeedRequest,
  type InitialContext,
  type LiveFeed,
  type LogLimits,
  type Schema,
  type SchemaIssue,
  type ServedClient,
  type Snapshot,
} from "./define.ts";
export type {
  FeedmeErrorContext,
  FeedmeServerActivity,
  FeedmeServerOptions,
  FeedmeViolation,
  ServedChange,
} from "./options.ts";
export { definePresence } from "./presence.ts";
export type {
  Person,
  PresenceArgs,
  PresenceData,
  PresenceDefinition,
  PresenceDefinitions,
} from "./presence.ts";
export type { HonoSocket, HonoSocketEvents } from "./hono.ts";
export { DataError, type DataFault, type JsonPath } from "../wire/json.ts";
export type {
  Delta,
  DeltaPath,
  FeedArgs,
  Json,
  JsonObject,
} from "../wire/protocol.ts";

/** A running server. */
export interface FeedmeServer {
  /**
   * Serves a client on a socket. If the server is closed, it closes the socket (1001)
   * and returns a client whose `signal` is already aborted.
   *
   * @throws {TypeError} if `socket` is not a socket
   */
  accept(socket: FeedmeSocket, options?: AcceptOptions): ServedClient;
  /**
   * Like `accept`, in the form that Hono's `upgradeWebSocket` needs, on any runtime:
   * `upgradeWebSocket((c) => server.events({ user }))`.
   */
  events(options?: AcceptOptions): HonoSocketEvents;
  /** Finds a feed, to read and change it outside handlers. */
  readonly feed: FeedFinder;
  /**
   * Whether a feed, by definition or name, is in use here: its data is loaded or being
   * loaded. Unlike `feed`, it loads nothing. `client` is the owner of a private feed.
   */
  isLive(
    feed: AnyFeedDefinition | string,
    args?: object,
    client?: ServedClient,
  ): boolean;
  /** The clients that have completed the handshake. */
  readonly clients: Iterable<ServedClient>;
  /**
   * Closes all connections (1001) and accepts no more. Resolves when their sockets have
   * closed, or two seconds have passed.
   */
  close(): Promise<void>;
  /** {@linkcode FeedmeServer.close}, for `await using`. */
  [asyncDispose](): Promise<void>;
}

/** How long sockets may take to close, in milliseconds. */
const CLOSE_GRACE = 2_000;

/** The close reason when the server closes. */
const CLOSING = "the server is closing";

/** The most characters of a violating message that are sent back. */
const MOST_QUOTED = 1_000;

/**
 * Creates a server for an application. It does nothing until you pass it a socket.
 *
 * @throws {RangeError} if a limit is out of range
 * @throws {TypeError} if the application is missing, a feed lacks `initial`, or an action
 * lacks `handler`
 */
export function feedmeServer(
  application: FeedmeApplication,
  options: FeedmeServerOptions = {},
): FeedmeServer {
  if (typeof application !== "object" || application === null) {
    throw new TypeError(
      "feedmeServer needs { feeds, actions }, made by defineFeed and defineAction",
    );
  }
  return new Server(application, options, limitsOf(options));
}

class Server implements FeedmeServer {
  readonly #options: FeedmeServerOptions;
  readonly #limits: Limits;
  readonly #reporter: Reporter;
  readonly #requests: Requests;
  readonly #feeds: Feeds;
  readonly #sockets = new Set<ServedSocket>();
  /** Handles the events of sockets one at a time, and never during a `send`. */
  readonly #queue = new Queue();
  readonly #heartbeat: Heartbeat;
  #closed = false;
  readonly feed: FeedFinder;

  constructor(
    application: FeedmeApplication,
    options: FeedmeServerOptions,
    limits: Limits,
  ) {
    this.#options = options;
    this.#limits = limits;
    this.#reporter = new Reporter(options);
    this.#heartbeat = new Heartbeat(limits.silenceTimeout);
    const { maxDepth } = limits;
    const feeds = this.#feeds = new Feeds(
      definitionsOf("Feed", application.feeds, "initial"),
      {
        maxDepth,
        freeze: frozenUpTo(options),
        callbackTimeout: limits.callbackTimeout,
        changed: (feed, change) => this.#reporter.changed(feed, change),
      },
      (key, code, data, client) => {
        const sockets = client ? [client] : this.#sockets;
        for (const socket of sockets) {
          this.#requests.terminate(socket as ServedSocket, key, code, data);
        }
      },
    );
    this.#requests = new Requests(
      definitionsOf("Action", application.actions, "handler"),
      feeds,
      this.#reporter,
      limits,
    );
    this.feed = feeds.finder();
  }

  isLive(
    feed: AnyFeedDefinition | string,
    args?: object,
    client?: ServedClient,
  ): boolean {
    return this.#feeds.isLive(feed, args as FeedArgs, client);
  }

  get clients(): Iterable<ServedClient> {
    return [...this.#sockets].filter(({ conversation }) => conversation.up);
  }

  accept(socket: FeedmeSocket, options: AcceptOptions = {}): ServedClient {
    if (typeof socket?.send !== "function") {
      throw new TypeError(
        "accept() needs a WebSocket that has been accepted",
      );
    }
    const client = new ServedSocket(
      socket,
      { ...options, dialect: options.dialect ?? this.#options.dialect },
      this.#limits,
      {
        ended: (client) => this.#queue.add(() => this.#ended(client)),
        terminate: (client, code, data) => {
          const { maxDepth } = this.#limits;
          const ErrorData = checkJsonObject(data, "errorData", { maxDepth });
          for (const { key } of client.conversation.subscriptions()) {
            this.#requests.terminate(client, key, code, ErrorData);
          }
        },
      },
    );
    this.#sockets.add(client);
    socket.onmessage = ({ data }) =>
      this.#queue.add(() => this.#receive(client, data));
    socket.onclose = () => this.#queue.add(() => client.closedByPeer());
    // A close follows. With `ws`, an error without a listener ends the process.
    if ("onerror" in socket) socket.onerror = () => {};
    if (this.#closed) {
      // Does not throw: the platform already expects the response to the upgrade.
      client.cut(1001, CLOSING);
      client.abort();
    }
    return client;
  }

  events(options?: AcceptOptions): HonoSocketEvents {
    return socketEvents((socket) => void this.accept(socket, options));
  }

  async close(): Promise<void> {
    this.#closed = true;
    const clients = [...this.#sockets];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const closed = Promise.all(clients.map((each) => each.closed()));
    for (const each of clients) each.cut(1001, CLOSING);
    this.#feeds.end();
    if (clients.length === 0) return;
    await Promise.race([
      closed,
      new Promise((resolve) => timer = setTimeout(resolve, CLOSE_GRACE)),
    ]);
    clearTimeout(timer);
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A message has arrived. */
  #receive(client: ServedSocket, data: unknown): void {
    if (client.ended) return;
    client.heard = true;
    if (typeof data !== "string") {
      return client.cut(1003, "text messages only");
    }
    if (isLonger(data, this.#limits.maxMessage)) {
      return client.cut(1009, "message too long");
    }
    const request = client.conversation.receive(data, performance.now());
    switch (request.kind) {
      case "violation":
        return this.#violation(client, request.problem, data);
      case "handshake":
        return this.#handshake(client, request.accepted);
      case "action":
        return void this.#requests.act(client, request);
      case "busy":
        return this.#requests.refuseAction(client, request.callbackId);
      case "open":
        return void this.#requests.open(
          client,
          request.subscription,
          request.from,
        );
      case "crowded":
        return this.#requests.refuseFeed(client, request.name, request.args);
      case "close":
        return void this.#requests.close(client, request.subscription);
      case "alive":
        return send(client, { MessageType: "AliveResponse" });
      case "answered":
        return;
    }
  }

  #violation(client: ServedSocket, problem: string, text: string): void {
    const message = text.slice(0, MOST_QUOTED);
    send(client, {
      MessageType: "ViolationResponse",
      Diagnostics: { Problem: problem, Message: message },
    });
    this.#reporter.violated(client, problem, message);
    if (this.#options.disconnectOnViolation) {
      client.cut(1008, "protocol violation");
    }
  }

  #handshake(client: ServedSocket, accepted: boolean): void {
    if (!accepted) {
      return send(client, { MessageType: "HandshakeResponse", Success: false });
    }
    client.shaken();
    send(client, {
      MessageType: "HandshakeResponse",
      Success: true,
      Version: VERSION,
      ...(client.dialect === "npm" && { ClientId: client.id }),
      ...(client.conversation.alive && { Alive: true as const }),
    });
    if (client.conversation.alive) this.#heartbeat.add(client);
    this.#reporter.tell("connect", client);
  }

  /** A client has disconnected. */
  #ended(client: ServedSocket): void {
    this.#sockets.delete(client);
    this.#heartbeat.delete(client);
    const subscriptions = client.conversation.subscriptions();
    client.conversation.end();
    for (const each of subscriptions) this.#requests.leave(client, each);
    client.abort();
    this.#feeds.drop(client);
    if (client.conversation.up) this.#reporter.tell("disconnect", client);
  }
}

/** Whether `text` takes more than `bytes` in UTF-8, which is at most 3 per code unit. */
function isLonger(text: string, bytes: number): boolean {
  return text.length > bytes ||
    (text.length * 3 > bytes && utf8Length(text) > bytes);
}
