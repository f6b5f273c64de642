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
 * How a text changes, from its start to its end: a positive number keeps so many
 * UTF-16 units, a negative one removes them, and a string is put in.
 */
export type Change = readonly (number | string)[];

/** Gathers the parts of a change in the shortest form: inserts come first. */
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
    // At one place the order of inserting and removing makes no difference.
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

/** Goes through a change in pieces of any size. */
class Reader {
  readonly #change: Change;
  #index = 0;
  #used = 0;

  constructor(change: Change) {
    this.#change = change;
  }

  /** What comes next: an insert as text, a number with its sign, or the end. */
  get next(): number | string | undefined {
    const part = this.#change[this.#index];
    if (typeof part === "number") return part - Math.sign(part) * this.#used;
    return part?.slice(this.#used);
  }

  /** Takes `count` units of what comes next. */
  take(count: number): void {
    const part = this.#change[this.#index]!;
    const size = typeof part === "string" ? part.length : Math.abs(part);
    this.#used += count;
    if (this.#used < size) return;
    this.#index++;
    this.#used = 0;
  }
}

/** Whether `change` can be made to a text of this length. */
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

/** The one change that leads from `before` to `after`. */
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

/** The first half of a character of two units. */
const isHigh = (unit = "") => /^[\ud800-\udbff]$/.test(unit);
/** The second half. */
const isLow = (unit = "") => /^[\udc00-\udfff]$/.test(unit);

/** Both changes as one: `second` is made to what `first` leaves. */
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
        // What the second removes of it was never there.
        if (y > 0) parts.insert(x.slice(0, size));
      } else if (y > 0) parts.keep(size);
      else parts.remove(size);
      a.take(size);
      b.take(size);
    }
  }
}

/**
 * `change` as it has to be made where `other`, made to the same text, came first.
 * Where both put something in at one place, `side` says on which side of the
 * other's text this one's goes.
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
      // What the other has removed needs neither keeping nor removing.
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
      // Text that comes in right at the caret goes behind it.
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
  /** How many changes led to the present text. */
  revision: number;
  #text: string;
  readonly #recent: Change[] = [];
  readonly #limit: number;

  /** It remembers the last `limit` changes. */
  constructor(text = "", revision = 0, limit = 500) {
    this.#text = text;
    this.revision = revision;
    this.#limit = limit;
  }

  /** The present text. */
  get text(): string {
    return this.#text;
  }

  /**
   * Makes a change that was made to the text of `revision`. Returns it as it was
   * made in the end, or `undefined` if that revision is forgotten or unknown, the
   * change does not fit it, or the text would be longer than `most`.
   */
  change(
    revision: number,
    change: Change,
    most = Infinity,
  ): Change | undefined {
    const missed = this.revision - revision;
    if (missed < 0 || missed > this.#recent.length) return undefined;
    const since = missed === 0 ? [] : this.#recent.slice(-missed);
    // How long the text was then, told by the first change to it.
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

/** A writer's side: its own changes are there at once, before they are agreed on. */
export class SharedText {
  #agreed: string;
  #revision: number;
  /** Sent, and not seen among the agreed changes yet. */
  #sent: Change | undefined;
  /** Made since. */
  #waiting: Change | undefined;

  constructor(text: string, revision: number) {
    this.#agreed = text;
    this.#revision = revision;
  }

  /** The text with the own changes. */
  get text(): string {
    let text = this.#agreed;
    for (const change of [this.#sent, this.#waiting]) {
      if (change) text = apply(text, change);
    }
    return text;
  }

  /** Whether own changes are still to be agreed on. */
  get busy(): boolean {
    return this.#sent !== undefined || this.#waiting !== undefined;
  }

  /** Makes a change of its own. */
  make(change: Change): void {
    this.#waiting = this.#waiting ? compose(this.#waiting, change) : change;
  }

  /** What to send next, unless there is nothing or something is on its way. */
  send(): { revision: number; change: Change } | undefined {
    if (this.#sent || !this.#waiting) return undefined;
    this.#sent = this.#waiting;
    this.#waiting = undefined;
    return { revision: this.#revision, change: this.#sent };
  }

  /** The change that was sent has been agreed on. */
  agreed(): void {
    if (this.#sent) this.#agreed = apply(this.#agreed, this.#sent);
    this.#revision++;
    this.#sent = undefined;
  }

  /** Takes another writer's change. Returns the change to make to `text`. */
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
   * Continues from the server's text after a lost connection. Own changes that
   * did not arrive are sent again. Returns the change to make to `text`.
   */
  resume(text: string, revision: number): Change {
    const sent = this.#sent;
    // It arrived, and only its answer was lost.
    if (sent && text === apply(this.#agreed, sent)) this.agreed();
    else if (sent) {
      this.#waiting = this.#waiting ? compose(sent, this.#waiting) : sent;
      this.#sent = undefined;
    }
    const change = this.receive(diff(this.#agreed, text));
    this.#revision = revision;
    return change;
  }
}
