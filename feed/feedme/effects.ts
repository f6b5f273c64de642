/** What a conversation knows of its feeds, and what it wants done. */
import type { Digest } from "./digest.ts";
import type { FeedmeError } from "./errors.ts";
import type { FeedArgs, JsonObject } from "./protocol.ts";

/** What the shell has to do. */
export type Effect<Owner, Call> =
  /** Send a text, if the transport is still connected. */
  | { do: "send"; text: string }
  /** Call `expire(timer)` in `ms` milliseconds. */
  | { do: "start"; timer: Timer; ms: number }
  | { do: "stop"; timer: Timer }
  /** Tell listeners of a feed object, or of the client if there is no owner. */
  | { do: "emit"; to: Owner | undefined; event: string; args: unknown[] }
  /** Tell how an action ended. */
  | { do: "settle"; call: Call; error: FeedmeError }
  | { do: "settle"; call: Call; error?: undefined; data: JsonObject }
  /** The server refused the handshake: hang up. */
  | { do: "reject" };

/** A timer is told apart by identity. */
export type Timer =
  | { kind: "action"; id: string }
  | { kind: "open"; key: string }
  | { kind: "reopened"; key: string };

/** Bounds in milliseconds and attempts, as the client's options name them. */
export interface ConversationOptions {
  actionTimeoutMs: number;
  feedTimeoutMs: number;
  reopenMaxAttempts: number;
  reopenTrailingMs: number;
}

/** A feed as the server sees it, on this connection. */
export type FeedState =
  /** `waiting`: the client itself reopens it as soon as the limit allows. */
  | { kind: "closed"; waiting: boolean }
  | { kind: "opening"; timer: Timer | undefined }
  | { kind: "open"; data: JsonObject; digest: Digest | undefined }
  /** `bad`: closed by the client itself, because of a bad feed action. */
  | { kind: "closing" | "terminated"; bad: boolean };

export interface ServerFeed<Owner> {
  readonly key: string;
  readonly name: string;
  /** As the member that opened it last gave them. */
  args: FeedArgs;
  readonly members: Set<Member<Owner>>;
  state: FeedState;
  /** The client's own reopenings that count now, each with its timer. */
  readonly reopenings: Set<Timer>;
}

/** A feed object of the application. */
export interface Member<Owner> {
  readonly owner: Owner;
  readonly feed: ServerFeed<Owner>;
  readonly args: FeedArgs;
  /** Whether the application wants it open. */
  desired: boolean;
  /** What its listeners were told last, and why it is closed. */
  told: "closed" | "opening" | "open";
  error: FeedmeError | undefined;
}
