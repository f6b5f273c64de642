/**
 * A Feedme server on any runtime: feeds, whose data it keeps current for all
 * who have them open, and actions.
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
 *   // Before the upgrade: afterwards Deno lets nobody read them.
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
  Connection,
  type FeedmeSocket,
} from "./served_socket.ts";
import {
  type ActionDefinition,
  type FeedFinder,
  type FeedmeApplication,
  FeedmeRejection,
  type ServedClient,
} from "./define.ts";
import { definitionsOf, Feeds } from "./feeds.ts";
import { type FeedmeServerOptions, type Limits, limitsOf } from "./options.ts";
import type { Subscription } from "./conversation.ts";
import { isPromiseLike, json } from "./live_feed.ts";
import {
  type FeedArgs,
  feedKey,
  type JsonObject,
  type ServerMessage,
  VERSION,
  writeServerMessage,
} from "../wire/protocol.ts";
import { Queue } from "../../../net/queue.ts";
import { checkArgs, permit, refusal } from "./refusal.ts";
import { parse } from "./schema.ts";
import { type HonoSocketEvents, socketEvents } from "./hono.ts";

export {
  FeedlineError,
  type FeedlineErrorCode,
  isFeedlineError,
} from "../../../net/errors.ts";
export type {
  AcceptOptions,
  FeedmeDialect,
  FeedmeSocket,
} from "./served_socket.ts";
export {
  type ActionDefinition,
  type ActionRequest,
  type ApiOf,
  defineAction,
  defineFeed,
  type FeedDefinition,
  type FeedFinder,
  type FeedmeApplication,
  FeedmeRejection,
  type FeedRequest,
  type LiveFeed,
  type Schema,
  type SchemaIssue,
  type ServedClient,
  type Snapshot,
} from "./define.ts";
export type { FeedmeServerOptions } from "./options.ts";
export type { HonoSocket, HonoSocketEvents } from "./hono.ts";
export type {
  Delta,
  DeltaPath,
  FeedArgs,
  Json,
  JsonObject,
} from "../wire/protocol.ts";

/** A running server. */
export interface FeedmeServer extends AsyncDisposable {
  /**
   * Serves a client on a socket.
   *
   * @throws {Error} if the server is closed
   * @throws {TypeError} if `socket` is none
   */
  accept(socket: FeedmeSocket, options?: AcceptOptions): ServedClient;
  /**
   * The same in the form that Hono's `upgradeWebSocket` takes, on any runtime:
   * `upgradeWebSocket((c) => server.events({ user }))`.
   */
  events(options?: AcceptOptions): HonoSocketEvents;
  /** Finds a feed, to read and change it from outside of handlers. */
  readonly feed: FeedFinder;
  /** The clients that have shaken hands. */
  readonly clients: Iterable<ServedClient>;
  /**
   * Closes all connections (1001) and accepts no more. Resolves when their
   * sockets have closed, or have had two seconds for it.
   */
  close(): Promise<void>;
}

/** The longest time that the platforms' timers take. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** How long sockets may take to close, in milliseconds. */
const CLOSE_GRACE = 2_000;

/** No more of a message that is a violation is sent back. */
const MOST_QUOTED = 1_000;

/**
 * Makes a server for an application. It does nothing until a socket is accepted.
 *
 * @throws {TypeError} if a limit is not a whole number of at least 0, or a feed
 * has no `initial` or an action no `handler`
 */
export function feedmeServer(
  application: FeedmeApplication,
  options: FeedmeServerOptions = {},
): FeedmeServer {
  return new Server(application, options, limitsOf(options));
}

class Server implements FeedmeServer {
  // deno-lint-ignore no-explicit-any
  readonly #actions: Map<string, ActionDefinition<any, any>>;
  readonly #options: FeedmeServerOptions;
  readonly #limits: Limits;
  readonly #feeds: Feeds;
  /** Until when each must have shaken hands; no timer any more if it has. */
  readonly #connections = new Map<
    Connection,
    ReturnType<typeof setTimeout> | undefined
  >();
  /** What sockets tell, one thing at a time and never within a `send`. */
  readonly #queue = new Queue();
  #closed = false;
  readonly feed: FeedFinder;

  constructor(
    application: FeedmeApplication,
    options: FeedmeServerOptions,
    limits: Limits,
  ) {
    this.#actions = definitionsOf("Action", application.actions, "handler");
    this.#options = options;
    this.#limits = limits;
    this.#feeds = new Feeds(
      definitionsOf("Feed", application.feeds, "initial"),
      (key, code, data, client) => {
        const connections = client ? [client] : this.#connections.keys();
        for (const connection of connections) {
          this.#terminate(connection as Connection, key, code, data);
        }
      },
    );
    this.feed = this.#feeds.find;
  }

  get clients(): Iterable<ServedClient> {
    return [...this.#connections.keys()].filter(({ link }) => link.up);
  }

  accept(socket: FeedmeSocket, options: AcceptOptions = {}): ServedClient {
    if (this.#closed) throw new Error("The Feedme server is closed");
    if (typeof socket?.send !== "function") {
      throw new TypeError("accept() takes a WebSocket");
    }
    const connection = new Connection(
      socket,
      { ...options, dialect: options.dialect ?? this.#options.dialect },
      this.#limits,
      {
        ended: (connection) => this.#queue.add(() => this.#ended(connection)),
        terminate: (connection, code, data) => {
          for (const { key } of connection.link.subscriptions()) {
            this.#terminate(connection, key, code, json(data, "errorData"));
          }
        },
      },
    );
    this.#connections.set(
      connection,
      setTimeout(
        () => connection.cut(1008, "no handshake"),
        Math.min(this.#limits.handshakeTimeoutMs, LONGEST_TIMEOUT),
      ),
    );
    socket.onmessage = ({ data }: { data: unknown }) =>
      this.#queue.add(() => this.#receive(connection, data));
    socket.onclose = () => this.#queue.add(() => connection.lost());
    // A close follows. With `ws`, an error that nobody hears ends the process.
    if ("onerror" in socket) socket.onerror = () => {};
    return connection;
  }

  events(options?: AcceptOptions): HonoSocketEvents {
    return socketEvents((socket) => {
      if (this.#closed) socket.close(1000);
      else this.accept(socket, options);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const connections = [...this.#connections.keys()];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const closed = Promise.all(connections.map((each) => each.closed()));
    for (const each of connections) each.cut(1001, "the server is closing");
    if (connections.length === 0) return;
    await Promise.race([
      closed,
      new Promise((resolve) => timer = setTimeout(resolve, CLOSE_GRACE)),
    ]);
    clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A message has come. */
  #receive(connection: Connection, data: unknown): void {
    if (connection.ended) return;
    if (typeof data !== "string") {
      return connection.cut(1003, "text messages only");
    }
    if (data.length > this.#limits.maxMessageLength) {
      return connection.cut(1009, "message too long");
    }
    const request = connection.link.receive(data, performance.now());
    switch (request.kind) {
      case "violation":
        return this.#violation(connection, request.problem, data);
      case "handshake":
        return this.#handshake(connection, request.accepted);
      case "action":
        return void this.#act(connection, request);
      case "busy":
        return send(connection, {
          MessageType: "ActionResponse",
          CallbackId: request.callbackId,
          ...refusal(new FeedmeRejection("TOO_MANY_ACTIONS")),
        });
      case "open":
        return void this.#open(connection, request.subscription);
      case "crowded":
        return send(connection, {
          MessageType: "FeedOpenResponse",
          FeedName: request.name,
          FeedArgs: request.args,
          ...refusal(new FeedmeRejection("TOO_MANY_FEEDS")),
        });
      case "close":
        return void this.#close(connection, request.subscription);
    }
  }

  #violation(connection: Connection, problem: string, text: string): void {
    send(connection, {
      MessageType: "ViolationResponse",
      Diagnostics: { Problem: problem, Message: text.slice(0, MOST_QUOTED) },
    });
    if (this.#options.disconnectOnViolation) {
      connection.cut(1008, "protocol violation");
    }
  }

  #handshake(connection: Connection, accepted: boolean): void {
    if (!accepted) {
      return send(connection, {
        MessageType: "HandshakeResponse",
        Success: false,
      });
    }
    clearTimeout(this.#connections.get(connection));
    this.#connections.set(connection, undefined);
    send(connection, {
      MessageType: "HandshakeResponse",
      Success: true,
      Version: VERSION,
      ...(connection.dialect === "npm" && { ClientId: connection.id }),
    });
    this.#tell("onConnect", connection);
  }

  async #act(
    connection: Connection,
    { name, args, callbackId }: {
      name: string;
      args: JsonObject;
      callbackId: string;
    },
  ): Promise<void> {
    let outcome;
    try {
      const definition = this.#actions.get(name);
      if (!definition) throw new FeedmeRejection("UNKNOWN_ACTION");
      const checked = checkArgs(parse(definition.args, args));
      const request = { args: checked, client: connection, feed: this.feed };
      const permitted = permit(definition.authorize?.(request));
      if (permitted) await permitted;
      const result = await definition.handler(checked, request);
      const data = parse(definition.data, result ?? {});
      if (!data.success) {
        throw new TypeError("The result does not fit its schema", {
          cause: data.error,
        });
      }
      const ActionData = json(data.data, "An action's result");
      outcome = { Success: true as const, ActionData };
    } catch (error) {
      outcome = this.#refusal(error, `action ${JSON.stringify(name)}`);
    }
    connection.link.answered(callbackId);
    send(connection, {
      MessageType: "ActionResponse",
      CallbackId: callbackId,
      ...outcome,
    });
  }

  async #open(
    connection: Connection,
    subscription: Subscription,
  ): Promise<void> {
    const { name, args, key } = subscription;
    const { link } = connection;
    let letGo: (() => void) | undefined;
    try {
      const definition = this.#feeds.definition(name);
      if (!definition) throw new FeedmeRejection("UNKNOWN_FEED");
      const checked = checkArgs(parse(definition.args, args));
      // A schema that drops or changes arguments would make two feeds one.
      if (feedKey(name, checked as FeedArgs) !== key) {
        throw new FeedmeRejection("INVALID_ARGUMENTS", { issues: [] });
      }
      const request = {
        args: checked,
        client: connection,
        live: this.#feeds.handle(definition, name, checked as FeedArgs),
        feed: this.feed,
      };
      const permitted = permit(definition.authorize?.(request));
      if (permitted) await permitted;
      if (subscription.state.kind !== "opening") return;
      const live = this.#feeds.hold(name, args);
      letGo = () => this.#feeds.letGo(live);
      if (live.loading) await live.loading;
      if (subscription.state.kind !== "opening") return;
      await definition.onOpen?.(request);
      const leave = () => definition.onClose?.(request);
      if (!link.opened(subscription)) {
        // It was ended meanwhile, but `onOpen` has been called.
        return void await this.#leave(leave, name);
      }
      const { text, bytes } = live.opening();
      connection.allow(bytes);
      live.subscribers.add(connection);
      connection.leaving.set(subscription, () => {
        connection.allow(-bytes);
        live.subscribers.delete(connection);
        const left = this.#leave(leave, name);
        this.#feeds.dropIdle(live);
        return left;
      });
      connection.send(text);
    } catch (error) {
      const outcome = this.#refusal(error, `feed ${JSON.stringify(name)}`);
      if (link.refused(subscription)) {
        send(connection, {
          MessageType: "FeedOpenResponse",
          FeedName: name,
          FeedArgs: args,
          ...outcome,
        });
      }
    } finally {
      letGo?.();
    }
  }

  async #close(
    connection: Connection,
    subscription: Subscription,
  ): Promise<void> {
    const left = this.#vacate(connection, subscription);
    if (left) await left;
    if (connection.link.closed(subscription)) {
      send(connection, {
        MessageType: "FeedCloseResponse",
        FeedName: subscription.name,
        FeedArgs: subscription.args,
      });
    }
  }

  #terminate(
    connection: Connection,
    key: string,
    ErrorCode: string,
    ErrorData: JsonObject,
  ): void {
    const ended = connection.link.terminate(key, performance.now());
    if (!ended) return;
    const { name, args } = ended.subscription;
    const about = { FeedName: name, FeedArgs: args, ErrorCode, ErrorData };
    send(
      connection,
      ended.was === "open"
        ? { MessageType: "FeedTermination", ...about }
        : { MessageType: "FeedOpenResponse", Success: false, ...about },
    );
    this.#vacate(connection, ended.subscription);
  }

  /** The client has the feed no more. */
  #vacate(
    { leaving }: Connection,
    subscription: Subscription,
  ): void | PromiseLike<void> {
    const leave = leaving.get(subscription);
    leaving.delete(subscription);
    return leave?.();
  }

  /** Calls `onClose`; waits only if there is something to wait for. */
  #leave(
    leave: () => unknown,
    name: string,
  ): void | PromiseLike<void> {
    const failed = (error: unknown) =>
      this.#report(error, `onClose of feed ${JSON.stringify(name)}`);
    try {
      const left = leave();
      if (isPromiseLike(left)) return left.then(() => {}, failed);
    } catch (error) {
      failed(error);
    }
  }

  /** A connection is over. */
  #ended(connection: Connection): void {
    clearTimeout(this.#connections.get(connection));
    this.#connections.delete(connection);
    const subscriptions = connection.link.subscriptions();
    connection.link.end();
    for (const each of subscriptions) this.#vacate(connection, each);
    connection.abort();
    if (connection.link.up) this.#tell("onDisconnect", connection);
  }

  #tell(event: "onConnect" | "onDisconnect", connection: Connection): void {
    try {
      this.#options[event]?.(connection);
    } catch (error) {
      this.#report(error, event);
    }
  }

  /** What the client is told of an error; the rest is for the application. */
  #refusal(error: unknown, where: string): ReturnType<typeof refusal> {
    if (error instanceof FeedmeRejection) {
      try {
        return refusal(error);
      } catch (cause) {
        error = cause;
      }
    }
    this.#report(error, where);
    return refusal(new FeedmeRejection("INTERNAL_ERROR"));
  }

  #report(error: unknown, where: string): void {
    const { onError } = this.#options;
    if (!onError) return console.error(`Feedme server, ${where}:`, error);
    try {
      onError(error, where);
    } catch (thrown) {
      console.error("Feedme server, onError:", thrown);
    }
  }
}

function send(connection: Connection, message: ServerMessage): void {
  if (!connection.ended) connection.send(writeServerMessage(message));
}
