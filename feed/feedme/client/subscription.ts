/**
 * One feed of the server as all views of it share it: its data with optimistic changes
 * over it, whether that is current, and why it is not open. It desires the feed open
 * from its creation until `leave()`.
 */
import type { FeedNotice, Member } from "./effects.ts";
import { FeedmeError } from "./errors.ts";
import type { FeedHost, FeedSink } from "./host.ts";
import { type Layer, Overlay } from "./overlay.ts";
import { feedKey } from "../wire/feed_key.ts";
import type { FeedArgs, JsonObject } from "../wire/protocol.ts";
import { Listeners } from "../../../net/listeners.ts";
import { setTimer, type Timer } from "../../../net/timer.ts";

/**
 * A feed at one moment. While nothing changes, it is the same object.
 *
 * - `opening`: the feed is being opened, or will be as soon as there is a connection.
 *   There may be data from before, which is `stale`; `error` says what went wrong
 *   last, if anything did.
 * - `open`: the data is current.
 * - `closed`: the feed does not open by itself, because the server refused or ended it,
 *   the client gave up connecting, or was destroyed. `error` says why.
 */
export type FeedSnapshot<Data> =
  & {
    /** How many optimistic changes are laid over the data. */
    readonly pending: number;
  }
  & (
    | {
      readonly state: "opening";
      /** The last known data, if there is any. */
      readonly data: Data | undefined;
      /** Whether there is data, which may be out of date. */
      readonly stale: boolean;
      /** What went wrong last. */
      readonly error: FeedmeError | undefined;
    }
    | {
      readonly state: "open";
      /** The current data. */
      readonly data: Data;
      /** The data is current. */
      readonly stale: false;
      /** Nothing went wrong. */
      readonly error: undefined;
    }
    | {
      readonly state: "closed";
      /** No data: access has ended. */
      readonly data: undefined;
      /** There is no data. */
      readonly stale: false;
      /** Why the feed is closed. */
      readonly error: FeedmeError;
    }
  );

/** An optimistic change of one feed. */
export interface FeedLayer extends Layer<JsonObject> {
  /** The `Call` of the action that it belongs to. */
  readonly call: unknown;
  /** Recognizes the action that reveals it, if the application can. */
  readonly reveals?: ((action: RevealedAction) => boolean) | undefined;
}

/** An action that the server revealed. */
export type RevealedAction = Pick<
  FeedNotice & { event: "action" },
  "name" | "data" | "newData" | "oldData"
>;

/** The state of the feed, without its data. */
type Condition =
  | { state: "opening"; error: FeedmeError | undefined }
  | { state: "open"; error: undefined }
  | { state: "closed"; error: FeedmeError };

/** A feed that views share; described at the top of this file. */
export class Subscription implements FeedSink {
  readonly key: string;
  readonly name: string;
  readonly args: FeedArgs;
  /** How many views use it. */
  users = 0;
  readonly listeners: Listeners = new Listeners();
  /** Called with each action that the server reveals. */
  readonly actions: Listeners<[RevealedAction]> = new Listeners();
  readonly #host: FeedHost;
  readonly #member: Member<FeedSink>;
  readonly #overlay = new Overlay<JsonObject>();
  readonly #layers = new Set<FeedLayer>();
  /** Layers whose action has succeeded, but was not revealed yet. */
  readonly #awaited = new Map<FeedLayer, Timer | undefined>();
  #condition: Condition = { state: "opening", error: undefined };
  #snapshot: FeedSnapshot<JsonObject>;

  constructor(host: FeedHost, name: string, args: FeedArgs) {
    this.#host = host;
    this.key = feedKey(name, args);
    this.name = name;
    this.args = args;
    this.#member = host.core.join(this, name, args);
    this.#snapshot = this.#look();
  }

  get snapshot(): FeedSnapshot<JsonObject> {
    return this.#snapshot;
  }

  /** Desires the feed open. Its data will resemble `like`, where it is equal. */
  enter(like: JsonObject | undefined): void {
    this.#host.core.resemble(this.#member, like);
    this.#desire(true);
  }

  /** Opens it again after the server has refused it, or the client has given up. */
  retry(): void {
    if (this.#condition.state !== "closed") return;
    this.#move({ state: "opening", error: undefined });
    this.#desire(false);
    this.#desire(true);
  }

  /** Closes the feed. */
  leave(): void {
    for (const timer of this.#awaited.values()) clearTimeout(timer);
    this.#awaited.clear();
    this.#desire(false);
    this.#host.handle({ type: "leave", member: this.#member });
  }

  #desire(open: boolean): void {
    this.#host.handle({
      type: open ? "desireOpen" : "desireClosed",
      member: this.#member,
      live: this.#host.live(),
    });
  }

  deliver(notice: FeedNotice): void {
    if (this.#condition.error?.code === "DESTROYED") return;
    switch (notice.event) {
      case "opening":
        return this.#move({ state: "opening", error: undefined });
      case "open":
        // A resumed feed still gets the actions that it missed; a snapshot has them.
        return this.#rebase(
          notice.data,
          notice.gap ? [...this.#awaited.keys()] : [],
        );
      case "action": {
        const { own, name, data, newData, oldData } = notice;
        const action = { name, data, newData, oldData };
        this.#rebase(newData, this.#revealed(action, own));
        return this.actions.notify(action);
      }
      case "close":
        return this.#closed(notice.error);
      default:
        notice satisfies never;
    }
  }

  destroy(): void {
    this.fail(
      new FeedmeError("DESTROYED", "The client instance has been destroyed."),
    );
  }

  /** The client does not connect again by itself. */
  fail(error: FeedmeError): void {
    this.#overlay.rebase(undefined, this.#layers);
    for (const layer of this.#layers) this.#forget(layer);
    this.#move({ state: "closed", error });
  }

  /** @throws what the change throws; then nothing has changed */
  lay(layer: FeedLayer): void {
    this.#overlay.add(layer);
    this.#layers.add(layer);
    this.#publish();
  }

  /**
   * The action of a layer has ended. If it has succeeded and the application can
   * recognize its revelation, the layer stays until then, but at most `patience` ms.
   */
  settle(layer: FeedLayer, succeeded: boolean, patience: number): void {
    if (!this.#layers.has(layer)) return;
    if (succeeded && layer.reveals) {
      const remove = () => this.#remove(layer);
      this.#awaited.set(layer, setTimer(remove, patience));
    } else {
      this.#remove(layer);
    }
  }

  #remove(layer: FeedLayer): void {
    this.#forget(layer);
    this.#overlay.remove(layer);
    this.#publish();
  }

  #forget(layer: FeedLayer): void {
    this.#layers.delete(layer);
    clearTimeout(this.#awaited.get(layer));
    this.#awaited.delete(layer);
  }

  /** The layer that an action reveals, if any; `own` is the call that caused it. */
  #revealed(action: RevealedAction, own: unknown): FeedLayer[] {
    for (const layer of this.#layers) {
      if (own !== undefined && layer.call === own) return [layer];
    }
    for (const layer of this.#layers) {
      if (layer.reveals?.(action)) return [layer];
    }
    return [];
  }

  #rebase(data: JsonObject, contains: readonly FeedLayer[]): void {
    this.#overlay.rebase(data, contains);
    for (const layer of contains) this.#forget(layer);
    this.#move({ state: "open", error: undefined });
  }

  #closed(error: FeedmeError | undefined): void {
    switch (error?.code) {
      case undefined:
        // Closed by `retry()`, which opens it again.
        return;
      case "REJECTED":
      case "TERMINATED":
        return this.fail(error!);
      default:
        // The client gave up before the feed learned that the connection was lost.
        if (this.#condition.state === "closed") return;
        return this.#move({ state: "opening", error });
    }
  }

  #move(condition: Condition): void {
    this.#condition = condition;
    this.#publish();
  }

  #publish(): void {
    const next = this.#look();
    const { data, error, pending, state } = this.#snapshot;
    if (
      next.data === data && next.error === error && next.pending === pending &&
      next.state === state
    ) return;
    this.#snapshot = next;
    this.listeners.notify();
  }

  #look(): FeedSnapshot<JsonObject> {
    const { size: pending, data } = this.#overlay;
    const { state, error } = this.#condition;
    switch (state) {
      case "opening":
        return { state, data, stale: data !== undefined, error, pending };
      case "open":
        return { state, data: data!, stale: false, error, pending };
      case "closed":
        return { state, data: undefined, stale: false, error, pending };
    }
  }
}
