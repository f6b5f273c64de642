/**
 * Handles exceptions of the application's code: they reach `onError`, never the client
 * and never the event loop.
 */
import { FeedmeRejection, isRejection, type ServedClient } from "./define.ts";
import type { FeedmeErrorContext, FeedmeServerOptions } from "./options.ts";
import { isPromiseLike } from "../../../net/shape.ts";
import { isLate } from "./limited.ts";
import { type Refusal, refusal } from "./refusal.ts";
import type { Change, ServedFeed } from "./served_feed.ts";

/** Reports errors that have no caller. */
export class Reporter {
  readonly #options: FeedmeServerOptions;

  constructor(options: FeedmeServerOptions) {
    this.#options = options;
  }

  /** Calls the application's listener for `during`. */
  tell(during: "connect" | "disconnect", client: ServedClient): void {
    const { onConnect, onDisconnect } = this.#options;
    const listener = during === "connect" ? onConnect : onDisconnect;
    guarded(
      () => listener?.(client),
      (error) => this.report(error, { during, client }),
    );
  }

  /** The rejection that the client gets for `error`; the details go to `onError`. */
  refuse(error: unknown, context: FeedmeErrorContext): Refusal {
    if (isRejection(error)) {
      try {
        return refusal(error);
      } catch (cause) {
        error = cause;
      }
    }
    this.report(error, context);
    return refusal(
      new FeedmeRejection(isLate(error) ? "TIMEOUT" : "INTERNAL_ERROR"),
    );
  }

  /** Calls the application's `onChange`. */
  changed({ name, args, client }: ServedFeed, change: Change): void {
    const { onChange } = this.#options;
    if (!onChange) return;
    const owner = client && { client };
    guarded(
      () => onChange({ feed: name, args, ...change, ...owner }),
      (error) => this.report(error, { during: "change", name, ...owner }),
    );
  }

  /** Calls the application's `onViolation`. */
  violated(client: ServedClient, problem: string, message: string): void {
    const { onViolation } = this.#options;
    guarded(
      () => onViolation?.({ client, problem, message }),
      (error) => this.report(error, { during: "violation", client }),
    );
  }

  report(error: unknown, context: FeedmeErrorContext): void {
    const { onError } = this.#options;
    if (!onError) {
      const { during, name } = context;
      const subject = name === undefined ? "" : ` ${JSON.stringify(name)}`;
      return console.error(`Feedme server, ${during}${subject}:`, error);
    }
    guarded(
      () => onError(error, context),
      (thrown) => console.error("Feedme server, onError:", thrown),
    );
  }
}

/**
 * Calls code of the application. Passes its exception or rejection to `failed`. Returns
 * a promise only if the code is asynchronous.
 */
export function guarded(
  call: () => unknown,
  failed: (error: unknown) => void,
): void | PromiseLike<void> {
  try {
    const result = call();
    if (isPromiseLike(result)) return result.then(() => {}, failed);
  } catch (error) {
    failed(error);
  }
}
