/**
 * Presence: who has a feed open, with data that each says about itself. The other half
 * is `definePresence` of the server.
 */
import { asyncDispose } from "../../../net/dispose.ts";
import { Listeners, type Store } from "../../../net/listeners.ts";
import { checkDuration, setTimer, type Timer } from "../../../net/timer.ts";
import type { FeedmeClient } from "./client.ts";
import type { ActionArgs, FeedArgsOf, FeedmeApi } from "./types.ts";
import type { FeedView } from "./view.ts";
import type { FeedArgs, JsonObject } from "../wire/protocol.ts";

/** Someone who is present. */
export interface PresentPerson<Data = JsonObject> {
  /** The user, as the server has verified it. */
  readonly user: string | null;
  /** What they say about themselves. */
  readonly data: Data;
}

/** Who is present at one moment. While nothing changes, it is the same object. */
export interface PresenceSnapshot<Data = JsonObject> {
  /** Everyone who is present, you included, by the id of their connection. */
  readonly people: { readonly [id: string]: PresentPerson<Data> };
  /** Your id, as soon as the server has told it. It changes with each connection. */
  readonly me: string | undefined;
  /** Whether this may be out of date, because the connection is lost. */
  readonly stale: boolean;
}

/** Options of {@linkcode joinPresence}. */
export interface PresenceOptions<Args, Data> {
  /** The name of the feed. */
  feed: string;
  /** The name of the action. */
  action: string;
  /** The arguments of the feed. @default {{}} */
  args?: Args | undefined;
  /** What you say about yourself at first. */
  data: Data;
  /**
   * The least time between two messages, in milliseconds: the last of the calls of
   * `set()` in between counts. @default {50}
   */
  throttle?: number | undefined;
}

/** What others say about themselves: the `data` of the action's arguments. */
export type SaidOf<Api extends FeedmeApi, Action extends keyof Api["actions"]> =
  ActionArgs<Api, Action> extends { data: infer Data } ? Data : JsonObject;

/**
 * Joins those who have a feed open, until you call `close()`. After a reconnect it says
 * again what you said last. You are gone for the others when you close it, when your
 * page closes, or when the server finds that your connection is lost.
 *
 * ```ts
 * import {
 *   feedmeClient,
 *   joinPresence,
 *   webSocketTransport,
 * } from "@feedline/feedline/feed/feedme";
 *
 * const client = feedmeClient({
 *   transport: webSocketTransport({ url: "ws://localhost:1" }),
 * });
 * const people = joinPresence(client, {
 *   feed: "people",
 *   action: "point",
 *   data: { x: 0, y: 0 },
 * });
 * people.subscribe(() => console.log(people.getSnapshot().people));
 * people.set({ x: 3, y: 4 });
 * await client.close();
 * ```
 *
 * @throws {FeedmeError} `INVALID_ARGUMENT`, `TRANSPORT_ERROR` or `DESTROYED`
 * @throws {RangeError} if `throttle` is not a duration
 */
export function joinPresence<
  Api extends FeedmeApi,
  Feed extends keyof Api["feeds"] & string,
  Action extends keyof Api["actions"] & string,
>(
  client: FeedmeClient<Api>,
  options:
    & PresenceOptions<FeedArgsOf<Api, Feed>, SaidOf<Api, Action>>
    & { feed: Feed; action: Action },
): Presence<SaidOf<Api, Action>> {
  const { throttle = 50 } = options;
  checkDuration("throttle", throttle);
  return new Presence(client as unknown as FeedmeClient, options, throttle);
}

/** The messages about oneself: at most one is on its way, and one waits. */
type Sending =
  | { kind: "idle" }
  /** A message may be sent again when `timer` fires. */
  | { kind: "resting"; timer: Timer | undefined }
  /** Waits for a response, not before which another message is sent. */
  | { kind: "sending" };

const NOBODY = {};

/** Those who are present; see {@linkcode joinPresence}. */
export class Presence<Data = JsonObject>
  implements Store<PresenceSnapshot<Data>> {
  readonly #client: FeedmeClient;
  readonly #view: FeedView;
  readonly #action: string;
  readonly #throttle: number;
  readonly #listeners = new Listeners();
  #data: Data;
  /** Whether the server does not know `#data` yet. */
  #unsaid = true;
  #sending: Sending = { kind: "idle" };
  #open = false;
  #closed = false;
  #snapshot: PresenceSnapshot<Data> = {
    people: NOBODY,
    me: undefined,
    stale: false,
  };

  /**
   * Created by {@linkcode joinPresence}.
   * @ignore
   */
  constructor(
    client: FeedmeClient,
    { feed, action, args = {}, data }: PresenceOptions<unknown, Data>,
    throttle: number,
  ) {
    this.#client = client;
    this.#action = action;
    this.#throttle = throttle;
    this.#data = data;
    this.#view = client.view(feed, args as FeedArgs);
    this.#view.subscribe(() => this.#follow());
    this.#follow();
  }

  /** Who is present now. Needs no `this`. */
  readonly getSnapshot = (): PresenceSnapshot<Data> => this.#snapshot;

  /**
   * Calls `listener`, without arguments, after each change until you call the returned
   * function. Needs no `this`.
   */
  readonly subscribe = (listener: () => void): () => void =>
    this.#listeners.add(listener);

  /** Says something else about yourself, as soon as the throttle allows. */
  set(data: Data): void {
    this.#data = data;
    this.#unsaid = true;
    this.#say();
  }

  /** Leaves. May be called again. */
  close(): void {
    this.#closed = true;
    this.#rest();
    this.#view.close();
    this.#listeners.clear();
  }

  /** {@linkcode Presence.close}, for `await using`. */
  // deno-lint-ignore require-await
  async [asyncDispose](): Promise<void> {
    this.close();
  }

  /** The feed has changed. */
  #follow(): void {
    const { state, data, stale } = this.#view.getSnapshot();
    const opened = state === "open" && !this.#open;
    this.#open = state === "open";
    if (opened) {
      // The server knows nothing about this connection.
      this.#unsaid = true;
      this.#write({ me: undefined });
    }
    const people = data?.people as PresenceSnapshot<Data>["people"] | undefined;
    this.#write({ people: people ?? NOBODY, stale });
    if (opened) this.#say();
    else if (!this.#open) this.#rest();
  }

  /** Without a connection there is nothing to throttle. */
  #rest(): void {
    if (this.#sending.kind !== "resting") return;
    clearTimeout(this.#sending.timer);
    this.#sending = { kind: "idle" };
  }

  #write(change: Partial<PresenceSnapshot<Data>>): void {
    const next = { ...this.#snapshot, ...change };
    const { people, me, stale } = this.#snapshot;
    if (next.people === people && next.me === me && next.stale === stale) {
      return;
    }
    this.#snapshot = next;
    this.#listeners.notify();
  }

  async #say(): Promise<void> {
    if (
      !this.#unsaid || !this.#open || this.#closed ||
      this.#sending.kind !== "idle"
    ) return;
    this.#unsaid = false;
    this.#sending = { kind: "sending" };
    const { args } = this.#view;
    try {
      const said = { args, data: this.#data } as unknown as JsonObject;
      const { id } = await this.#client.action(this.#action, said);
      if (this.#open) this.#write({ me: id as string });
    } catch {
      // Without a connection, it is said again after the reconnect. What the server
      // refuses, it would refuse again.
    }
    this.#sending = { kind: "idle" };
    if (this.#closed || !this.#open) return;
    const timer = setTimer(() => {
      this.#sending = { kind: "idle" };
      this.#say();
    }, this.#throttle);
    this.#sending = { kind: "resting", timer };
  }
}
