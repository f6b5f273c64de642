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
   * Whether the platform's streams can miss a state. If so, the status is also read
   * directly whenever the stream has been quiet.
   */
  readonly losesStates: boolean;
}
