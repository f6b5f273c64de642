/** Messages that wait for a Socket.IO connection, up to a bound. */

/** A message that waits; `args` is its text in JSON. */
export type Event = {
  /** The name of the event. */
  event: string;
  /** Its data in JSON. */
  args: string;
};

/** A message as it was given, which may hold bytes that JSON cannot. */
export interface Message {
  /** The name of the event. */
  readonly event: string;
  /** Its data. */
  readonly message: unknown;
}

/** Holds messages until there is somebody to send them. */
export class Outbox {
  #waiting: Message[] = [];
  /** What `update` showed for a message. */
  readonly #shown = new WeakMap<Event, Message>();

  /** How many messages wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Adds a message; returns the oldest ones, which no longer fit. */
  add(message: Message, limit: number): Message[] {
    this.#waiting.push(message);
    return this.#bound(limit);
  }

  /** Replaces the messages by what `change` makes of them; returns what did not fit. */
  update(
    change: Event[] | ((waiting: Event[]) => Event[]),
    limit: number,
  ): Message[] {
    const next = typeof change === "function"
      ? change(this.#waiting.map((message) => this.#show(message)))
      : change;
    this.#waiting = next.map((event) =>
      this.#shown.get(event) ??
        { event: event.event, message: JSON.parse(event.args) }
    );
    return this.#bound(limit);
  }

  #show(message: Message): Event {
    const event = {
      event: message.event,
      args: JSON.stringify(message.message) ?? "null",
    };
    this.#shown.set(event, message);
    return event;
  }

  #bound(limit: number): Message[] {
    return this.#waiting.splice(0, Math.max(0, this.#waiting.length - limit));
  }

  /** Takes all messages out, oldest first. */
  take(): Message[] {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }
}
