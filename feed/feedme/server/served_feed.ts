/**
 * One feed of the server: its data, its subscribers, and how changes reach them. A
 * change is checked, applied and serialized before anything is stored or sent, so it
 * happens completely or not at all.
 */
import { isObject, isPromiseLike } from "../../../net/shape.ts";
import type { FeedmeDialect, ServedSocket } from "./served_socket.ts";
import type {
  AnyFeedDefinition,
  InitialContext,
  ServedClient,
} from "./define.ts";
import { applyDeltas } from "../wire/delta.ts";
import { diff, type Taken } from "../wire/diff.ts";
import { Digest } from "../wire/digest.ts";
import {
  checkJson,
  checkJsonObject,
  DataError,
  deepFreeze,
  freeze,
} from "../wire/json.ts";
import { utf8Length } from "../../../net/utf8.ts";
import {
  checkDelta,
  type Delta,
  type FeedArgs,
  type JsonObject,
  levelsAround,
  type LogPosition,
  writeServerMessage,
} from "../wire/protocol.ts";
import { limited } from "./limited.ts";
import { ActionLog } from "./log.ts";
import { parse } from "./schema.ts";

/** What all feeds of a server share. */
export interface FeedRules extends DataRule {
  /** How long `initial` may take, in milliseconds. */
  readonly callbackTimeout: number;
  /** Called after each change. */
  readonly changed: (feed: ServedFeed, change: Change) => void;
}

/** The action of a client that causes a change, until it has been answered. */
export interface Cause {
  readonly client: ServedClient;
  readonly callbackId: string;
  answered: boolean;
}

/** A change of a feed. */
export interface Change {
  readonly action: string;
  readonly actionData: JsonObject;
  readonly deltas: readonly Delta[];
  readonly data: JsonObject;
}

/** The server's rules for data. */
export interface DataRule {
  /** The most levels of arrays and objects. */
  readonly maxDepth: number;
  /** Arrays and objects with at most this many entries are frozen. */
  readonly freeze: number;
}

/** The data, or a promise for it. */
type Content =
  | { kind: "loading"; done: Promise<void> }
  | { kind: "ready"; data: JsonObject };

/** Messages that open a feed, and their length in bytes of UTF-8. */
interface Opening {
  readonly texts: readonly string[];
  readonly bytes: number;
}

/** A feed in use: loading, or loaded. */
export class ServedFeed {
  readonly name: string;
  readonly args: FeedArgs;
  readonly definition: AnyFeedDefinition;
  /** The client that it is for, if it is private. */
  readonly client: ServedClient | undefined;
  readonly subscribers: Set<ServedSocket> = new Set();
  /** Clients that are about to open it. */
  holds = 0;
  /** Whether the data differs from what `initial` returned. */
  changed = false;
  readonly #rule: FeedRules;
  readonly #abort = new AbortController();
  #content: Content;
  #digest: Digest | undefined;
  readonly #log: ActionLog | undefined;
  /** The message that opens the feed, without and with a `LogId`, until the data changes. */
  #openings = new Map<boolean, Opening>();

  /** @throws what `initial` throws, or a TypeError if its data does not match the schema */
  constructor(
    name: string,
    args: FeedArgs,
    definition: AnyFeedDefinition,
    rule: FeedRules,
    client?: ServedClient,
  ) {
    this.name = name;
    this.args = args;
    this.definition = definition;
    this.#rule = rule;
    this.client = client;
    const initial = limited<unknown>(
      definition.initial(args, this.#context()),
      {
        what: `${this.#title}: initial()`,
        ms: rule.callbackTimeout,
        signal: this.#abort.signal,
      },
    );
    this.#content = isPromiseLike(initial)
      ? { kind: "loading", done: this.#load(initial) }
      : { kind: "ready", data: this.#takeInitial(initial) };
    if (definition.digest) this.#digest = new Digest();
    if (definition.log) this.#log = new ActionLog(definition.log);
  }

  #context(): InitialContext {
    const { client } = this;
    const title = this.#title;
    return {
      signal: this.#abort.signal,
      get client() {
        if (client) return client;
        throw new TypeError(
          `${title} has the same data for all clients, so its data cannot depend on one; set private: true if each client has data of its own`,
        );
      },
    };
  }

  /** The server forgets it. */
  end(): void {
    this.#abort.abort();
  }

  /** Resolves when the data has been loaded; `undefined` if it already has. */
  get loading(): Promise<void> | undefined {
    return this.#content.kind === "loading" ? this.#content.done : undefined;
  }

  get data(): JsonObject {
    if (this.#content.kind === "ready") return this.#content.data;
    throw new Error(`${this.#title} is still loading; await loaded() first`);
  }

  /** The feed's name for error messages. */
  get #title(): string {
    return `Feed ${JSON.stringify(this.name)}`;
  }

  async #load(initial: PromiseLike<unknown>): Promise<void> {
    this.#content = { kind: "ready", data: this.#takeInitial(await initial) };
  }

  #takeInitial(initial: unknown): JsonObject {
    const checked = parse(this.definition.data, initial);
    if (!checked.success) {
      throw new TypeError(
        `${this.#title}: the initial data does not match its schema`,
        { cause: checked.error },
      );
    }
    const data = checkJsonObject(
      checked.data,
      `${this.#title}: initial data`,
      this.#rule,
    );
    const { freeze: most } = this.#rule;
    if (most > 0) deepFreeze(data, most);
    return data;
  }

  /** Replaces the data; `change` is the new data, or a function that returns it. */
  update(
    action: string,
    actionData: unknown,
    change: unknown,
    cause?: Cause,
  ): void {
    const before = this.data;
    const after: unknown = typeof change === "function"
      ? change(before)
      : change;
    if (this.data !== before) {
      throw new Error(
        `${this.#title} changed while the update function ran; do not call update() inside it`,
      );
    }
    if (isPromiseLike(after)) {
      // Nothing else handles its rejection.
      after.then(undefined, () => {});
      throw new TypeError(
        `${this.#title}: the update function must not be asynchronous; await first, then call update()`,
      );
    }
    if (!isObject(after)) {
      throw new TypeError(`${this.#title}: the new data must be an object`);
    }
    const { maxDepth, freeze: most } = this.#rule;
    const taken: Taken | undefined = most > 0
      ? { containers: [], values: [] }
      : undefined;
    const deltas = diff(before, after as JsonObject, { maxDepth, taken });
    this.#reveal(action, actionData, deltas, after as JsonObject, cause);
    for (const container of taken?.containers ?? []) freeze(container, most);
    for (const value of taken?.values ?? []) deepFreeze(value, most);
  }

  /** Changes the data by deltas that the application wrote. */
  apply(
    action: string,
    actionData: unknown,
    deltas: readonly Delta[],
    cause?: Cause,
  ): void {
    const before = this.data;
    for (const delta of deltas) this.#checkByHand(delta);
    const result = applyDeltas(before, deltas);
    if (!result.data) {
      throw new TypeError(
        `${this.#title}: delta ${result.index} does not fit the data: ${result.reason}`,
      );
    }
    if (deltas.some(isSum)) checkSums(result.copies);
    this.#reveal(action, actionData, deltas, result.data, cause);
    const { freeze: most } = this.#rule;
    if (most === 0) return;
    for (const copy of result.copies) freeze(copy, most);
    for (const delta of deltas) {
      if ("Value" in delta) deepFreeze(delta.Value, most);
    }
  }

  #checkByHand(delta: Delta): void {
    const reason = checkDelta(delta);
    // checkDelta reports an `undefined` value as missing; checkJson is more precise.
    if (isObject(delta) && "Value" in delta) {
      const around = reason === undefined ? levelsAround(delta) : 0;
      checkJson(delta.Value, "The value of a delta", {
        path: Array.isArray(delta.Path) ? delta.Path : [],
        maxDepth: this.#rule.maxDepth - around,
      });
    }
    if (reason !== undefined) {
      throw new TypeError(`${this.#title}: invalid delta: ${reason}`);
    }
  }

  #reveal(
    action: string,
    actionData: unknown,
    deltas: readonly Delta[],
    data: JsonObject,
    cause: Cause | undefined,
  ): void {
    const ActionData = this.#checkAction(action, actionData);
    // Serialized first, so that a failure leaves the feed unchanged.
    const texts = this.subscribers.size === 0 && !this.#log
      ? undefined
      : this.#write(action, ActionData, deltas, data);
    this.#content = { kind: "ready", data };
    this.changed = true;
    this.#openings.clear();
    if (texts) {
      this.#log?.add(texts.spec);
      for (const socket of this.subscribers) {
        const text = texts[socket.dialect];
        socket.send(socket === cause?.client ? marked(text, cause) : text);
      }
    }
    const { changed } = this.#rule;
    changed(this, { action, actionData: ActionData, deltas, data });
  }

  /** The message in each dialect that a subscriber speaks. */
  #write(
    action: string,
    ActionData: JsonObject,
    deltas: readonly Delta[],
    data: JsonObject,
  ): Record<FeedmeDialect, string> {
    const md5 = this.#digest?.of(data);
    const write = (dialect: FeedmeDialect) =>
      writeServerMessage({
        MessageType: dialect === "npm" ? "ActionRevelation" : "FeedAction",
        FeedName: this.name,
        FeedArgs: this.args,
        ActionName: action,
        ActionData,
        FeedDeltas: deltas,
        ...(md5 !== undefined && { FeedMd5: md5 }),
      });
    const texts = { spec: this.#log ? write("spec") : "", npm: "" };
    for (const { dialect } of this.subscribers) {
      if (texts[dialect] === "") texts[dialect] = write(dialect);
    }
    return texts;
  }

  #checkAction(action: string, actionData: unknown): JsonObject {
    const { actions } = this.definition;
    const what = "Action data";
    if (!actions) return checkJsonObject(actionData, what, this.#rule);
    const schema = Object.hasOwn(actions, action) ? actions[action] : undefined;
    const checked = schema && parse(schema, actionData);
    if (!checked?.success) {
      throw new TypeError(
        `${this.#title}: action ${JSON.stringify(action)} ${
          checked ? "does not match its schema" : "is not defined"
        }`,
        checked && { cause: checked.error },
      );
    }
    return checkJsonObject(checked.data, what, this.#rule);
  }

  /**
   * The messages that open the feed for a client, which is `alive` if it speaks the
   * extension; or that resume it after the actions `from`, if the log has the others.
   */
  opening(alive: boolean, from?: LogPosition): Opening {
    const missing = from && this.#log?.since(from);
    if (missing) {
      const text = writeServerMessage({
        MessageType: "FeedResumeResponse",
        FeedName: this.name,
        FeedArgs: this.args,
      });
      return { texts: [text, ...missing.texts], bytes: missing.bytes };
    }
    const logged = alive && this.#log !== undefined;
    let opening = this.#openings.get(logged);
    if (!opening) {
      const text = writeServerMessage({
        MessageType: "FeedOpenResponse",
        Success: true,
        FeedName: this.name,
        FeedArgs: this.args,
        FeedData: this.data,
        ...(logged && { LogId: this.#log!.id() }),
      });
      opening = { texts: [text], bytes: utf8Length(text) };
      this.#openings.set(logged, opening);
    }
    return opening;
  }

  /** A client has lost access, so what happens from now on must not be resumed. */
  forgetActions(): void {
    this.#log?.clear();
    this.#openings.clear();
  }

  /** Whether the server can drop the feed without losing a change. */
  get idle(): boolean {
    return this.holds === 0 && this.subscribers.size === 0 &&
      this.#content.kind === "ready" &&
      (!this.changed || this.definition.retain === false);
  }
}

/** A message to the client whose pending action caused it: tells the client so. */
function marked(text: string, { callbackId, answered }: Cause): string {
  return answered
    ? text
    : `${text.slice(0, -1)},"CallbackId":${JSON.stringify(callbackId)}}`;
}

function isSum({ Operation }: Delta): boolean {
  return Operation === "Increment" || Operation === "Decrement";
}

/** Rejects sums that overflowed, because JSON has no Infinity. */
function checkSums(copies: ReadonlySet<object>): void {
  for (const copy of copies) {
    for (const value of Object.values(copy)) {
      if (typeof value === "number" && !Number.isFinite(value)) {
        throw new DataError(
          "A delta cannot be applied: the sum is not a finite number",
          "NOT_JSON",
          [],
        );
      }
    }
  }
}
