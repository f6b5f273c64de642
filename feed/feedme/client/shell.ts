/**
 * The shell around a conversation: connects, reconnects and performs the effects. It
 * holds what the pure conversation must not: the transport, timers and randomness.
 */
import { Conversation } from "./conversation.ts";
import type {
  ActionResult,
  ClientNotice,
  ConversationEvent,
  Effect,
  Timer,
} from "./effects.ts";
import { destroyed, FeedmeError } from "./errors.ts";
import type { FeedHost, FeedSink } from "./host.ts";
import {
  checkSettings,
  checkTransport,
  type FeedmeClientOptions,
  type Settings,
} from "./options.ts";
import type { JsonObject } from "../wire/protocol.ts";
import { Queue } from "../../../net/queue.ts";
import { type Attempt, Link } from "../../../net/link.ts";
import { type Ended, retryPolicy } from "./retry.ts";
import { SilenceWatch } from "../../../net/silence.ts";
import { setLimit } from "../../../net/timer.ts";
import {
  NO_LIVENESS,
  TransportGuard,
  type TransportLiveness,
} from "./transport.ts";

/** The events of a client and the arguments of their listeners. */
export type ClientEvents = {
  /** An attempt to connect begins. */
  connecting: [];
  /** The handshake has succeeded. */
  connect: [];
  /** The connection or the attempt has ended; without an error if you requested it. */
  disconnect: [error?: FeedmeError];
  /** The server has violated the specification. */
  badServerMessage: [error: FeedmeError];
  /** The server reported that this client has violated the specification. */
  badClientMessage: [diagnostics: JsonObject];
  /** The transport broke a rule; the client is destroyed. */
  transportError: [error: FeedmeError];
};

/** Called when an action has ended. */
type Call = (result: ActionResult) => void;

/** One use of the transport, from the call of `connect()` to the `disconnect` event. */
interface Dial {
  /** The link's attempt. */
  readonly attempt: Attempt<Ended>;
  /** Whether the transport has emitted `connecting`. */
  begun: boolean;
  /** Set once the client has hung up, with the reason; `dead` as in the effect. */
  hungUp?: { reason: FeedmeError | undefined; dead: boolean };
}

/** What a shell needs from its client. */
export interface ShellHost {
  /** Called with each event, in order, and never during a method call. */
  onEvent<E extends keyof ClientEvents>(
    event: E,
    ...args: ClientEvents[E]
  ): void;
  /** Called after the event `disconnect` if no retry follows, although it had a reason. */
  onGaveUp(reason: FeedmeError): void;
  /** Called when the client is destroyed. */
  onEnd(): void;
}

/** The shell of one client; described at the top of this file. */
export class Shell implements FeedHost {
  /** The options of the client, with defaults. */
  readonly settings: Settings;
  readonly #guard: TransportGuard;
  readonly #queue = new Queue();
  /** The conversation, whose events go through {@linkcode Shell.handle}. */
  readonly core: Conversation<FeedSink, Call>;
  /** The running timers of the conversation. */
  readonly #timers = new Map<Timer, () => void>();
  /** Effects still to be performed; empty unless some are being performed. */
  #effects: Effect<FeedSink, Call>[] = [];
  /** A violation detected while effects were being performed; handled when they are done. */
  #breach: FeedmeError | undefined;
  /** Uses of the transport that have not ended; the last is the current one. */
  readonly #dials: Dial[] = [];
  /** Ends the limit on the attempt to connect. */
  #unlimit: (() => void) | undefined;
  readonly #link: Link<Ended>;
  /** Watches for the server's answers. */
  readonly #watch: SilenceWatch;
  readonly #liveness: TransportLiveness;
  /** How the transport broke the rules. */
  #violation: FeedmeError | undefined;
  #destroyed = false;
  readonly #host: ShellHost;

  /** @throws {FeedmeError} `INVALID_ARGUMENT` or `TRANSPORT_ERROR` */
  constructor(options: FeedmeClientOptions, host: ShellHost) {
    this.#host = host;
    const transport = checkTransport(options);
    this.#guard = new TransportGuard(transport, {
      connecting: () => this.#onConnecting(),
      connect: () => this.#onConnect(),
      message: (text) => this.#onMessage(text),
      disconnect: (error) => this.#onDisconnect(error),
      violation: (error) => this.#onViolation(error),
    });
    try {
      this.settings = checkSettings(options);
    } catch (error) {
      this.#guard.detach();
      throw error;
    }
    const { probes } = this.#liveness = transport.liveness ?? NO_LIVENESS;
    this.core = new Conversation({ ...this.settings, probes });
    this.#watch = new SilenceWatch({
      ask: () => this.#unattended(() => this.handle({ type: "probe" })),
      onSilence: () => this.#unattended(() => this.#silent()),
      probe: this.#liveness.probe,
    });
    this.#link = new Link({
      policy: retryPolicy(this.settings),
      begin: (attempt) => {
        this.#dials.push({ attempt, begun: false });
        this.#unattended(() => this.#guard.connect());
        // Nothing to free: the connection ends when the transport emits `disconnect`.
        return () => {};
      },
    });
  }

  /** The state of the connection. May throw `TRANSPORT_ERROR`. */
  state(): "disconnected" | "connecting" | "connected" {
    const state = this.#guard.state();
    return state === "connected" && !this.#shaken() ? "connecting" : state;
  }

  /** Whether nothing is connected, and no attempt or retry is under way. */
  get idle(): boolean {
    return this.#link.state.kind === "idle" && this.state() === "disconnected";
  }

  /** Whether the client has been destroyed. */
  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** Whether the handshake belongs to the current connection. */
  #shaken(): boolean {
    return this.core.up && this.#dials.length === 1 &&
      !this.#dials[0]!.hungUp;
  }

  /** Whether a message can be sent now. May throw `TRANSPORT_ERROR`. */
  live(): boolean {
    return this.#shaken() && this.#guard.state() === "connected";
  }

  // From one connection to the next.

  /** Connects; nothing may be connected or connecting. May throw `TRANSPORT_ERROR`. */
  connect(): void {
    this.#link.reset();
    this.#dial();
  }

  /** Cancels the pending retry. Returns whether there was one. */
  cancelRetry(): boolean {
    if (this.#link.state.kind !== "waiting") return false;
    this.#link.stop();
    this.#tell("disconnect");
    return true;
  }

  /** Starts an attempt now. */
  #dial(): void {
    this.#link.connect();
    if (this.#violation) throw this.#violation;
  }

  /**
   * Ends the connection or the attempt, for `reason` or at the application's request;
   * `dead` if it had already ended, unnoticed.
   */
  hangUp(reason?: FeedmeError, dead = false): void {
    this.#stopConnecting();
    this.#watch.stop();
    this.#dials.at(-1)!.hungUp = { reason, dead };
    this.#guard.disconnect();
  }

  #onConnecting(): void {
    const dial = this.#dials[0]!;
    dial.begun = true;
    this.#tell("connecting");
    if (dial.hungUp) return;
    const { connectTimeoutMs: ms } = this.settings;
    if (ms === 0) return;
    this.#unlimit = setLimit(() => this.#unattended(() => this.#late()), ms);
  }

  /** The attempt to connect has taken too long. */
  #late(): void {
    // If it has failed in the meantime, its `disconnect` is on the way.
    if (this.#guard.state() === "disconnected") return;
    this.hangUp(
      new FeedmeError("TIMEOUT", "The connection attempt timed out."),
    );
  }

  #onConnect(): void {
    if (!this.#dials[0]!.hungUp) this.handle({ type: "connected" });
  }

  #onMessage(text: string): void {
    // The client has hung up, so late messages are dropped.
    if (this.#dials[0]!.hungUp) return;
    this.handle({ type: "message", text });
    if (this.core.up && this.#link.state.kind === "connecting") {
      this.#stopConnecting();
      this.#dials[0]!.attempt.opened();
      this.#watch.start(this.#liveness.limit);
    }
  }

  /** The server has answered nothing for too long. */
  #silent(): void {
    this.handle({ type: "silent", ms: this.#liveness.limit });
    // It may be a server that does not answer probes.
    if (this.#shaken()) this.#watch.start(this.#liveness.limit);
  }

  #onDisconnect(transportError: Error | undefined): void {
    const { attempt, hungUp } = this.#dials[0]!;
    const wasUp = this.core.up;
    const lost = wasUp && (!hungUp || hungUp.dead);
    const reason = hungUp ? hungUp.reason : new FeedmeError(
      "TRANSPORT_FAILURE",
      "The transport connection failed.",
      { transportError },
    );
    this.#ended(reason);
    // The application may have reconnected before this event was delivered.
    if (!attempt.current) return;
    const { reconnect, connectRetryJitter: jitter } = this.settings;
    // After a lost connection, the first retry is immediate, unless it is spread.
    if (lost && reconnect && jitter === 0) this.#dial();
    else attempt.end({ reason, wasUp, lost });
    // It does not count as a retry.
    if (lost) this.#link.reset();
    if (reason && this.#link.state.kind === "idle") {
      this.#queue.add(() => this.#host.onGaveUp(reason));
    }
  }

  #stopConnecting(): void {
    this.#unlimit?.();
    this.#unlimit = undefined;
  }

  /** The oldest use has ended: notifies feeds and actions first, then the client. */
  #ended(reason: FeedmeError | undefined): void {
    this.#stopConnecting();
    this.#watch.stop();
    this.#dials.shift();
    this.handle({ type: "disconnected" });
    if (reason) this.#tell("disconnect", reason);
    else this.#tell("disconnect");
  }

  // Performing the conversation's effects, and notifying the application.

  /**
   * Passes an event to the conversation and performs the resulting effects. If the
   * transport throws, the error is rethrown only after all effects, so that the
   * application receives every notification.
   */
  handle(event: ConversationEvent<FeedSink, Call>): void {
    const nested = this.#effects.length > 0;
    for (const effect of this.core.handle(event)) this.#effects.push(effect);
    // Some platforms run microtasks, and listeners in them, within a call.
    if (nested) return;
    let failure: { reason: unknown } | undefined;
    for (const effect of this.#effects) {
      try {
        this.#perform(effect);
      } catch (reason) {
        failure ??= { reason };
      }
    }
    this.#effects = [];
    if (this.#breach) this.#collapse(this.#breach);
    if (failure) throw failure.reason;
  }

  #perform(effect: Effect<FeedSink, Call>): void {
    switch (effect.do) {
      case "send":
        if (!this.#breach && this.#guard.state() === "connected") {
          this.#guard.send(effect.text);
        }
        return;
      case "hangUp":
        if (!this.#breach && this.#guard.state() === "connected") {
          this.hangUp(effect.reason, effect.dead);
        }
        return;
      case "heard":
        return this.#watch.heard();
      case "startTimer": {
        const { timer, ms } = effect;
        const expire = () => {
          this.#timers.delete(timer);
          this.#unattended(() => this.handle({ type: "expired", timer }));
        };
        this.#timers.set(timer, setLimit(expire, ms));
        return;
      }
      case "stopTimer":
        this.#timers.get(effect.timer)?.();
        this.#timers.delete(effect.timer);
        return;
      case "tellClient":
        return this.#tellNotice(effect.notice);
      case "tellFeed": {
        const { owner, notice } = effect;
        return this.#queue.add(() => owner.deliver(notice));
      }
      case "settle": {
        const { call, result } = effect;
        return this.#queue.add(() => call(result));
      }
      default:
        effect satisfies never;
    }
  }

  #tellNotice(notice: ClientNotice): void {
    switch (notice.event) {
      case "connect":
        return this.#tell("connect");
      case "badServerMessage":
        return this.#tell("badServerMessage", notice.error);
      case "badClientMessage":
        return this.#tell("badClientMessage", notice.diagnostics);
      default:
        notice satisfies never;
    }
  }

  /**
   * Runs a job that was not started by a method call. If the transport breaks a rule
   * in it, no caller can catch the error; `transportError` reports it.
   */
  #unattended(job: () => void): void {
    try {
      job();
    } catch (error) {
      if (!this.#destroyed) throw error;
    }
  }

  #tell<E extends keyof ClientEvents>(
    event: E,
    ...args: ClientEvents[E]
  ): void {
    this.#queue.add(() => this.#host.onEvent(event, ...args));
  }

  /** The transport broke a rule, perhaps while effects were being performed. */
  #onViolation(error: FeedmeError): void {
    this.#violation = error;
    if (this.#effects.length > 0) this.#breach = error;
    else this.#collapse(error);
  }

  /** Destroys the client, because the transport is unreliable. */
  #collapse(transportError: FeedmeError): void {
    this.#breach = undefined;
    if (this.#destroyed) return;
    while (this.#dials.length > 0) {
      this.#ended(
        new FeedmeError(
          "DESTROYED",
          "The transport violated a library requirement.",
          { transportError },
        ),
      );
    }
    this.#tell("transportError", transportError);
    this.#end();
  }

  /** Ends everything. The transport must be disconnected. */
  destroy(): void {
    // The transport may not have emitted `disconnect` for a connection yet.
    while (this.#dials.length > 0) {
      const { begun, hungUp } = this.#dials[0]!;
      if (!begun) this.#onConnecting();
      this.#ended(hungUp ? hungUp.reason : destroyed());
    }
    this.#end();
  }

  /** Waits until listeners have been called and the transport has freed its resources. */
  async dispose(): Promise<void> {
    await this.#guard.dispose();
    await new Promise<void>((resolve) => this.#queue.add(resolve));
  }

  #end(): void {
    this.#destroyed = true;
    this.#link.stop();
    this.#stopConnecting();
    this.#guard.detach();
    for (const stop of this.#timers.values()) stop();
    this.#timers.clear();
    for (const { owner } of this.core.members) owner.destroy();
    this.#host.onEnd();
  }
}
