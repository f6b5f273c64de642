/**
 * Follows one backend's status and delivers each state once and in order, across
 * reconnects.
 *
 * `followStatus` keeps a stream of server-sent events open as a link
 * (`net/link.ts`) until the backend has terminated. `StatusTracker` decides which
 * states are new; `StatusCheck` reads the status directly while the stream is quiet.
 */
import { type BackendState, isHTTPError } from "../../types.ts";
import { backoff, type BackoffOptions } from "../../net/backoff.ts";
import { deferred } from "../../net/deferred.ts";
import { type Attempt, Link, type LinkState } from "../../net/link.ts";
import { notify } from "../../net/report.ts";
import { SilenceWatch } from "../../net/silence.ts";
import { isEventStream, readServerEvents } from "../../net/sse.ts";
import { checkDuration } from "../../net/timer.ts";
import type { StatusDialect } from "./dialect.ts";
import { reach, readState, toHTTPError, uncached } from "./http.ts";
import { StatusCheck } from "./status_check.ts";
import { StatusTracker } from "./tracker.ts";

/** What {@linkcode followStatus} needs. */
export interface FollowOptions {
  /** The URL of the status. */
  statusUrl: string;
  /** How the platform reports it. */
  dialect: StatusDialect;
  /** The backend's id, for messages. */
  backendId: string;
  /** Stops following: the promise rejects with the signal's reason. */
  signal: AbortSignal;
  /** Called once for each state. */
  onState(state: BackendState): void;
  /** Called when the backend is known to exist: a first state arrived or was read. */
  onOpen?: (() => void) | undefined;
  /** Called when an attempt failed and will be retried, or an event was invalid. */
  onRetry?: ((error: unknown) => void) | undefined;
  /** Whether a failed first attempt is retried like any other. @default {false} */
  keepTrying?: boolean | undefined;
  /** @default {globalThis.fetch} */
  fetch?: typeof fetch | undefined;
  /**
   * Milliseconds of silence after which the stream counts as lost; 0 and
   * `Infinity` mean never. @default {60_000}
   */
  silence?: number | undefined;
  /** Milliseconds without an event after which the status is read. @default {1_000} */
  quiet?: number | undefined;
  /** Bounds of the delays between attempts. */
  backoff?: BackoffOptions | undefined;
}

/** A stream that stayed open this long (ms) resets the backoff. */
const HELD = 10_000;
/** After a wake-up, a stream has this long (ms) to prove that it is alive. */
const PROBE = 5_000;
/** The longest delay (ms) that a server can impose. */
const MAX_RETRY = 60_000;

/** Why a stream ended. */
type End =
  /** Normally, or on purpose so that it is reopened at once. */
  | { kind: "closed" }
  | { kind: "missed"; error: unknown }
  | { kind: "failed"; error: unknown };

/** Whether the failure is permanent, so that retrying is pointless. */
function isFinal(error: unknown): boolean {
  return isHTTPError(error) && [204, 404, 410].includes(error.code);
}

/** The delay (ms) that a response's `Retry-After` asks for. */
function retryAfter(error: unknown): number {
  return isHTTPError(error) ? error.retryAfter ?? 0 : 0;
}

/**
 * Follows a backend. Resolves when `terminated` arrives; rejects when it fails
 * permanently or `signal` aborts. By then every request and timer has been freed.
 */
export function followStatus(options: FollowOptions): Promise<void> {
  return new Follower(options).done;
}

class Follower {
  /** Settles when following has ended. */
  readonly done: Promise<void>;
  readonly #options: FollowOptions;
  readonly #action: string;
  readonly #silence: number;
  readonly #tracker = new StatusTracker();
  readonly #check: StatusCheck;
  readonly #link: Link<End>;
  readonly #settled = deferred<void>();
  #attempt: Attempt<End> | undefined;
  /** Resolves when the current or last stream has been freed. */
  #reading: Promise<void> = Promise.resolve();
  /** Whether a stream has ever opened, and whether the backend is known to exist. */
  #answered = false;
  #known = false;
  #lastEventId = "";
  /**
   * A page's cross-origin fetch may send `Last-Event-ID` only if the server's CORS
   * headers allow it, and the page cannot tell that refusal from a network failure.
   * After such a failure the header is left out: it only saves bytes, because the
   * tracker drops repeated states anyway.
   */
  #sendId = true;
  /** The delay (ms) that the server asks for. */
  #retry = 0;

  constructor(options: FollowOptions) {
    const { backendId, dialect, signal, silence = 60_000, quiet = 1_000 } =
      options;
    this.#options = options;
    this.#action = `Following the status of backend ${
      JSON.stringify(backendId)
    }`;
    this.#silence = checkDuration("silence", silence) || Infinity;
    this.#check = new StatusCheck({
      tracker: this.#tracker,
      read: (signal) => this.#readStatus(signal),
      losesStates: dialect.losesStates,
      quiet,
      rest: this.#silence,
      onKnown: () => this.#confirm(),
      onMissed: () => {
        const error = new Error(`${this.#action}: the stream missed a state`);
        this.#attempt!.end({ kind: "missed", error });
      },
      onFound: (state) => {
        this.#deliver(state);
        if (this.#tracker.ended) this.#attempt!.end({ kind: "closed" });
      },
      onError: (error) => {
        // A failed reading does not end a stream of a backend known to exist.
        if (!this.#known || isFinal(error)) this.#fail(error);
      },
    });
    this.#link = new Link({
      policy: {
        delay: (retries, end) => this.#delay(retries, end),
        heldAfter: HELD,
      },
      begin: (attempt) => this.#begin(attempt),
      onState: (state) => this.#onState(state),
    });
    const stop = () => this.#link.stop();
    this.done = this.#settled.promise.finally(() =>
      signal.removeEventListener("abort", stop)
    );
    if (signal.aborted) {
      this.#settle();
    } else {
      signal.addEventListener("abort", stop, { once: true });
      this.#link.connect();
    }
  }

  #onState(state: LinkState<End>): void {
    switch (state.kind) {
      case "waiting":
        if (state.end.kind !== "closed") this.#report(state.end.error);
        break;
      case "idle":
        // The stream's resources are freed first.
        this.#reading.then(() => this.#settle(state.end));
        break;
    }
  }

  #settle(end?: End): void {
    const { signal } = this.#options;
    if (!end) this.#settled.reject(signal.reason);
    else if (end.kind === "closed" || this.#tracker.ended) {
      this.#settled.resolve();
    } else this.#settled.reject(end.error);
  }

  /** The delay (ms) before the stream is reopened; `undefined` gives up. */
  #delay(retries: number, end: End): number | undefined {
    if (this.#tracker.ended) return undefined;
    switch (end.kind) {
      case "missed":
        return 0;
      case "closed":
        return this.#backoff(retries);
      case "failed": {
        const { error } = end;
        const early = !this.#answered && !this.#options.keepTrying;
        if (early || isFinal(error)) return undefined;
        const asked = Math.min(retryAfter(error), MAX_RETRY);
        return Math.max(this.#backoff(retries), asked);
      }
    }
  }

  #backoff(retries: number): number {
    const bounds = this.#options.backoff;
    // 0 means that the server asked for no delay. Backoff keeps a server that ends
    // every stream from being flooded.
    if (this.#retry === 0) return backoff(retries, bounds);
    // The jitter scales with the server's delay, so that clients spread out.
    return this.#retry +
      backoff(retries, { cap: MAX_RETRY, ...bounds, base: this.#retry });
  }

  #begin(attempt: Attempt<End>): () => void {
    const controller = new AbortController();
    const watch = new SilenceWatch({
      onSilence: () =>
        this.#fail(new Error(`${this.#action}: the stream went silent`)),
      probe: PROBE,
    });
    watch.start(this.#silence);
    this.#attempt = attempt;
    this.#reading = this.#read(attempt, watch, controller.signal).then(
      () => attempt.end({ kind: "closed" }),
      (error) => attempt.end({ kind: "failed", error }),
    );
    return () => {
      watch.stop();
      this.#check.stop();
      // `null` unless there is a reason: no caller sees it, and an abort without one
      // makes a DOMException, the most expensive part of a reconnect.
      controller.abort(this.#options.signal.reason ?? null);
    };
  }

  #fail(error: unknown): void {
    this.#attempt!.end({ kind: "failed", error });
  }

  /** Reads one stream; resolves when it ends normally. */
  async #read(
    attempt: Attempt<End>,
    watch: SilenceWatch,
    signal: AbortSignal,
  ): Promise<void> {
    const body = await this.#open(signal);
    attempt.opened();
    if (attempt.current) {
      this.#answered = true;
      this.#check.start(signal);
    }
    const reading = readServerEvents(body, {
      signal,
      onEvent: ({ data }) => {
        if (attempt.current) this.#onEvent(attempt, data);
      },
      // Nothing after the last state matters, and the server may keep the stream open.
      until: () => this.#tracker.ended,
      onId: (id) => this.#lastEventId = id,
      onRetry: (ms) => this.#retry = Math.min(ms, MAX_RETRY),
      onActivity: () => watch.heard(),
    });
    await reading.catch((cause) => {
      // An event that is too long says so.
      if (signal.aborted || cause?.name === "RangeError") throw cause;
      // The runtime's error does not say whose stream it was.
      throw new TypeError(`${this.#action}: the stream was lost`, { cause });
    });
  }

  async #open(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { statusUrl, dialect, fetch } = this.#options;
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (this.#sendId && this.#lastEventId) {
      headers["last-event-id"] = this.#lastEventId;
    }
    let response: Response;
    try {
      const url = uncached(dialect.streamUrl(statusUrl));
      response = await reach(this.#action, url, { headers, signal }, fetch);
    } catch (error) {
      if (this.#lastEventId && !signal.aborted) this.#sendId = false;
      throw error;
    }
    if (!response.ok || response.status === 204) {
      throw await toHTTPError(response, this.#action);
    }
    const type = response.headers.get("content-type");
    if (!response.body || !isEventStream(type)) {
      response.body?.cancel().catch(() => {});
      throw new TypeError(
        `${this.#action} failed: the response is not an event stream (content type ${
          type ?? "none"
        })`,
      );
    }
    return response.body;
  }

  async #readStatus(signal: AbortSignal): Promise<BackendState> {
    const { statusUrl, dialect, fetch } = this.#options;
    const url = uncached(statusUrl);
    const response = await reach(this.#action, url, { signal }, fetch);
    return await readState(response, this.#action, dialect);
  }

  #onEvent(attempt: Attempt<End>, data: string): void {
    let state: BackendState | undefined;
    try {
      state = this.#options.dialect.toState(JSON.parse(data));
    } catch {
      // Not JSON, so not a state; reported below.
    }
    this.#confirm();
    if (!state) {
      this.#report(
        new TypeError(
          `${this.#action}: an event of the stream is not a backend state`,
        ),
      );
    }
    const news = state !== undefined && this.#deliver(state);
    // A listener may have ended the attempt.
    if (attempt.current) this.#check.heard(news);
  }

  /** Delivers a state if it is new; returns whether it was. */
  #deliver(state: BackendState): boolean {
    if (!this.#tracker.accept(state)) return false;
    this.#link.reset();
    notify(this.#options.onState, state);
    return true;
  }

  /** The backend exists. */
  #confirm(): void {
    if (this.#known) return;
    this.#known = true;
    this.#options.onOpen?.();
  }

  #report(error: unknown): void {
    if (this.#options.onRetry) notify(this.#options.onRetry, error);
  }
}
