/**
 * Ends a backend that is unused, or whose time is over: by the object's alarm, so that
 * the object may be out of memory meanwhile.
 */
import { setTimer } from "../../net/timer.ts";
import type { SessionStore, StoredBackend } from "./store.ts";
import type { AlarmInfo, ObjectState } from "./workers.ts";

/** What {@linkcode BackendDeadlines} needs. */
export interface BackendDeadlinesOptions {
  ctx: ObjectState;
  store: SessionStore;
  /** Whether a timer does, as the object stays in memory and has alarms of its own. */
  pinned: boolean;
  /** The alarm of the application's class, if it has one. */
  ownAlarm: ((info?: AlarmInfo) => Promise<void>) | undefined;
  /** The backend, while it runs. */
  running: () => StoredBackend | undefined;
  /** Whether it has a connection. */
  busy: () => boolean;
  /** Ends it. */
  end: () => void;
}

/** The deadlines of the running backend. */
export class BackendDeadlines {
  readonly #options: BackendDeadlinesOptions;
  /** When the idle limit is over, as it is kept. */
  #idle: number | null;
  /** When a connection was last seen, if in this memory. */
  #usedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: BackendDeadlinesOptions) {
    this.#options = options;
    this.#idle = options.store.read("idle") ?? null;
  }

  /** A connection has come or gone, or the backend was spawned. */
  used(): void {
    const { running, busy, store } = this.#options;
    const maxIdle = running()?.maxIdle;
    if (maxIdle === undefined) return;
    this.#usedAt = Date.now();
    if (busy()) return;
    const due = this.#usedAt + maxIdle;
    // Not for each of many requests: a row that is written costs more than one read.
    const soon = Math.min(maxIdle / 10, 60_000);
    if (this.#idle !== null && due - this.#idle <= soon) return;
    store.keep("idle", this.#idle = due);
    this.arm();
  }

  /** Sees to it that the next deadline is noticed. */
  arm(): void {
    const due = this.#due();
    if (due === Infinity) return;
    if (!this.#options.pinned) return void this.#setAlarm(due);
    clearTimeout(this.#timer);
    this.#timer = setTimer(() => this.#check(), Math.max(0, due - Date.now()));
  }

  /** The backend has ended. */
  stop(): void {
    clearTimeout(this.#timer);
    if (this.#idle !== null) {
      this.#options.store.keep("idle", this.#idle = null);
    }
  }

  /** The object's alarm, which may be that of the application's class. */
  async alarm(info?: AlarmInfo): Promise<void> {
    const { ctx, store, ownAlarm } = this.#options;
    const displaced = store.read("alarm") ?? null;
    if (displaced !== null) store.keep("alarm", null);
    if (!this.#options.pinned) this.#check();
    if (displaced !== null && displaced > Date.now()) {
      await ctx.storage.setAlarm(displaced);
    }
    await ownAlarm?.(info);
    if (!this.#options.pinned) this.arm();
  }

  #due(): number {
    const { endsAt, maxIdle } = this.#options.running() ?? {};
    return Math.min(
      endsAt ?? Infinity,
      maxIdle === undefined ? Infinity : this.#idle ?? Infinity,
    );
  }

  async #setAlarm(due: number): Promise<void> {
    const { ctx: { storage }, store, ownAlarm } = this.#options;
    const set = await storage.getAlarm();
    if (set !== null && set <= due) return;
    // It may be one of ours: the class is then called once too often.
    if (set !== null && ownAlarm) store.keep("alarm", set);
    await storage.setAlarm(due);
  }

  #check(): void {
    const { running, busy, end, store } = this.#options;
    const backend = running();
    if (!backend) return;
    const now = Date.now();
    const { maxIdle, endsAt = Infinity } = backend;
    if (endsAt <= now) return end();
    if (maxIdle === undefined || this.#idle === null || this.#idle > now) {
      return this.arm();
    }
    if (busy()) {
      // Kept again when the last connection has gone.
      store.keep("idle", this.#idle = null);
    } else if (this.#usedAt + maxIdle > now) {
      store.keep("idle", this.#idle = this.#usedAt + maxIdle);
    } else return end();
    this.arm();
  }
}
