/**
 * Lets several users edit a text at once without losing a letter. Each page sends
 * what it changed and in which revision of the text; the backend transforms the
 * change to fit the current text. This is operational transformation with a server
 * that decides the order, as in
 * {@link https://doi.org/10.1145/215585.215706 the Jupiter system}.
 *
 * This file uses neither the page nor the network.
 */

/**
 * A change of a text, from its start to its end: a positive number keeps that many UTF-16
 * code units, a negative one removes them, and a string is inserted.
 */
export type Change = readonly (number | string)[];

/** Builds a change in its shortest form, in which inserts precede removals. */
class Parts {
  readonly list: (number | string)[] = [];

  keep(count: number): void {
    const last = this.list.at(-1);
    if (count === 0) return;
    if (typeof last === "number" && last > 0) this.list.pop();
    this.list.push(typeof last === "number" && last > 0 ? last + count : count);
  }

  remove(count: number): void {
    const last = this.list.at(-1);
    if (count === 0) return;
    if (typeof last === "number" && last < 0) this.list.pop();
    this.list.push(-count + (typeof last === "number" && last < 0 ? last : 0));
  }

  insert(text: string): void {
    if (text === "") return;
    // The order of an insert and a removal at the same place makes no difference.
    const last = this.list.at(-1);
    const removed = typeof last === "number" && last < 0
      ? this.list.pop()
      : undefined;
    const before = this.list.at(-1);
    if (typeof before === "string") this.list.pop();
    this.list.push(typeof before === "string" ? before + text : text);
    if (removed !== undefined) this.list.push(removed);
  }
}

/** Reads a change in pieces of any size. */
class Reader {
  readonly #change: Change;
  #index = 0;
  #used = 0;

  constructor(change: Change) {
    this.#change = change;
  }

  /** The next part: an insert as text, a signed number, or `undefined` at the end. */
  get next(): number | string | undefined {
    const part = this.#change[this.#index];
    if (typeof part === "number") return part - Math.sign(part) * this.#used;
    return part?.slice(this.#used);
  }

  /** Consumes `count` code units of the next part. */
  take(count: number): void {
    const part = this.#change[this.#index]!;
    const size = typeof part === "string" ? part.length : Math.abs(part);
    this.#used += count;
    if (this.#used < size) return;
    this.#index++;
    this.#used = 0;
  }
}

/** Whether `change` can be applied to a text of this length. */
export function fits(change: Change, length: number): boolean {
  let covered = 0;
  for (const part of change) {
    if (part === 0 || (typeof part === "number" && !Number.isInteger(part))) {
      return false;
    }
    if (typeof part === "number") covered += Math.abs(part);
  }
  return covered === length;
}

/** The text after `change`. */
export function apply(text: string, change: Change): string {
  let result = "";
  let at = 0;
  for (const part of change) {
    if (typeof part === "string") result += part;
    else {
      if (part > 0) result += text.slice(at, at + part);
      at += Math.abs(part);
    }
  }
  return result;
}

/** A single change from `before` to `after`. */
export function diff(before: string, after: string): Change {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start++;
  if (isHigh(before[start - 1])) start--;
  let end = 0;
  while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) {
    end++;
  }
  if (end > 0 && isLow(before.at(-end))) end--;
  const parts = new Parts();
  parts.keep(start);
  parts.insert(after.slice(start, after.length - end));
  parts.remove(before.length - end - start);
  parts.keep(end);
  return parts.list;
}

/** Whether `unit` is the first half of a surrogate pair. */
const isHigh = (unit = "") => /^[\ud800-\udbff]$/.test(unit);
/** Whether `unit` is the second half of a surrogate pair. */
const isLow = (unit = "") => /^[\udc00-\udfff]$/.test(unit);

/** Combines two changes; `second` applies to the result of `first`. */
export function compose(first: Change, second: Change): Change {
  const [a, b, parts] = [new Reader(first), new Reader(second), new Parts()];
  for (;;) {
    const [x, y] = [a.next, b.next];
    if (typeof x === "number" && x < 0) {
      parts.remove(-x);
      a.take(-x);
    } else if (typeof y === "string") {
      parts.insert(y);
      b.take(y.length);
    } else if (x === undefined || y === undefined) return parts.list;
    else {
      const size = Math.min(
        typeof x === "string" ? x.length : x,
        Math.abs(y),
      );
      if (typeof x === "string") {
        // Text that the second change removes is not inserted at all.
        if (y > 0) parts.insert(x.slice(0, size));
      } else if (y > 0) parts.keep(size);
      else parts.remove(size);
      a.take(size);
      b.take(size);
    }
  }
}

/**
 * Transforms `change` so that it can be applied after `other`, which was made to the same
 * text. If both insert at the same place, `side` is the side of the other's text on which
 * this one's goes.
 */
export function transform(
  change: Change,
  other: Change,
  side: "before" | "after",
): Change {
  const [a, b, parts] = [new Reader(change), new Reader(other), new Parts()];
  for (;;) {
    const [x, y] = [a.next, b.next];
    if (typeof x === "string" && (side === "before" || typeof y !== "string")) {
      parts.insert(x);
      a.take(x.length);
    } else if (typeof y === "string") {
      parts.keep(y.length);
      b.take(y.length);
    } else if (typeof x !== "number" || y === undefined) return parts.list;
    else {
      const size = Math.min(Math.abs(x), Math.abs(y));
      // Text that the other change removed need be neither kept nor removed.
      if (y > 0 && x > 0) parts.keep(size);
      else if (y > 0) parts.remove(size);
      a.take(size);
      b.take(size);
    }
  }
}

/** Where a place in the text, such as the caret, is after `change`. */
export function moved(place: number, change: Change): number {
  let before = 0;
  let after = 0;
  for (const part of change) {
    if (typeof part === "string") {
      // Text inserted exactly at the caret goes after it.
      if (before < place) after += part.length;
    } else {
      const count = Math.min(Math.abs(part), place - before);
      before += count;
      if (part > 0) after += count;
      if (before === place && count < Math.abs(part)) break;
    }
  }
  return after;
}

/** The backend's side of one text: it puts changes in order. */
export class TextHistory {
  /** How many changes led to the current text. */
  revision: number;
  #text: string;
  readonly #recent: Change[] = [];
  readonly #limit: number;

  /** Keeps the last `limit` changes. */
  constructor(text = "", revision = 0, limit = 500) {
    this.#text = text;
    this.revision = revision;
    this.#limit = limit;
  }

  /** The current text. */
  get text(): string {
    return this.#text;
  }

  /**
   * Applies a change that was made to the text of `revision`. Returns the transformed
   * change, or `undefined` if that revision is too old or unknown, the change does not fit
   * it, or the text would be longer than `most`.
   */
  change(
    revision: number,
    change: Change,
    most = Infinity,
  ): Change | undefined {
    const missed = this.revision - revision;
    if (missed < 0 || missed > this.#recent.length) return undefined;
    const since = missed === 0 ? [] : this.#recent.slice(-missed);
    // The length of the text at that revision, from the first change to it.
    const length = missed === 0 ? this.#text.length : lengthBefore(since[0]!);
    if (!fits(change, length)) return undefined;
    for (const other of since) change = transform(change, other, "after");
    const text = apply(this.#text, change);
    if (text.length > most) return undefined;
    this.#text = text;
    this.revision++;
    this.#recent.push(change);
    if (this.#recent.length > this.#limit) this.#recent.shift();
    return change;
  }
}

function lengthBefore(change: Change): number {
  return change.reduce<number>(
    (sum, part) => typeof part === "number" ? sum + Math.abs(part) : sum,
    0,
  );
}

/** A writer's side: its own changes apply immediately, before the server confirms them. */
export class SharedText {
  #agreed: string;
  #revision: number;
  /** The change that was sent but is not confirmed yet. */
  #sent: Change | undefined;
  /** Whether the connection that it was sent on is lost. */
  #lost = false;
  /** Changes made since then. */
  #waiting: Change | undefined;

  constructor(text: string, revision: number) {
    this.#agreed = text;
    this.#revision = revision;
  }

  /** The text including the writer's own changes. */
  get text(): string {
    let text = this.#agreed;
    for (const change of [this.#sent, this.#waiting]) {
      if (change) text = apply(text, change);
    }
    return text;
  }

  /** Whether own changes are still unconfirmed. */
  get busy(): boolean {
    return this.#sent !== undefined || this.#waiting !== undefined;
  }

  /** Makes an own change. */
  make(change: Change): void {
    this.#waiting = this.#waiting ? compose(this.#waiting, change) : change;
  }

  /** The next change to send; `undefined` if there is none, or one is in flight. */
  send(): { revision: number; change: Change } | undefined {
    if (this.#sent || !this.#waiting) return undefined;
    this.#sent = this.#waiting;
    this.#lost = false;
    this.#waiting = undefined;
    return { revision: this.#revision, change: this.#sent };
  }

  /** Nothing is known of the change that was sent: the connection is lost. */
  lost(): void {
    this.#lost = true;
  }

  /** The server confirmed the change that was sent. */
  agreed(): void {
    if (this.#sent) this.#agreed = apply(this.#agreed, this.#sent);
    this.#revision++;
    this.#sent = undefined;
  }

  /** Handles another writer's change. Returns the change to apply to `text`. */
  receive(change: Change): Change {
    this.#agreed = apply(this.#agreed, change);
    this.#revision++;
    if (this.#sent) {
      const sent = this.#sent;
      this.#sent = transform(sent, change, "after");
      change = transform(change, sent, "before");
    }
    if (this.#waiting) {
      const waiting = this.#waiting;
      this.#waiting = transform(waiting, change, "after");
      change = transform(change, waiting, "before");
    }
    return change;
  }

  /**
   * Continues from the server's text, when the feed has opened again. An own change that
   * was lost with the connection and did not arrive is sent again; one that is on its way
   * is not. Returns the change to apply to `text`.
   */
  resume(text: string, revision: number): Change {
    const sent = this.#sent;
    // It arrived, but its confirmation was lost.
    if (sent && text === apply(this.#agreed, sent)) this.agreed();
    else if (sent && this.#lost) {
      this.#waiting = this.#waiting ? compose(sent, this.#waiting) : sent;
      this.#sent = undefined;
    }
    const change = this.receive(diff(this.#agreed, text));
    this.#revision = revision;
    return change;
  }
}
