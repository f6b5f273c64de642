/**
 * What a platform counts, as text for Prometheus. No I/O.
 *
 * @see {@link https://prometheus.io/docs/instrumenting/exposition_formats/}
 */
import type { BackendState } from "../../types.ts";

/** The upper bounds of the histogram of start-up times, in seconds. */
const BOUNDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** What there is at the moment of reading. */
export interface Gauges {
  /** How many backends have each status; those that ended are not counted. */
  backends: ReadonlyMap<string, number>;
  /** How many connections are open. */
  connections: number;
}

/** Counts events of a platform. */
export class Metrics {
  #spawns = 0;
  readonly #ends = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  readonly #starts = { buckets: BOUNDS.map(() => 0), sum: 0, count: 0 };

  /** A backend has reached a state; `states` are all that it had, this one last. */
  state(states: readonly BackendState[]): void {
    const [first] = states;
    const last = states.at(-1)!;
    switch (last.status) {
      case "scheduled":
        this.#spawns++;
        break;
      case "ready":
        this.#started((Date.parse(last.time) - Date.parse(first!.time)) / 1000);
        break;
      case "terminated": {
        const reason = last.termination_reason ??
          (last.exit_error ? "error" : "exit");
        this.#ends.set(reason, (this.#ends.get(reason) ?? 0) + 1);
      }
    }
  }

  /** A connection token was refused. */
  refused(reason: string): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1);
  }

  #started(seconds: number): void {
    const { buckets } = this.#starts;
    BOUNDS.forEach((bound, index) => {
      if (seconds <= bound) buckets[index]!++;
    });
    this.#starts.sum += seconds;
    this.#starts.count++;
  }

  /** All of it, as text. */
  text({ backends, connections }: Gauges): string {
    const { buckets, sum, count } = this.#starts;
    return [
      ...metric("feedline_spawns_total", "counter", "Backends spawned.", [
        ["", this.#spawns],
      ]),
      ...metric(
        "feedline_ended_total",
        "counter",
        "Backends ended, by reason.",
        labelled("reason", this.#ends),
      ),
      ...metric(
        "feedline_backends",
        "gauge",
        "Backends that have not ended, by status.",
        labelled("status", backends),
      ),
      ...metric("feedline_connections", "gauge", "Open connections.", [
        ["", connections],
      ]),
      ...metric(
        "feedline_refused_tokens_total",
        "counter",
        "Connection tokens refused, by reason.",
        labelled("reason", this.#refused),
      ),
      ...metric(
        "feedline_start_seconds",
        "histogram",
        "Time from a spawn until the backend was ready.",
        [
          ...BOUNDS.map((bound, index): Sample => [
            `_bucket{le="${bound}"}`,
            buckets[index]!,
          ]),
          ['_bucket{le="+Inf"}', count],
          ["_sum", sum],
          ["_count", count],
        ],
      ),
      "",
    ].join("\n");
  }
}

/** What follows a metric's name, and its value. */
type Sample = [suffix: string, value: number];

function metric(
  name: string,
  type: "counter" | "gauge" | "histogram",
  help: string,
  samples: Sample[],
): string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(([suffix, value]) => `${name}${suffix} ${value}`),
  ];
}

function labelled(
  label: string,
  values: ReadonlyMap<string, number>,
): Sample[] {
  return [...values].sort(([one], [other]) => one < other ? -1 : 1)
    .map(([value, count]) => [`{${label}="${escape(value)}"}`, count]);
}

function escape(value: string): string {
  return value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n");
}
