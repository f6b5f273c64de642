/**
 * One backend's states: each once, in order, whatever the network does.
 *
 * Two parts: `StatusTracker` decides whether a state is news (no I/O), and
 * `followStatus` keeps a status stream open until the backend is terminated.
 * `StatusLog` hands what came to any number of readers.
 */
import {
  BACKEND_STATUSES,
  type BackendState,
  isHTTPError,
} from "../../types.ts";
import { backoff, type BackoffOptions } from "../../net/backoff.ts";
import { onWake } from "../../net/lifecycle.ts";
import { notify } from "../../net/report.ts";
import { readServerEvents } from "../../net/sse.ts";
import { wait } from "../../net/wait.ts";
import type { StatusDialect } from "./dialect.ts";
import { positionOf } from "./status.ts";
import { reach, readState, toHTTPError, uncached } from "./http.ts";

/** The position of `terminated`, after which nothing comes. */
const LAST = BACKEND_STATUSES.length - 1;

/** More statuses that nobody has heard of than this are a broken peer's. */
const MAX_UNKNOWN = 100;

/** Decides which states are news: a server replays them after each reconnect. */
export class StatusTracker {
  #position = -1;
  #unknown = new Set<string>();

  /** Whether the last state has come. */
  get ended(): boolean {
    return this.#position === LAST;
  }

  /**
   * Whether `state` was not there yet: a known status if it is further on than
   * all before, an unknown one if it is new.
   */
  isNews({ status }: { status: string }): boolean {
    if (this.ended) return false;
    const position = positionOf(status);
    if (position >= 0) return position > this.#position;
    return !this.#unknown.has(status) && this.#unknown.size < MAX_UNKNOWN;
  }

  /** Takes note of `state`; whether it is to be delivered. */
  accept(state: { status: string }): boolean {
    if (!this.isNews(state)) return false;
    const position = positionOf(state.status);
    if (position < 0) this.#unknown.add(state.status);
    else this.#position = position;
    return true;
  }
}

/** A failure that trying again cannot mend. */
function isFinal(error: unknown): boolean {
  return isHTTPError(error) &&
    (error.code === 404 || error.code === 410 || error.code === 204);
}

/** What {@linkcode followStatus} needs. */
export interface FollowOptions {
  /** The address of the status. */
  statusUrl: string;
  /** How the platform tells it. */
  dialect: StatusDialect;
  /** The name of the backend, for messages. */
  backendId: string;
  /** Ends it: the promise rejects with the signal's reason. */
  signal: AbortSignal;
  /** Called once for each state. */
  onState(state: BackendState): void;
  /** The platform knows the backend: its first state came, or was asked for. */
  onOpen?: (() => void) | undefined;
  /** Something failed and is tried again, or an event could not be read. */
  onRetry?: ((error: unknown) => void) | undefined;
  /** Whether a first attempt that fails is tried again like any other. @default {false} */
  keepTrying?: boolean | undefined;
  /** @default {globalThis.fetch} */
  fetch?: typeof fetch | undefined;
  /** Milliseconds of silence after which the stream counts as lost. @default {60_000} */
  silence?: number | undefined;
  /** Delays between attempts. */
  backoff?: BackoffOptions | undefined;
}

/** A stream that lives this long (ms) is a good one: delays start from the beginning. */
const HELD = 10_000;
/** A stream that says nothing for this long (ms) after it opened is asked about. */
const QUIET = 1_000;
/** After a wake-up, a stream has this long (ms) to prove that it lives. */
const PROBE = 5_000;
/** A server that asks for longer delays (ms) than this does not get them. */
const MAX_RETRY = 60_000;

/**
 * Follows a status stream until `terminated` came (then it resolves), it fails
 * for good, or `signal` aborts (then it rejects).
 */
export async function followStatus(options: FollowOptions): Promise<void> {
  const { signal, onState, onOpen, keepTrying = false, fetch } = options;
  const onRetry = (error: unknown) => {
    if (options.onRetry) notify(options.onRetry, error);
  };
  const action = `Following the status of backend ${
    JSON.stringify(options.backendId)
  }`;
  const silence = options.silence ?? 60_000;
  const tracker = new StatusTracker();
  let attempt = 0;
  let answered = false;
  let opened = false;
  let lastEventId = "";
  // A page's cross-origin fetch may send this header only if the server lists
  // it, and cannot tell a refusal from a lost network: so after such a failure
  // it is sent no more. The tracker needs no id, it only saves bytes.
  let sendId = true;
  let retry: number | undefined;

  const deliver = (data: string) => {
    if (signal.aborted) return;
    let state: BackendState | undefined;
    try {
      state = options.dialect.toState(JSON.parse(data));
    } catch {
      // Not JSON: no state either.
    }
    if (!state) {
      onRetry(new TypeError(`${action}: an event is not a state`));
    } else if (tracker.accept(state)) {
      attempt = 0;
      notify(onState, state);
    }
  };

  // A stream that says nothing may be of a backend that never was: Plane answers
  // such a request like any other. And Plane's streams lose a state where
  // transactions overlap. So the status itself is asked for when a stream is
  // quiet after it opened, and on Plane again whenever it has been quiet long.
  const { losesStates } = options.dialect;

  async function ask(signal: AbortSignal): Promise<BackendState> {
    const url = uncached(options.statusUrl);
    const response = await reach(action, url, { signal }, fetch);
    return await readState(response, action, options.dialect);
  }

  /** There is such a backend. */
  const confirm = () => {
    if (opened) return;
    opened = true;
    onOpen?.();
  };

  /** One connection: resolves when it ended as streams do. */
  async function connect(): Promise<void> {
    const controller = new AbortController();
    const abort = () => controller.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    const watch = watchdog(
      silence,
      () => controller.abort(new Error(`${action}: the stream fell silent`)),
    );
    let doubt: ReturnType<typeof setTimeout> | undefined;
    const doubtAfter = (ms: number, check?: (state: BackendState) => void) => {
      clearTimeout(doubt);
      doubt = setTimeout(() => {
        ask(controller.signal).then((state) => {
          check?.(state);
          confirm();
          if (losesStates) doubtAfter(silence, checkNews);
        }).catch((error) => controller.abort(error));
      }, ms);
    };
    const checkNews = (state: BackendState) => {
      if (tracker.isNews(state)) {
        throw new Error(`${action}: the stream missed a state`);
      }
    };
    const start = performance.now();
    try {
      const headers: Record<string, string> = {
        accept: "text/event-stream",
      };
      if (sendId && lastEventId) headers["last-event-id"] = lastEventId;
      let response: Response;
      try {
        response = await reach(
          action,
          uncached(options.dialect.streamUrl(options.statusUrl)),
          { headers, signal: controller.signal },
          fetch,
        );
      } catch (error) {
        if (lastEventId) sendId = false;
        throw error;
      }
      if (!response.ok || response.status === 204) {
        throw await toHTTPError(response, action);
      }
      const type = response.headers.get("content-type") ?? "none";
      if (!response.body || !/^text\/event-stream\s*(;|$)/i.test(type)) {
        response.body?.cancel().catch(() => {});
        throw new TypeError(
          `${action} failed: the answer is no event stream (content type ${type})`,
        );
      }
      answered = true;
      doubtAfter(QUIET);
      await readServerEvents(response.body, {
        onEvent({ data }) {
          if (losesStates) doubtAfter(silence, checkNews);
          else if (doubt !== undefined) doubt = void clearTimeout(doubt);
          confirm();
          deliver(data);
        },
        // Nothing after the last state matters, and the server may not close.
        until: () => tracker.ended,
        onId: (id) => lastEventId = id,
        onRetry: (ms) => retry = Math.min(ms, MAX_RETRY),
        onActivity: watch.alive,
      });
    } finally {
      clearTimeout(doubt);
      watch.stop();
      signal.removeEventListener("abort", abort);
      if (performance.now() - start > HELD) attempt = 0;
      // Frees what is left of the request; nobody sees the reason.
      controller.abort(null);
    }
  }

  while (true) {
    signal.throwIfAborted();
    let retryAfter = 0;
    try {
      await connect();
    } catch (error) {
      signal.throwIfAborted();
      if (!tracker.ended) {
        if (isFinal(error) || (!answered && !keepTrying)) throw error;
        if (isHTTPError(error)) retryAfter = error.retryAfter ?? 0;
        onRetry(error);
      }
    }
    if (tracker.ended) return;
    // The server's own `retry` sets the scale, so that many clients still spread.
    // Zero is none: a server that ends every stream would be asked without pause.
    const bounds = retry
      ? { cap: MAX_RETRY, ...options.backoff, base: retry }
      : options.backoff;
    const delay = (retry ?? 0) + backoff(attempt++, bounds);
    await wait(Math.max(delay, Math.min(retryAfter, MAX_RETRY)), {
      signal,
      wake: onWake,
    });
  }
}

/**
 * Calls `onSilence` when `alive` has not been called for a while: between one
 * and two times `silence`, so that each chunk costs one assignment and no timer.
 */
function watchdog(
  silence: number,
  onSilence: () => void,
): { alive(): void; stop(): void } {
  let heard = true;
  let timer: ReturnType<typeof setTimeout>;
  const check = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!heard) return onSilence();
      heard = false;
      check(silence);
    }, ms);
  };
  check(silence);
  const unlisten = onWake(() => {
    heard = false;
    check(PROBE);
  });
  return {
    alive: () => heard = true,
    stop() {
      clearTimeout(timer);
      unlisten();
    },
  };
}
