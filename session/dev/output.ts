/**
 * What a program writes, as lines that are safe to show.
 *
 * {@linkcode LineSplitter} is the rule, without streams and timers: where lines
 * begin and end. {@linkcode readLines} applies it to a pipe. It takes no more
 * than it has passed on, so a loud program waits in its own `write`, and it
 * works in slices, so that everything else on this thread has its turn.
 */
import { stripVTControlCharacters } from "node:util";

/** Longer lines are cut into pieces of at most this many characters. */
export const MAX_LINE = 8192;
/** Milliseconds after which a line is shown although it has not ended. */
const UNFINISHED_AFTER = 1000;
/** Milliseconds of work before everything else has as much time. */
const SLICE = 4;
/** Lines between two looks at the clock. */
const LINES_PER_LOOK = 32;

/** An escape sequence this close to a cut may go on after it. */
const MAX_SEQUENCE = 64;

/** Text in, lines out. */
export class LineSplitter {
  /** What has not ended yet. */
  #rest = "";
  /** Whether the line that has not ended was shown up to here. */
  #shown = false;

  /** Whether there is the beginning of a line that was not shown. */
  get waiting(): boolean {
    return this.#rest !== "";
  }

  /** The lines that end in `text`. */
  *push(text: string): Generator<string, void, void> {
    const all = this.#rest + text;
    // A caller that takes the rest between two lines must not get these again.
    this.#rest = "";
    let start = 0;
    for (let end; (end = all.indexOf("\n", start)) >= 0; start = end + 1) {
      const line = all.slice(start, end);
      const shown = this.#shown;
      this.#shown = false;
      const latest = line.slice(latestStart(line));
      // Only the end of what was shown already.
      if (shown && printable(latest) === "") continue;
      yield* pieces(latest);
    }
    let rest = all.slice(start);
    // A progress bar may go on for as long as it likes.
    rest = rest.slice(latestStart(rest));
    while (rest.length > MAX_LINE) {
      const cut = cutAt(rest, 0);
      const piece = printable(rest.slice(0, cut));
      rest = rest.slice(cut);
      if (piece === "") continue;
      this.#shown = true;
      yield piece;
    }
    this.#rest = rest;
  }

  /** The line that has not ended, as far as it was written and not shown yet. */
  take(): string | undefined {
    const text = printable(this.#rest);
    this.#rest = "";
    if (text === "") return undefined;
    this.#shown = true;
    return text;
  }
}

/**
 * Where the text begins that a terminal would show last: `\r` goes back to the
 * start of the line, and what comes then takes its place.
 */
function latestStart(line: string): number {
  if (!line.includes("\r")) return 0;
  for (let end = line.length; end > 0;) {
    const start = line.lastIndexOf("\r", end - 1) + 1;
    if (printable(line.slice(start, end)) !== "") return start;
    end = start - 1;
  }
  return 0;
}

/** A line in pieces that are not too long. */
function* pieces(line: string): Generator<string, void, void> {
  let start = 0;
  do {
    const end = cutAt(line, start);
    yield printable(line.slice(start, end));
    start = end;
  } while (start < line.length);
}

/** Where the piece from `start` on ends: not within a character or a sequence. */
function cutAt(line: string, start: number): number {
  const end = start + MAX_LINE;
  if (end >= line.length) return line.length;
  const escape = line.lastIndexOf("\x1b", end - 1);
  if (escape > start && end - escape < MAX_SEQUENCE) return escape;
  return /[\ud800-\udbff]/.test(line[end - 1]!) ? end - 1 : end;
}

/** Anything that steers a terminal, or the order in which text is read. */
const CONTROL =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** `line` without anything that could steer a terminal. */
export function printable(line: string): string {
  // Most lines have nothing of the kind.
  if (line.search(CONTROL) < 0) return line;
  return stripVTControlCharacters(line)
    .replaceAll("\t", "    ")
    .replace(CONTROL, "");
}

/** Calls `onLine` for each line of `output` until its end, or until aborted. */
export async function readLines(
  output: ReadableStream<Uint8Array>,
  onLine: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const lines = new LineSplitter();
  const showRest = () => {
    const text = lines.take();
    if (text !== undefined) onLine(text);
  };
  let unfinished: ReturnType<typeof setTimeout> | undefined;
  let began = performance.now();
  const turn = async () => {
    if (performance.now() - began < SLICE) return;
    await new Promise((resolve) => setTimeout(resolve, SLICE));
    began = performance.now();
  };
  try {
    for await (
      const text of output.pipeThrough(new TextDecoderStream(), { signal })
    ) {
      let count = 0;
      for (const line of lines.push(text)) {
        onLine(line);
        if (++count % LINES_PER_LOOK === 0) await turn();
      }
      // A prompt, or the last words of a program that then waits.
      if (count > 0 || !lines.waiting) {
        clearTimeout(unfinished);
        unfinished = undefined;
      }
      if (lines.waiting) {
        unfinished ??= setTimeout(() => {
          unfinished = undefined;
          showRest();
        }, UNFINISHED_AFTER);
      }
      await turn();
    }
  } catch {
    // The pipe broke or was given up; what was read is shown.
  }
  clearTimeout(unfinished);
  showRest();
}
