/**
 * What an application has to be told, worked out the plain way from the tables
 * of the specification and of the seed: data is cloned, lists are searched,
 * timers are a list of dates. It shares no code with the client.
 */

export interface ModelOptions {
  feedTimeoutMs: number;
  actionTimeoutMs: number;
  connectTimeoutMs: number;
  connectRetryMs: number;
  reopenMaxAttempts: number;
  reopenTrailingMs: number;
}

interface ModelObject {
  id: number;
  name: string;
  desired: boolean;
  told: "closed" | "opening" | "open";
  code: string;
}

interface ModelFeed {
  state: "closed" | "opening" | "open" | "closing" | "terminated";
  bad: boolean;
  waiting: boolean;
  leftClosed: number;
  data: unknown;
  timeout: object | undefined;
  reopenings: number;
}

/** Messages as the model's server writes them, reduced to what matters. */
export type ModelMessage =
  | { type: "handshake"; ok: boolean }
  | { type: "response"; id: string; ok: boolean }
  | { type: "opened"; name: string; ok: boolean; data: unknown }
  | { type: "closed"; name: string }
  | { type: "terminated"; name: string }
  | {
    type: "action";
    name: string;
    /** Why it is bad, or else the data after it. */
    bad?: "INVALID_DELTA" | "INVALID_HASH";
    data?: unknown;
  }
  | { type: "junk" };

export class Model {
  readonly log: string[] = [];
  /** What the client has to send. */
  readonly sent: string[] = [];
  readonly objects: ModelObject[] = [];
  readonly feeds = new Map<string, ModelFeed>();
  link: "down" | "handshaking" | "up" = "down";
  readonly #options: ModelOptions;
  #now = 0;
  #clock = 0;
  #timers: { at: number; token: object; run: () => void }[] = [];
  #calls = new Map<string, { label: string; timer: object } | undefined>();
  #lastId = 0;
  #connectTimer: object | undefined;
  #retryTimer: object | undefined;

  constructor(options: ModelOptions) {
    this.#options = options;
  }

  get calls(): number {
    return this.#calls.size;
  }

  // What the application does.

  connect(): void {
    this.#cancel(this.#retryTimer);
    this.#dial();
  }

  disconnect(): void {
    this.#ended("");
  }

  create(name: string): void {
    const id = this.objects.length + 1;
    this.objects.push({ id, name, desired: false, told: "closed", code: "" });
    if (!this.feeds.has(name)) {
      this.feeds.set(name, {
        state: "closed",
        bad: false,
        waiting: false,
        leftClosed: 0,
        data: undefined,
        timeout: undefined,
        reopenings: 0,
      });
    }
  }

  open(object: ModelObject): void {
    const feed = this.feeds.get(object.name)!;
    object.desired = true;
    if (this.link !== "up") {
      this.#tell(object, "closed", "NOT_CONNECTED");
    } else if (feed.state === "closed") {
      this.#feedOpen(object.name);
    } else {
      this.#tell(object, "opening");
      if (feed.state === "open") this.#tell(object, "open", "", feed.data);
      if (feed.state === "opening" && !feed.timeout) {
        this.#feedTimer(object.name);
      }
      feed.bad = false;
    }
  }

  close(object: ModelObject): void {
    const feed = this.feeds.get(object.name)!;
    object.desired = false;
    this.#tell(object, "closed");
    if (this.#wanting(object.name).length > 0) return;
    if (feed.state === "open" && this.link === "up") {
      this.sent.push(`FeedClose ${object.name}`);
      feed.state = "closing";
      feed.bad = false;
    }
    feed.waiting = false;
  }

  act(label: string): void {
    if (this.link !== "up") {
      this.log.push(`${label} NOT_CONNECTED not_sent`);
      return;
    }
    const id = `${++this.#lastId}`;
    this.sent.push(`Action ${id}`);
    const timer = this.#later(this.#options.actionTimeoutMs, () => {
      this.#calls.set(id, undefined);
      this.log.push(`${label} TIMEOUT timed_out`);
    });
    this.#calls.set(id, { label, timer });
  }

  // What the network does.

  lost(): void {
    const wasUp = this.link === "up";
    this.#ended("TRANSPORT_FAILURE");
    if (wasUp) this.#dial();
    else this.#retry();
  }

  receive(message: ModelMessage): void {
    switch (message.type) {
      case "junk":
        this.log.push("bad INVALID_MESSAGE");
        return;
      case "handshake":
        if (!message.ok) return this.#ended("HANDSHAKE_REJECTED");
        this.link = "up";
        this.#cancel(this.#connectTimer);
        this.log.push("connect");
        for (const name of this.feeds.keys()) this.#feedOpenIfWanted(name);
        return;
      case "response": {
        const call = this.#calls.get(message.id);
        this.#calls.delete(message.id);
        if (!call) return;
        this.#cancel(call.timer);
        this.log.push(
          `${call.label} ${message.ok ? "ok" : "REJECTED rejected"}`,
        );
        return;
      }
    }
    const feed = this.feeds.get(message.name)!;
    switch (message.type) {
      case "opened":
        this.#cancel(feed.timeout);
        feed.timeout = undefined;
        if (!message.ok) {
          feed.state = "closed";
          return this.#closeAll(message.name, "REJECTED");
        }
        feed.state = "open";
        feed.data = message.data;
        if (this.#wanting(message.name).length === 0) {
          this.sent.push(`FeedClose ${message.name}`);
          feed.state = "closing";
          feed.bad = false;
        }
        for (const object of this.#wanting(message.name)) {
          if (object.told === "closed") this.#tell(object, "opening");
          this.#tell(object, "open", "", feed.data);
        }
        return;
      case "action":
        if (feed.state === "closing") return;
        if (message.bad) {
          this.sent.push(`FeedClose ${message.name}`);
          feed.state = "closing";
          feed.bad = true;
          this.#closeAll(message.name, "BAD_FEED_ACTION");
          this.log.push(`bad ${message.bad}`);
          return;
        }
        for (const object of this.#wanting(message.name)) {
          this.log.push(
            `${object.id} action ${JSON.stringify(message.data)} ${
              JSON.stringify(feed.data)
            }`,
          );
        }
        feed.data = message.data;
        return;
      case "terminated":
        if (feed.state === "closing") {
          feed.state = "terminated";
          return;
        }
        feed.state = "closed";
        return this.#closeAll(message.name, "TERMINATED");
      case "closed":
        feed.state = "closed";
        if (feed.bad) this.#reopen(message.name);
        else this.#feedOpenIfWanted(message.name);
    }
  }

  pass(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= until)
        .sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#now = due.at;
      this.#cancel(due.token);
      due.run();
    }
    this.#now = until;
  }

  // Rules.

  #dial(): void {
    this.link = "handshaking";
    this.log.push("connecting");
    this.sent.push("Handshake");
    this.#connectTimer = this.#later(this.#options.connectTimeoutMs, () => {
      this.#ended("TIMEOUT");
      this.#retry();
    });
  }

  #retry(): void {
    this.#retryTimer = this.#later(
      this.#options.connectRetryMs,
      () => this.#dial(),
    );
  }

  #ended(code: string): void {
    this.link = "down";
    this.#cancel(this.#connectTimer);
    for (const call of this.#calls.values()) {
      if (call) this.log.push(`${call.label} NOT_CONNECTED unknown`);
    }
    this.#calls.clear();
    this.#lastId = 0;
    const active = [...this.feeds].filter(([, { state }]) => state !== "closed")
      .sort(([, a], [, b]) => a.leftClosed - b.leftClosed);
    for (const [name] of active) this.#closeAll(name, "NOT_CONNECTED");
    for (const object of this.objects) {
      if (object.desired) this.#closeOne(object, "NOT_CONNECTED");
    }
    for (const feed of this.feeds.values()) {
      Object.assign(feed, {
        state: "closed",
        bad: false,
        waiting: false,
        timeout: undefined,
        reopenings: 0,
      });
    }
    // Whatever waits belongs to the connection that is gone.
    this.#timers = [];
    this.log.push(`disconnect ${code}`);
  }

  #feedOpen(name: string): void {
    const feed = this.feeds.get(name)!;
    this.sent.push(`FeedOpen ${name}`);
    feed.state = "opening";
    feed.bad = false;
    feed.waiting = false;
    feed.leftClosed = ++this.#clock;
    this.#feedTimer(name);
    for (const object of this.#wanting(name)) {
      if (object.told === "closed") this.#tell(object, "opening");
    }
  }

  #feedOpenIfWanted(name: string): void {
    if (this.#wanting(name).length > 0) this.#feedOpen(name);
  }

  #feedTimer(name: string): void {
    const feed = this.feeds.get(name)!;
    feed.timeout = this.#later(this.#options.feedTimeoutMs, () => {
      feed.timeout = undefined;
      this.#closeAll(name, "TIMEOUT");
    });
  }

  #reopen(name: string): void {
    const feed = this.feeds.get(name)!;
    if (this.#wanting(name).length === 0) return;
    if (feed.reopenings >= this.#options.reopenMaxAttempts) {
      feed.waiting = true;
      return;
    }
    feed.reopenings++;
    this.#later(this.#options.reopenTrailingMs, () => {
      feed.reopenings--;
      if (feed.state === "closed" && feed.waiting) this.#reopen(name);
    });
    this.#feedOpen(name);
  }

  #wanting(name: string): ModelObject[] {
    return this.objects.filter((object) =>
      object.desired && object.name === name
    );
  }

  #closeAll(name: string, code: string): void {
    for (const object of this.#wanting(name)) this.#closeOne(object, code);
  }

  #closeOne(object: ModelObject, code: string): void {
    if (object.told !== "closed" || object.code !== code) {
      this.#tell(object, "closed", code);
    }
  }

  #tell(
    object: ModelObject,
    told: ModelObject["told"],
    code = "",
    data?: unknown,
  ): void {
    object.told = told;
    object.code = code;
    const event = told === "closed" ? `close ${code}` : told;
    this.log.push(
      `${object.id} ${event}${data ? ` ${JSON.stringify(data)}` : ""}`,
    );
  }

  #later(ms: number, run: () => void): object {
    const token = {};
    this.#timers.push({ at: this.#now + ms, token, run });
    return token;
  }

  #cancel(token: object | undefined): void {
    this.#timers = this.#timers.filter((timer) => timer.token !== token);
  }
}
