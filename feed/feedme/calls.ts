/** The actions that wait for a response. */
import type { Effect, Timer } from "./effects.ts";
import { FeedmeError } from "./errors.ts";
import {
  type JsonObject,
  type ServerMessage,
  writeClientMessage,
} from "./protocol.ts";

/** The part of a conversation that is about actions. */
export class Calls<Owner, Call> {
  readonly #effect: (effect: Effect<Owner, Call>) => void;
  readonly #timeoutMs: number;
  #lastId = 0;
  /** What waits, by CallbackId; without a call it has timed out. */
  readonly #waiting = new Map<
    string,
    { call: Call; timer: Timer | undefined } | undefined
  >();

  constructor(
    effect: (effect: Effect<Owner, Call>) => void,
    timeoutMs: number,
  ) {
    this.#effect = effect;
    this.#timeoutMs = timeoutMs;
  }

  /** The application invokes an action; `live` tells whether it can be sent. */
  act(call: Call, name: string, args: JsonObject, live: boolean): void {
    if (!live) {
      const error = new FeedmeError(
        "NOT_CONNECTED",
        "The client is not connected.",
        { outcome: "not_sent" },
      );
      return this.#effect({ do: "settle", call, error });
    }
    const id = `${this.#lastId + 1}`;
    // Before anything is noted: too deep a nesting makes this throw.
    const text = writeClientMessage({
      MessageType: "Action",
      ActionName: name,
      ActionArgs: args,
      CallbackId: id,
    });
    this.#lastId++;
    const ms = this.#timeoutMs;
    const timer: Timer | undefined = ms > 0
      ? { kind: "action", id }
      : undefined;
    this.#waiting.set(id, { call, timer });
    if (timer) this.#effect({ do: "start", timer, ms });
    this.#effect({ do: "send", text });
  }

  /** A response has arrived; tells whether one was due. */
  receive(message: ServerMessage & { MessageType: "ActionResponse" }): boolean {
    const id = message.CallbackId;
    const waiting = this.#waiting.get(id);
    if (!this.#waiting.delete(id)) return false;
    if (!waiting) return true;
    const { call, timer } = waiting;
    if (timer) this.#effect({ do: "stop", timer });
    if (message.Success) {
      this.#effect({ do: "settle", call, data: message.ActionData });
    } else {
      const error = new FeedmeError(
        "REJECTED",
        "Server rejected the action request.",
        {
          outcome: "rejected",
          serverErrorCode: message.ErrorCode,
          serverErrorData: message.ErrorData,
        },
      );
      this.#effect({ do: "settle", call, error });
    }
    return true;
  }

  /** The time of an action is over; a later response is expected and ignored. */
  expire({ id }: Timer & { kind: "action" }): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.set(id, undefined);
    const error = new FeedmeError(
      "TIMEOUT",
      "The server did not respond within the allocated time.",
      { outcome: "timed_out" },
    );
    this.#effect({ do: "settle", call: waiting.call, error });
  }

  /** The connection is lost, and all that waited on it. */
  lost(): void {
    for (const waiting of this.#waiting.values()) {
      if (!waiting) continue;
      const { call, timer } = waiting;
      if (timer) this.#effect({ do: "stop", timer });
      const error = new FeedmeError(
        "NOT_CONNECTED",
        "The transport disconnected.",
        { outcome: "unknown" },
      );
      this.#effect({ do: "settle", call, error });
    }
    this.#waiting.clear();
    this.#lastId = 0;
  }
}
