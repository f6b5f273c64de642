/**
 * One feed of the server: its data, who has it open, and how a change reaches
 * them: applied once, written once, sent to each.
 */
import type { Connection, FeedmeDialect } from "./served_socket.ts";
import type { FeedDefinition } from "./define.ts";
import { applyDeltas } from "../wire/delta.ts";
import { diff } from "../wire/diff.ts";
import { Digest } from "../wire/digest.ts";
import { isJson } from "../wire/json.ts";
import {
  checkDelta,
  type Delta,
  type FeedArgs,
  isObject,
  type JsonObject,
  writeServerMessage,
} from "../wire/protocol.ts";
import { parse } from "./schema.ts";

// deno-lint-ignore no-explicit-any
type AnyDefinition = FeedDefinition<any, any, any>;

/** The data, or when it will be there. */
type Content =
  | { kind: "loading"; done: Promise<void> }
  | { kind: "ready"; data: JsonObject };

/** See above. */
export class Live {
  readonly name: string;
  readonly args: FeedArgs;
  readonly definition: AnyDefinition;
  readonly subscribers: Set<Connection> = new Set();
  /** Clients that are about to open it. */
  holds = 0;
  /** Whether `initial` would not bring the same data again. */
  changed = false;
  #content: Content;
  #digest: Digest | undefined;
  /** The message that opens the feed, until the data changes. */
  #opening: { text: string; bytes: number } | undefined;

  /** @throws what `initial` throws, and a TypeError if its data is not right */
  constructor(name: string, args: FeedArgs, definition: AnyDefinition) {
    this.name = name;
    this.args = args;
    this.definition = definition;
    const initial = definition.initial(args);
    this.#content = isPromiseLike(initial)
      ? { kind: "loading", done: this.#load(initial) }
      : { kind: "ready", data: this.#check(initial) };
    if (definition.digest) this.#digest = new Digest();
  }

  /** Resolves when the data is there; at once (`undefined`) if it is. */
  get loading(): Promise<void> | undefined {
    return this.#content.kind === "loading" ? this.#content.done : undefined;
  }

  get data(): JsonObject {
    if (this.#content.kind === "ready") return this.#content.data;
    throw new Error(
      `Feed ${JSON.stringify(this.name)} is being loaded; await loaded() first`,
    );
  }

  async #load(initial: PromiseLike<unknown>): Promise<void> {
    this.#content = { kind: "ready", data: this.#check(await initial) };
  }

  #check(initial: unknown): JsonObject {
    const checked = parse(this.definition.data, initial);
    if (!checked.success) {
      throw new TypeError(
        `The initial data of feed ${
          JSON.stringify(this.name)
        } does not fit its schema`,
        { cause: checked.error },
      );
    }
    return json(checked.data, "initial data");
  }

  /** The new data, or what makes it from the old, becomes the data. */
  update(action: string, actionData: unknown, change: unknown): void {
    const before = this.data;
    const after = typeof change === "function" ? change(before) : change;
    if (this.data !== before) {
      throw new Error(
        `Feed ${JSON.stringify(this.name)} was changed within its own change`,
      );
    }
    if (isPromiseLike(after)) {
      // Its rejection would be nobody's.
      after.then(undefined, () => {});
      throw new TypeError(
        "A change of feed data must not be asynchronous; await first, then update",
      );
    }
    if (!isObject(after)) throw new TypeError("Feed data must be an object");
    const deltas = diff(before, after as JsonObject);
    this.#reveal(action, actionData, deltas, after as JsonObject);
  }

  /** Deltas written by hand change the data. */
  apply(action: string, actionData: unknown, deltas: readonly Delta[]): void {
    const before = this.data;
    for (const delta of deltas) {
      const reason = checkDelta(delta);
      if (reason !== undefined) throw new TypeError(`Invalid delta: ${reason}`);
      if ("Value" in delta) json(delta.Value, "a delta's value");
    }
    const result = applyDeltas(before, deltas);
    if (!result.data) {
      throw new TypeError(
        `Delta ${result.index} does not fit: ${result.reason}`,
      );
    }
    this.#reveal(action, actionData, deltas, result.data);
  }

  #reveal(
    action: string,
    actionData: unknown,
    deltas: readonly Delta[],
    data: JsonObject,
  ): void {
    const ActionData = this.#checkAction(action, actionData);
    this.#content = { kind: "ready", data };
    this.changed = true;
    this.#opening = undefined;
    if (this.subscribers.size === 0) return;
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
    let spec: string | undefined;
    let npm: string | undefined;
    for (const connection of this.subscribers) {
      connection.send(
        connection.dialect === "npm"
          ? npm ??= write("npm")
          : spec ??= write("spec"),
      );
    }
  }

  #checkAction(action: string, actionData: unknown): JsonObject {
    const { actions } = this.definition;
    if (!actions) return json(actionData, "action data");
    const schema = Object.hasOwn(actions, action) ? actions[action] : undefined;
    const checked = schema && parse(schema, actionData);
    if (!checked?.success) {
      throw new TypeError(
        `Action ${JSON.stringify(action)} of feed ${
          JSON.stringify(this.name)
        } ${checked ? "does not fit its schema" : "is not defined"}`,
        checked && { cause: checked.error },
      );
    }
    return json(checked.data, "action data");
  }

  /** The message that opens the feed, and its length in UTF-8. */
  opening(): { text: string; bytes: number } {
    if (!this.#opening) {
      const text = writeServerMessage({
        MessageType: "FeedOpenResponse",
        Success: true,
        FeedName: this.name,
        FeedArgs: this.args,
        FeedData: this.data,
      });
      this.#opening = { text, bytes: utf8Length(text) };
    }
    return this.#opening;
  }

  /** Whether nothing is lost when it is forgotten. */
  get idle(): boolean {
    return this.holds === 0 && this.subscribers.size === 0 &&
      this.#content.kind === "ready" &&
      (!this.changed || this.definition.retain === false);
  }
}

/** @throws {TypeError} if `value` cannot go over the wire */
export function json(value: unknown, what: string): JsonObject {
  if (isJson(value) && (what === "a delta's value" || isObject(value))) {
    return value as JsonObject;
  }
  throw new TypeError(`${what} must be a JSON object`);
}

/** Whether to wait for `value`. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then ===
    "function";
}

/** The number of bytes of `text` in UTF-8; `text` has no lone surrogates. */
function utf8Length(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    // A pair of surrogates is four bytes: two for each unit.
    if (unit > 0x7f) {
      length += unit > 0x7ff && (unit & 0xf800) !== 0xd800 ? 2 : 1;
    }
  }
  return length;
}
