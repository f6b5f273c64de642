/** The actions of a conversation. */
import { PROBE } from "./probes.ts";
import type { ActionResult, Effect, Timer } from "./effects.ts";
import {
  type ActionOutcome,
  FeedmeError,
  type FeedmeErrorCode,
  type FeedmeErrorDetails,
  reasonOf,
  refusalText,
} from "./errors.ts";
import {
  type JsonObject,
  type ServerMessage,
  writeClientMessage,
} from "../wire/protocol.ts";

/** The state of an action that was sent. */
type Sent<Call> =
  | { state: "waiting"; name: string; call: Call; timer: Timer | undefined }
  /** A response may still arrive, and will be ignored. */
  | { state: "ignored" }
  /** A probe, whose response is only a sign of life. */
  | { state: "probe" };

/** The actions that wait for a response. */
export class Calls<Call> {
  readonly #emit: (effect: Effect<never, Call>) => void;
  readonly #timeoutMs: number;
  #lastId = 0;
  /** By `CallbackId`, in the order in which they were sent. */
  readonly #sent = new Map<string, Sent<Call>>();

  constructor(
    emit: (effect: Effect<never, Call>) => void,
    timeoutMs: number,
  ) {
    this.#emit = emit;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Handles the event `act`: the application invokes an action. Throws, and changes
   * nothing, if the arguments cannot be serialized.
   */
  act(
    call: Call,
    name: string,
    args: JsonObject,
    live: boolean,
    ms = this.#timeoutMs,
  ): void {
    if (!live) {
      return this.#fail(
        call,
        "not_sent",
        "NOT_CONNECTED",
        "The client is not connected.",
      );
    }
    const { id, text } = this.#write(name, args);
    const timer: Timer | undefined = ms > 0
      ? { kind: "action", id }
      : undefined;
    this.#sent.set(id, { state: "waiting", name, call, timer });
    this.#emit({ do: "send", text });
    if (timer) this.#emit({ do: "startTimer", timer, ms });
  }

  /** Sends an action for a sign of life. */
  probe(): void {
    const { id, text } = this.#write(PROBE, {});
    this.#sent.set(id, { state: "probe" });
    this.#emit({ do: "send", text });
  }

  /** Whether the response is that of a probe. */
  isProbe({ CallbackId }: { CallbackId: string }): boolean {
    return this.#sent.get(CallbackId)?.state === "probe";
  }

  #write(name: string, args: JsonObject): { id: string; text: string } {
    const id = `${this.#lastId + 1}`;
    const text = writeClientMessage({
      MessageType: "Action",
      ActionName: name,
      ActionArgs: args,
      CallbackId: id,
    });
    this.#lastId++;
    return { id, text };
  }

  /**
   * Handles a response; `fault` says why its data is unusable, if it is. Returns
   * whether a response was expected.
   */
  receive(
    message: ServerMessage & { MessageType: "ActionResponse" },
    fault?: string,
  ): boolean {
    const id = message.CallbackId;
    const sent = this.#sent.get(id);
    if (!sent) return false;
    this.#sent.delete(id);
    if (sent.state !== "waiting") return true;
    const { name, call, timer } = sent;
    if (timer) this.#emit({ do: "stopTimer", timer });
    if (fault) {
      this.#fail(call, "unknown", "INVALID_DATA", fault);
    } else if (message.Success) {
      this.#settle(call, { data: message.ActionData });
    } else {
      this.#fail(
        call,
        "rejected",
        "REJECTED",
        refusalText("Server rejected the action request", name, message),
        reasonOf(message),
      );
    }
    return true;
  }

  /** The pending action with this `CallbackId`. */
  pending(id: string): Call | undefined {
    const sent = this.#sent.get(id);
    return sent?.state === "waiting" ? sent.call : undefined;
  }

  /** The application no longer waits for the response. */
  abandon(call: Call, cause: unknown): void {
    for (const [id, sent] of this.#sent) {
      if (sent.state !== "waiting" || sent.call !== call) continue;
      if (sent.timer) this.#emit({ do: "stopTimer", timer: sent.timer });
      this.#sent.set(id, { state: "ignored" });
      this.#fail(
        call,
        "unknown",
        "ABORTED",
        "The action was aborted after it had been sent.",
        { cause },
      );
    }
  }

  /** No response has arrived in time. */
  expire(id: string): void {
    const sent = this.#sent.get(id);
    if (sent?.state !== "waiting") return;
    this.#sent.set(id, { state: "ignored" });
    this.#fail(
      sent.call,
      "timed_out",
      "TIMEOUT",
      "The server did not respond within the allocated time.",
    );
  }

  /** The connection was lost: fails all pending actions. */
  lost(): void {
    for (const sent of this.#sent.values()) {
      if (sent.state !== "waiting") continue;
      if (sent.timer) this.#emit({ do: "stopTimer", timer: sent.timer });
      this.#fail(
        sent.call,
        "unknown",
        "NOT_CONNECTED",
        "The transport disconnected.",
      );
    }
    this.#sent.clear();
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
    this.#settle(call, { error });
  }

  #settle(call: Call, result: ActionResult): void {
    this.#emit({ do: "settle", call, result });
  }
}
