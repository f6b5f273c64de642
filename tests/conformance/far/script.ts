/** What a scripted peer does, and what it reports afterwards. */

/** One answer to an HTTP request. */
export interface Answer {
  /** @default 200 */
  status?: number;
  headers?: Record<string, string>;
  /** The body as JSON. */
  json?: unknown;
  /** The body in pieces, each sent for itself; bytes as numbers. */
  chunks?: readonly (string | number[])[];
  /** Milliseconds before it begins. */
  wait?: number;
  /** What follows the body: its end, a broken connection, or silence. @default "end" */
  then?: "end" | "cut" | "silence";
}

/** One thing that happens on a WebSocket, in order. */
export type Step =
  /** Sends this text. */
  | { send: string }
  /** Sends these bytes. */
  | { bytes: number[] }
  /** Waits until so many messages have come in all. */
  | { received: number }
  /** Waits so many milliseconds. */
  | { wait: number }
  /** Begins the closing handshake. */
  | { close: [code?: number, reason?: string] }
  /** Breaks the connection off. */
  | { cut: true };

/** What a scripted peer does. */
export interface Script {
  /**
   * Answers by the path below the peer's address (no query); the first request
   * gets the first one, and the last one is for all that follow. `"silence"` is
   * none at all.
   */
  http?: Record<string, readonly (Answer | "silence")[]>;
  /**
   * What happens on each WebSocket; the last one is for all that follow.
   * `"silence"`: its upgrade is never answered, and is among the requests.
   */
  sockets?: readonly (readonly Step[] | "silence")[];
  /** The subprotocol to choose. @default the first on offer */
  protocol?: string;
  /** The request headers that a page may send. @default those that Feedline sends */
  allowHeaders?: string;
}

/** What a scripted peer saw. */
export interface Seen {
  requests: {
    method: string;
    /** Path below the peer's address. */
    path: string;
    headers: Record<string, string>;
    body: string;
    /** The client has gone before it was answered in full. */
    gone?: true;
  }[];
  sockets: {
    /** Texts; binary messages as arrays of numbers. */
    messages: (string | number[])[];
    /** The code and reason that it ended with; absent while it is open. */
    closed?: [code: number, reason: string];
  }[];
}
