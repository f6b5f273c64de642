/** A transport in memory whose other side is the test. */
import type {
  FeedmeTransport,
  TransportState,
} from "../../feed/feedme/client/transport.ts";
import { settled } from "../kit/wait.ts";

// deno-lint-ignore no-explicit-any
type Listener = (...args: any[]) => void;

/** How the next call of `connect()` ends. */
type Plan = "connect" | "hang" | Error;

export class FakeTransport implements FeedmeTransport {
  /** What the client has sent. */
  sent: string[] = [];
  /** What becomes of each call of `connect()`; without a plan it connects. */
  readonly plans: Plan[] = [];
  /** How often `connect()` was called. */
  dials = 0;
  /** Called with each text that is sent. */
  onsend: (text: string) => void = () => {};
  #state: TransportState = "disconnected";
  #listeners = new Map<string, Set<Listener>>();
  #dial = 0;

  state(): TransportState {
    return this.#state;
  }

  connect(): void {
    if (this.#state !== "disconnected") throw new Error("not disconnected");
    this.#state = "connecting";
    this.dials++;
    const dial = ++this.#dial;
    const plan = this.plans.shift() ?? "connect";
    queueMicrotask(() => this.#emit("connecting"));
    // The other side is further away than the application.
    soon(() => {
      if (dial !== this.#dial || plan === "hang") return;
      if (plan === "connect") {
        this.#state = "connected";
        this.#emit("connect");
      } else {
        this.fail(plan.message);
      }
    });
  }

  send(message: string): void {
    if (this.#state !== "connected") throw new Error("not connected");
    this.sent.push(message);
    this.onsend(message);
  }

  /** In the manner of 0.0.35: emits at once what `disconnect()` is handed. */
  relaying = false;

  disconnect(reason?: Error): void {
    if (this.#state === "disconnected") throw new Error("disconnected");
    this.#state = "disconnected";
    this.#dial++;
    if (this.relaying) this.#emit("disconnect", reason);
    else queueMicrotask(() => this.#emit("disconnect"));
  }

  on(event: string, listener: Listener): void {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set.add(listener));
  }

  off(event: string, listener: Listener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  /** The number of listeners that are attached. */
  get listening(): number {
    return [...this.#listeners.values()].reduce(
      (sum, set) => sum + set.size,
      0,
    );
  }

  /** The server sends a message. */
  receive(message: string | object): void {
    this.#emit(
      "message",
      typeof message === "string" ? message : JSON.stringify(message),
    );
  }

  /** The connection is lost, or could not be made. */
  fail(text = "FAILURE: lost", silent = false): void {
    this.#state = "disconnected";
    this.#dial++;
    const emit = () => this.#emit("disconnect", new Error(text));
    // A failed `send` must not emit before it returns.
    if (silent) queueMicrotask(emit);
    else emit();
  }

  /** Emits anything, as a transport that breaks the rules would. */
  misbehave(event: string, ...args: unknown[]): void {
    this.#emit(event, ...args);
  }

  #emit(event: string, ...args: unknown[]): void {
    for (const listener of [...this.#listeners.get(event) ?? []]) {
      listener(...args);
    }
  }
}

/** Calls `job` after what is under way in microtasks. */
async function soon(job: () => void): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  job();
}

/**
 * Lets fake time pass in small steps, so that what follows from one timer comes
 * before the next.
 */
export async function pass(
  time: { tick(ms?: number): void },
  ms: number,
): Promise<void> {
  const step = Math.max(1, Math.floor(ms / 1_000));
  await settled();
  for (let left = ms; left > 0; left -= step) {
    time.tick(Math.min(step, left));
    await settled();
  }
}
