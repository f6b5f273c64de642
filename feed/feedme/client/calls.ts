/** The actions that wait for a response. */
import {
  type ActionOutcome,
  FeedmeError,
  type FeedmeErrorCode,
  type FeedmeErrorDetails,
  reasonOf,
} from "./errors.ts";
import {
  type JsonObject,
  type ServerMessage,
  writeClientMessage,
} from "../wire/protocol.ts";
import type { Shell } from "./shell.ts";

/** Called when an action ends. */
export type Call = (
  ...result: [error: FeedmeError] | [error: undefined, actionData: JsonObject]
) => void;

/** The part of a conversation that is about actions. */
export class Calls {
  readonly #shell: Shell;
  readonly #timeoutMs: number;
  #lastId = 0;
  /** What waits, by CallbackId; without a call it has timed out. */
  readonly #waiting = new Map<
    string,
    { call: Call; stop: () => void } | undefined
  >();

  constructor(shell: Shell, timeoutMs: number) {
    this.#shell = shell;
    this.#timeoutMs = timeoutMs;
  }

  /** The application invokes an action. Throws if its arguments nest too deep. */
  act(call: Call, name: string, args: JsonObject): void {
    if (!this.#shell.live()) {
      return this.#fail(
        call,
        "not_sent",
        "NOT_CONNECTED",
        "The client is not connected.",
      );
    }
    const id = `${this.#lastId + 1}`;
    // Before anything is noted: too deep a nesting makes this throw, or a breach
    // of the transport, and then the caller is told by that alone.
    this.#shell.send(writeClientMessage({
      MessageType: "Action",
      ActionName: name,
      ActionArgs: args,
      CallbackId: id,
    }));
    this.#lastId++;
    const stop = this.#shell.start(this.#timeoutMs, () => {
      // A later response is expected and ignored.
      this.#waiting.set(id, undefined);
      this.#fail(
        call,
        "timed_out",
        "TIMEOUT",
        "The server did not respond within the allocated time.",
      );
    });
    this.#waiting.set(id, { call, stop });
  }

  /** A response has arrived; tells whether one was due. */
  receive(message: ServerMessage & { MessageType: "ActionResponse" }): boolean {
    const id = message.CallbackId;
    const waiting = this.#waiting.get(id);
    if (!this.#waiting.delete(id)) return false;
    if (!waiting) return true;
    const { call, stop } = waiting;
    stop();
    if (message.Success) {
      this.#shell.later(() => call(undefined, message.ActionData));
    } else {
      this.#fail(
        call,
        "rejected",
        "REJECTED",
        "Server rejected the action request.",
        reasonOf(message),
      );
    }
    return true;
  }

  /** The connection is lost, and all that waited on it. */
  lost(): void {
    for (const waiting of this.#waiting.values()) {
      if (!waiting) continue;
      waiting.stop();
      this.#fail(
        waiting.call,
        "unknown",
        "NOT_CONNECTED",
        "The transport disconnected.",
      );
    }
    this.#waiting.clear();
    this.#lastId = 0;
  }

  #fail(
    call: Call,
    outcome: ActionOutcome,
    code: FeedmeErrorCode,
    text: string,
    details?: FeedmeErrorDetails,
  ): void {
    const error = new FeedmeError(code, text, { outcome, ...details });
    this.#shell.later(() => call(error));
  }
}
