/**
 * The recent actions of one feed, from which clients resume it after a lost connection.
 *
 * A client's position is where its data began and how many actions it has received
 * since. The server signs the beginning, so a client can go back to actions that it
 * missed, but not to those before it first opened the feed.
 */
import { md5 } from "../wire/md5.ts";
import type { LogPosition } from "../wire/protocol.ts";
import { utf8Length } from "../../../net/utf8.ts";
import type { LogLimits } from "./define.ts";
import { checkNumber } from "../../../net/number.ts";

/** The log of one feed, from the moment at which the feed was loaded. */
export class ActionLog {
  readonly #limits: Required<LogLimits>;
  /** Known to this log only, so that no position of another log is valid here. */
  #secret: string = crypto.randomUUID();
  /** The messages of the latest actions, from index `#first` on. */
  #texts: { text: string; bytes: number }[] = [];
  #first = 0;
  #bytes = 0;
  /** How many actions there were in all. */
  #count = 0;

  /** @throws {RangeError} if a limit is not a whole number, 0 or more, or `Infinity` */
  constructor({ actions, bytes = 1024 ** 2 }: LogLimits) {
    this.#limits = {
      actions: checkNumber("log.actions", actions, { whole: true }),
      bytes: checkNumber("log.bytes", bytes, { whole: true }),
    };
  }

  /** How many actions it has. */
  get #size(): number {
    return this.#texts.length - this.#first;
  }

  /** Appends the message of an action. */
  add(text: string): void {
    const bytes = utf8Length(text);
    this.#count++;
    this.#bytes += bytes;
    this.#texts.push({ text, bytes });
    const { actions, bytes: most } = this.#limits;
    while (this.#size > actions || this.#bytes > most) {
      this.#bytes -= this.#texts[this.#first++]!.bytes;
    }
    // Rarely, because it copies what is left.
    if (this.#first > this.#size) {
      this.#texts = this.#texts.slice(this.#first);
      this.#first = 0;
    }
  }

  /** The id of the present, for clients whose data begins now. */
  id(): string {
    return this.#sign(this.#count);
  }

  /**
   * The messages that a client at `position` is missing, and their length in bytes;
   * `undefined` if the log does not have them all, or did not issue the position.
   */
  since(
    { LogId, LogCount }: LogPosition,
  ): { texts: string[]; bytes: number } | undefined {
    const start = Number(/^\d{1,15}(?=\.)/.exec(LogId)?.[0] ?? NaN);
    const missing = this.#count - start - LogCount;
    const valid = LogCount >= 0 && Number.isSafeInteger(missing);
    if (!valid || missing < 0 || missing > this.#size) return undefined;
    if (LogId !== this.#sign(start)) return undefined;
    const found = this.#texts.slice(this.#texts.length - missing);
    return {
      texts: found.map(({ text }) => text),
      bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  /** Forgets everything, because a client has lost access. No position stays valid. */
  clear(): void {
    this.#secret = crypto.randomUUID();
    this.#texts = [];
    this.#first = this.#bytes = 0;
  }

  /** Keyed twice, as in HMAC, so that the signature of one start reveals no other. */
  #sign(start: number): string {
    return `${start}.${md5(this.#secret + md5(`${this.#secret}${start}`))}`;
  }
}
