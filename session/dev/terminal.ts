/** The output of the command: one line per event, with one prefix per backend. */
import { styleText } from "node:util";
import { printable } from "./output.ts";
import type {
  DevBackend,
  DevEvent,
  DevPlatform,
  DevRequest,
} from "./platform.ts";

type Style = Parameters<typeof styleText>[0];

/** Easy to distinguish on dark and light backgrounds. */
const COLORS: readonly Style[] = [
  "cyan",
  "magenta",
  "green",
  "blue",
  "yellow",
  "cyanBright",
  "magentaBright",
  "greenBright",
  "blueBright",
];

/** What each hot key does. */
const KEYS_HELP = "o to open the page, r to restart the backends that run, " +
  "l to list them, q to quit";

/** How many lines of output are repeated when a backend failed to start. */
const TAIL = 5;

/** Options of {@linkcode Terminal}. */
export interface TerminalOptions {
  /** Writes one line, given without its line break. */
  write: (line: string) => void;
  /** Whether to use colours. */
  color: boolean;
  /** The clock. */
  now?: () => Date;
}

/** Turns events into lines. */
export class Terminal {
  readonly #write: (line: string) => void;
  readonly #color: boolean;
  readonly #now: () => Date;
  readonly #colors = new Map<string, Style>();
  readonly #tails = new Map<string, string[]>();
  #next = 0;
  #width = 0;

  constructor({ write, color, now = () => new Date() }: TerminalOptions) {
    this.#write = write;
    this.#color = color;
    this.#now = now;
  }

  /** Prints the URLs, and how to connect. */
  greet(
    { apiUrl, proxyUrl }: Pick<DevPlatform, "apiUrl" | "proxyUrl">,
    { runs, watch, keys = false }: {
      runs: string;
      watch: boolean;
      keys?: boolean;
    },
  ): void {
    const port = new URL(apiUrl).port;
    const dim = (text: string) => this.#style("dim", text);
    this.#write("");
    this.#write(`  ${this.#style("bold", "Feedline dev platform")}`);
    this.#write("");
    this.#write(
      `  ${dim("page, API")}   ${this.#style(["cyan", "underline"], apiUrl)}`,
    );
    this.#write(`  ${dim("connections")} ${proxyUrl}`);
    this.#write(
      `  ${dim("runs")}        ${printable(runs)}${
        watch ? dim("  (backends end when their code changes)") : ""
      }`,
    );
    this.#write(
      `  ${dim("connect")}     new Jamsocket({ dev: true${
        port === "8080" ? "" : `, port: ${port}`
      } })`,
    );
    this.#write("");
    this.#write(dim("  Press Ctrl-C to stop the platform and its backends."));
    if (keys) this.#write(dim(`  Press ${KEYS_HELP}.`));
    this.#write("");
  }

  /** Prints a remark that does not concern a single backend. */
  note(text: string): void {
    this.#write(`${this.#time()} ${this.#style("dim", printable(text))}`);
  }

  /** Lists backends that run: one line each. */
  list(backends: readonly DevBackend[]): void {
    if (backends.length === 0) return this.note("no backend runs");
    for (const backend of backends) {
      const { connections, pid, states } = backend;
      const facts = [
        states.at(-1)!.status,
        ...(pid === undefined ? [] : [`process ${pid}`]),
        connections === 1 ? "1 connection" : `${connections} connections`,
      ];
      this.#line(backend, this.#style("dim", facts.join(", ")));
    }
  }

  /** Shows one event. */
  show(event: DevEvent): void {
    switch (event.type) {
      case "note":
        return this.note(event.text);
      case "line": {
        const bar = event.from === "stdout"
          ? this.#style("dim", "│")
          // Not highlighted, because programs also write ordinary output there.
          : event.from === "stderr"
          ? this.#style("dim", "┆")
          : this.#style("yellow", "!");
        this.#remember(event);
        return this.#line(event.backend, `${bar} ${event.text}`);
      }
      case "request":
        return this.#request(event.request);
      case "state": {
        const text = this.#describe(event);
        if (text) this.#line(event.backend, text);
        if (event.state.status === "ready") {
          this.#tails.delete(event.backend.id);
        }
        if (event.state.status === "terminated") {
          this.#tail(event);
          this.#colors.delete(event.backend.id);
        }
      }
    }
  }

  /** `→ GET /path 200 12 ms ada`, after the backend's name. */
  #request({ backend, method, path, status, ms, user }: DevRequest): void {
    const style: Style = status >= 500
      ? "red"
      : status >= 400
      ? "yellow"
      : "green";
    const text = [
      this.#style("dim", "→"),
      method,
      printable(path) || "(token refused)",
      this.#style(style, String(status)),
      this.#style("dim", `${Math.round(ms)} ms`),
      ...(user === undefined ? [] : [this.#style("dim", printable(user))]),
    ].join(" ");
    if (backend) this.#line(backend, text);
    else this.#write(`${this.#time()} ${text}`);
  }

  /** Keeps the last lines of a backend that is not ready yet. */
  #remember({ backend, from, text }: DevEvent & { type: "line" }): void {
    if (from === "platform") return;
    if (backend.states.some(({ status }) => status === "ready")) return;
    const tail = this.#tails.get(backend.id) ?? [];
    this.#tails.set(backend.id, [...tail, text].slice(-TAIL));
  }

  /** Repeats these lines for a backend that failed to start: they may have scrolled away. */
  #tail({ backend, state }: DevEvent & { type: "state" }): void {
    const tail = this.#tails.get(backend.id);
    this.#tails.delete(backend.id);
    if (
      state.status !== "terminated" ||
      state.termination_reason !== "startuptimeout"
    ) return;
    const dim = (text: string) =>
      this.#line(backend, `  ${this.#style("dim", text)}`);
    if (!tail) return dim("it wrote nothing");
    dim("its last output:");
    tail.forEach(dim);
  }

  /** The states worth a line; those in between pass within milliseconds. */
  #describe(
    { state, backend }: DevEvent & { type: "state" },
  ): string | undefined {
    switch (state.status) {
      case "waiting":
        return `${this.#style("yellow", "○ starting")} ${
          this.#style(
            "dim",
            backend.pid === undefined ? "container" : `process ${backend.pid}`,
          )
        }`;
      case "ready":
        return `${this.#style("green", "● ready")} ${
          this.#style("dim", `after ${sinceSpawn(backend)}`)
        }`;
      case "terminating":
        return `${this.#style("yellow", "◌ ending")} ${
          this.#style("dim", `(${state.termination_reason})`)
        }`;
      case "hard-terminating":
        return `${this.#style("red", "◌ killed")} ${
          this.#style("dim", `(${state.termination_reason})`)
        }`;
      case "terminated":
        return state.termination_reason === "startuptimeout"
          ? this.#style("red", "✗ failed to start in time")
          : state.exit_error
          ? this.#style("red", "✗ ended with an error")
          : `${this.#style("dim", `○ ended after ${sinceSpawn(backend)}`)}`;
      default:
        return undefined;
    }
  }

  #line(backend: DevBackend, text: string): void {
    // Successive backends of a key differ in color and id.
    const name = backend.key === undefined
      ? backend.id
      : `${shorten(printable(backend.key), 20)} ${backend.id.slice(0, 4)}`;
    this.#width = Math.max(this.#width, name.length);
    let color = this.#colors.get(backend.id);
    if (!color) {
      color = COLORS[this.#next++ % COLORS.length]!;
      this.#colors.set(backend.id, color);
    }
    this.#write(
      `${this.#time()} ${
        this.#style(color, name.padEnd(this.#width))
      }  ${text}`,
    );
  }

  #time(): string {
    const now = this.#now();
    const time = [now.getHours(), now.getMinutes(), now.getSeconds()]
      .map((part) => String(part).padStart(2, "0")).join(":");
    return this.#style("dim", time);
  }

  #style(style: Style, text: string): string {
    return this.#color
      ? styleText(style, text, { validateStream: false })
      : text;
  }
}

function sinceSpawn({ states }: DevBackend): string {
  const [first] = states;
  const ms = Date.parse(states.at(-1)!.time) - Date.parse(first!.time);
  if (ms < 1000) return `${ms} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 100) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
