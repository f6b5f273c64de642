/** The options of `SessionBackend` and of its methods that wait. */
import type { CallOptions } from "../../types.ts";

/** Options of `SessionBackend`. */
export interface SessionBackendOptions {
  /** The `fetch` to use. @default {globalThis.fetch} */
  fetch?: typeof fetch | undefined;
  /**
   * Called with each failure of the status stream. Most failures are followed by a
   * reconnect; `final` marks the one that ends the stream because the platform no
   * longer knows the backend.
   */
  onError?: ((error: unknown, info: { final: boolean }) => void) | undefined;
  /**
   * Whether watching begins with the first method that needs it, such as `subscribe()` or
   * `ready()`, instead of at once. A page framework may create objects during rendering
   * that it then drops; a lazy one costs no request.
   * @default {false}
   */
  lazy?: boolean | undefined;
}

/** Options of the `SessionBackend` methods that wait. */
export interface ReadyOptions extends CallOptions {
  /** The longest wait, in milliseconds; `Infinity` means no limit. @default {Infinity} */
  timeout?: number | undefined;
}
