/**
 * Reads the output of a program as lines that are safe to show.
 *
 * {@linkcode LineSplitter} splits text into lines, without streams and timers.
 * {@linkcode readLines} applies it to a pipe. It reads only as fast as lines are handled,
 * so that a noisy program blocks in its own `write`, and works in slices, so that
 * everything else on this thread gets its turn.
 */
import { stripVTControlCharacters } from "node:util";

/** Where a line of output came from. */
export type OutputStream = "stdout" | "stderr";

/** Longer lines are split into pieces of at most this many characters. */
export const MAX_LINE = 8192;
/** After this long (ms), a line is shown although it has not ended. */
const UNFINISHED_AFTER = 1000;
/** How long (ms) it works before everything else gets as much time. */
const SLICE = 4;
/** How many lines are read between two checks of the clock. */
const LINES_PER_LOOK = 32;

/** An escape sequence that starts this close to a split may continue after it. */
const MAX_SEQUENCE = 64;

/** Text in, lines out. */
export class LineSplitter {
  readonly #clean: (line: string) => string;
  /** The unfinished line. */
  #rest = "";
  /** Whether the beginning of the unfinished line was already shown. */
  #shown = false;

  /** `clean` makes a line safe to show. */
  constructor(clean: (line: string) => string = printable) {
    this.#clean = clean;
  }

  /** Whether there is an unfinished line that was not shown. */
  get waiting(): boolean {
    return this.#rest !== "";
  }

  /** The lines that end in `text`. */
  *push(text: string): Generator<string, void, void> {
    const all = this.#rest + text;
    // A caller that takes the rest between two lines must not get these lines again.
    this.#rest = "";
    let start = 0;
    for (let end; (end = all.indexOf("\n", start)) >= 0; start = end + 1) {
      const line = all.slice(start, end);
      const shown = this.#shown;
      this.#shown = false;
      const latest = line.slice(latestStart(line));
      // Only the end of a line that was already shown.
      if (shown && printable(latest) === "") continue;
      yield* pieces(latest, this.#clean);
    }
    let rest = all.slice(start);
    // A progress bar may never end its line, so only its latest text is kept.
    rest = rest.slice(latestStart(rest));
    while (rest.length > MAX_LINE) {
      const cut = cutAt(rest, 0);
      const piece = rest.slice(0, cut);
      rest = rest.slice(cut);
      if (printable(piece) === "") continue;
      this.#shown = true;
      yield this.#clean(piece);
    }
    this.#rest = rest;
  }

  /** Takes the part of the unfinished line that was not shown yet. */
  take(): string | undefined {
    const text = this.#rest;
    this.#rest = "";
    if (printable(text) === "") return undefined;
    this.#shown = true;
    return this.#clean(text);
  }
}

/**
 * The start of the text that a terminal would finally show: `\r` moves back to the start
 * of the line, and the following text overwrites it.
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

/** Splits a line into pieces that are not too long. */
function* pieces(
  line: string,
  clean: (line: string) => string,
): Generator<string, void, void> {
  let start = 0;
  do {
    const end = cutAt(line, start);
    yield clean(line.slice(start, end));
    start = end;
  } while (start < line.length);
}

/** The end of the piece from `start` on, not within a character or a sequence. */
function cutAt(line: string, start: number): number {
  const end = start + MAX_LINE;
  if (end >= line.length) return line.length;
  const escape = line.lastIndexOf("\x1b", end - 1);
  if (escape > start && end - escape < MAX_SEQUENCE) return escape;
  return /[\ud800-\udbff]/.test(line[end - 1]!) ? end - 1 : end;
}

/** Characters that control a terminal or the direction of text. */
const CONTROL =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** Removes everything from `line` that could control a terminal. */
export function printable(line: string): string {
  // Most lines contain no such character.
  if (line.search(CONTROL) < 0) return line;
  return stripVTControlCharacters(line)
    .replaceAll("\t", "    ")
    .replace(CONTROL, "");
}

/** A sequence that sets colours and weights, and nothing else. */
// deno-lint-ignore no-control-regex
const COLOR = /(\x1b\[[\d;:]{0,64}m)/;

/** Like {@linkcode printable}, but keeps the sequences that set colours. */
export function colored(line: string): string {
  if (!line.includes("\x1b[")) return printable(line);
  const parts = line.split(COLOR);
  // Every second part is such a sequence.
  if (parts.length > 1) {
    return parts.map((part, index) => index % 2 ? part : printable(part))
      .join("");
  }
  return printable(line);
}

/**
 * Calls `onLine` for each line of `output` until its end, or until aborted. A line has no
 * control sequences but those that set colours.
 */
export async function readLines(
  output: ReadableStream<Uint8Array>,
  onLine: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const lines = new LineSplitter(colored);
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
      // A prompt, or the last output of a program that then waits.
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
    // The pipe broke or reading was aborted; shows what was read.
  }
  clearTimeout(unfinished);
  showRest();
}
