/** What a conversation needs of the client that holds it. */
import type { FeedmeError } from "./errors.ts";

/** The client, as its conversation sees it. Nothing here calls back at once. */
export interface Shell {
  /** Whether a message can be sent now. May throw `TRANSPORT_ERROR`. */
  live(): boolean;
  /**
   * Sends a text if the transport is still connected. May throw
   * `TRANSPORT_ERROR` after all is over, so nothing that has to be done may
   * follow.
   */
  send(text: string): void;
  /** Ends the connection because of `reason`. */
  hangUp(reason: FeedmeError): void;
  /** Calls `job` in `ms` milliseconds (0: never); the result prevents it. */
  start(ms: number, job: () => void): () => void;
  /** Calls `job` after all that the application was told before. */
  later(job: () => void): void;
  /** Tells the listeners of the client. */
  tell(event: string, ...args: unknown[]): void;
}
