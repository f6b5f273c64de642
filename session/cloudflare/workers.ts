/**
 * The part of the Workers runtime that this room uses, as types of shapes: an
 * application's own types, from `wrangler types` or `@cloudflare/workers-types`, fit.
 */

/** A value that SQLite returns. */
export type SqlValue = ArrayBuffer | string | number | null;

/** The storage of an object with SQLite. */
export interface ObjectStorage {
  /** Its database. */
  sql: {
    /** Runs a statement. */
    exec(
      query: string,
      ...bindings: SqlValue[]
    ): { toArray(): Record<string, SqlValue>[] };
  };
  /** When the next alarm is due, in milliseconds since 1970. */
  getAlarm(): Promise<number | null>;
  /** Sets the only alarm, in milliseconds since 1970. */
  setAlarm(time: number): Promise<void>;
  /** Removes the alarm. */
  deleteAlarm(): Promise<void>;
  /** Resolves when everything is written. */
  sync(): Promise<void>;
}

/** A WebSocket that may hibernate. */
export interface HibernatingSocket {
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** Sends a message. */
  send(message: string | ArrayBuffer | ArrayBufferView): void;
  /** Closes the connection. */
  close(code?: number, reason?: string): void;
}

/** What the runtime hands to the constructor of an object. */
export interface ObjectState {
  /** The id of the object. */
  readonly id: { toString(): string };
  /** Its storage. */
  readonly storage: ObjectStorage;
  /** Its container, if the class has one. */
  readonly container?: { readonly running: boolean } | undefined;
  /** Ends the object in memory; the next call starts it anew. */
  abort(reason?: string): void;
  /** Accepts a WebSocket that stays open while the object is out of memory. */
  // deno-lint-ignore no-explicit-any -- the application's own type of a socket
  acceptWebSocket(socket: any, tags?: string[]): void;
  /** The WebSockets that were accepted so, all or those with a tag. */
  getWebSockets(tag?: string): HibernatingSocket[];
  /** The tags of one. */
  // deno-lint-ignore no-explicit-any -- the application's own type of a socket
  getTags(socket: any): string[];
}

/** Whether an alarm is repeated because it failed. */
export interface AlarmInfo {
  /** Whether it is repeated. */
  readonly isRetry: boolean;
  /** How often it was repeated. */
  readonly retryCount: number;
}

/** An instance of the application's class; its methods are all optional. */
export interface ServingObject {
  /** Serves a request. */
  fetch?(request: Request): Response | Promise<Response>;
  /** The alarm that the class itself set. */
  alarm?(info?: AlarmInfo): void | Promise<void>;
  /** A hibernating WebSocket was closed. */
  webSocketClose?(
    // deno-lint-ignore no-explicit-any -- the application's own type of a socket
    socket: any,
    code: number,
    reason: string,
    wasClean: boolean,
  ): void | Promise<void>;
  /** A hibernating WebSocket failed. */
  // deno-lint-ignore no-explicit-any -- the application's own type of a socket
  webSocketError?(socket: any, error: unknown): void | Promise<void>;
}

/** An object as the engine calls it. */
export interface SessionStub {
  /** Sends a request to the object. */
  fetch(request: Request): Promise<Response>;
}

/**
 * The binding to a class that {@linkcode sessionObject} made, such as
 * `DurableObjectNamespace<Room>`.
 */
export interface SessionNamespace {
  /** The id that belongs to a name. */
  // deno-lint-ignore no-explicit-any -- the runtime's own type of an id
  idFromName(name: string): any;
  /** The id that has this text. */
  // deno-lint-ignore no-explicit-any -- the runtime's own type of an id
  idFromString(id: string): any;
  /** An id that no other object has. */
  // deno-lint-ignore no-explicit-any -- the runtime's own type of an id
  newUniqueId(options?: any): any;
  /** The object with an id. */
  // deno-lint-ignore no-explicit-any -- the runtime's own type of a stub
  get(id: any, options?: any): any;
}
