/**
 * A kept connection: makes an attempt, notices its end, waits, and tries again.
 *
 * A link is independent of protocols and formulas. The owner passes in a function that
 * begins an attempt, and a policy that decides how long to wait after an end. An attempt
 * can be a WebSocket (`openWebSocket` in `dial.ts`), a stream of server-sent events, or
 * anything else that begins, may open, and ends. `SilenceWatch` in `silence.ts` detects
 * connections that died silently.
 */
import { onWake } from "./lifecycle.ts";
import { checkDuration, setTimer } from "./timer.ts";

/** What a link is doing. Only the link changes it. */
export type LinkState<End> =
  /** No attempt, and none will start by itself. `end` is why it gave up, if it did. */
  | { readonly kind: "idle"; readonly end?: End }
  /** An attempt has begun. */
  | { readonly kind: "connecting" }
  /** The attempt has opened; `since` is when, by the link's clock. */
  | { readonly kind: "open"; readonly since: number }
  /** The next attempt begins after `delay` ms, or when the page wakes up. */
  | { readonly kind: "waiting"; readonly delay: number; readonly end: End };

/** When a link tries again. A plain value; each protocol defines its own. */
export interface LinkPolicy<End> {
  /**
   * The delay before the next attempt in milliseconds, or `undefined` to give
   * up. `Infinity` waits for the page to wake up, or for `connect()`.
   *
   * @param retries how many delays were granted since a connection held
   * @param end why the attempt ended
   */
  delay(retries: number, end: End): number | undefined;
  /**
   * An attempt that stayed open this long (ms) has held: the next delay counts
   * from 0 again.
   * @default {0}
   */
  readonly heldAfter?: number;
}

/** One attempt, as its protocol sees it. After its end, its methods do nothing. */
export interface Attempt<End> {
  /** Counts the attempts of its link from 1. */
  readonly number: number;
  /** Whether it is the link's current attempt. */
  readonly current: boolean;
  /** The connection is usable. */
  opened(): void;
  /** The connection ended, or was never established: the policy decides what follows. */
  end(end: End): void;
}

/** What a {@linkcode Link} needs. */
export interface LinkOptions<End> {
  /**
   * Begins an attempt. Returns a function that frees it, which is called once, when the
   * attempt ends for any reason.
   */
  begin(attempt: Attempt<End>): () => void;
  policy: LinkPolicy<End>;
  /** Called after each change of state. */
  onState?: ((state: LinkState<End>) => void) | undefined;
  /** Milliseconds since any fixed moment. @default {performance.now} */
  now?: (() => number) | undefined;
}

const nothing = (): void => {};

/** One connection that outlives its attempts. It begins idle. */
export class Link<End> {
  readonly #options: LinkOptions<End>;
  readonly #now: () => number;
  #state: LinkState<End> = { kind: "idle" };
  /** Frees the resource of the current state: an attempt, or a timer. */
  #leave: () => void = nothing;
  /** The number of the current attempt; 0 without one. */
  #current = 0;
  #attempts = 0;
  #retries = 0;

  constructor(options: LinkOptions<End>) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** The current state. */
  get state(): LinkState<End> {
    return this.#state;
  }

  /** How many delays were granted since a connection held. */
  get retries(): number {
    const { policy: { heldAfter = 0 } } = this.#options;
    const state = this.#state;
    const held = state.kind === "open" &&
      this.#now() - state.since >= heldAfter;
    return held ? 0 : this.#retries;
  }

  /** Counts delays from 0 again, because the peer has proved that it works. */
  reset(): void {
    this.#retries = 0;
  }

  /**
   * Begins an attempt now. Ends a wait or an earlier attempt.
   *
   * @throws what `begin` throws; then the link is idle
   */
  connect(): void {
    const number = this.#current = ++this.#attempts;
    const isCurrent = () => this.#current === number;
    const attempt: Attempt<End> = {
      number,
      get current() {
        return isCurrent();
      },
      opened: () => {
        if (!isCurrent() || this.#state.kind !== "connecting") return;
        // The attempt continues, so `#leave` stays the same.
        this.#write({ kind: "open", since: this.#now() });
      },
      end: (end) => {
        if (isCurrent()) this.#end(end);
      },
    };
    this.#move({ kind: "connecting" }, nothing);
    // A listener may have stopped it, or begun another attempt.
    if (!isCurrent()) return;
    let free: () => void;
    try {
      free = this.#options.begin(attempt);
    } catch (error) {
      if (isCurrent()) this.stop();
      throw error;
    }
    if (isCurrent()) this.#leave = free;
    else free();
  }

  /** The current attempt has ended: the policy decides what follows. */
  #end(end: End): void {
    const retries = this.retries;
    const delay = this.#options.policy.delay(retries, end);
    if (delay !== undefined) checkDuration("delay", delay);
    this.#current = 0;
    this.#retries = retries;
    if (delay === undefined) return this.#move({ kind: "idle", end }, nothing);
    this.#retries++;
    const retry = () => this.connect();
    const timer = setTimer(retry, delay);
    // The network is back or the page is visible again: stop waiting.
    const sleep = onWake(retry);
    this.#move({ kind: "waiting", delay, end }, () => {
      clearTimeout(timer);
      sleep();
    });
  }

  /** Ends the attempt or the wait, without asking the policy. `connect()` starts again. */
  stop(): void {
    this.#current = 0;
    if (this.#state.kind !== "idle") this.#move({ kind: "idle" }, nothing);
  }

  #move(state: LinkState<End>, leave: () => void): void {
    const free = this.#leave;
    this.#leave = leave;
    this.#state = state;
    free();
    // Freeing may have led further.
    if (this.#state === state) this.#options.onState?.(state);
  }

  #write(state: LinkState<End>): void {
    this.#state = state;
    this.#options.onState?.(state);
  }
}
