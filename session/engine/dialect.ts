/** What differs between platforms in how they tell a backend's status. No I/O. */
import type { BackendState } from "../../types.ts";

/** How one platform tells the status of its backends. */
export interface StatusDialect {
  /** The address of the stream that belongs to a status address. */
  streamUrl(statusUrl: string): string;
  /**
   * A state as the platform sends it, in the common form; `undefined` if it is
   * not a state.
   */
  toState(value: unknown): BackendState | undefined;
  /**
   * Whether a stream may miss a state, so that the status itself is read when the
   * stream has been quiet.
   */
  readonly losesStates: boolean;
}
