/** How platforms differ in reporting a backend's status. No I/O. */
import type { BackendState } from "../../types.ts";

/** How one platform reports the status of its backends. */
export interface StatusDialect {
  /** The URL of the status stream that belongs to a status URL. */
  streamUrl(statusUrl: string): string;
  /**
   * Converts a state from the platform's form to the common one; returns
   * `undefined` if the value is not a state.
   */
  toState(value: unknown): BackendState | undefined;
  /**
   * Whether the platform's streams are known to miss states. If so, the status is
   * also read now and then in a state that may last; while a backend starts or ends,
   * it is read on every platform.
   */
  readonly losesStates: boolean;
}
