/**
 * Times two ways of doing the same, alternating in one run: A B A B … Machines are noisy
 * and drift, so only the ratio of the medians is reported.
 */

/** One way: does the work; returns its time in ms if it measures that itself. */
export type Way = () => Promise<number | void> | number | void;

/** The result of {@linkcode compare}. */
export interface Comparison {
  /** The median time of the first way divided by that of the second. */
  ratio: number;
  /** Median times in ms. */
  a: number;
  b: number;
}

async function time(way: Way): Promise<number> {
  const start = performance.now();
  const own = await way();
  return typeof own === "number" ? own : performance.now() - start;
}

/** The median. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value that a share of `sorted` stays within. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.floor((sorted.length - 1) * share)]!;
}

/** What 50 %, 99 % and all of `times` (ms) stay within, as text. */
export function percentiles(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => quantile(sorted, share).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`;
}

/** Runs both ways alternately, after one uncounted round. */
export async function compare(
  a: Way,
  b: Way,
  rounds = 7,
): Promise<Comparison> {
  const times: [number[], number[]] = [[], []];
  for (let round = -1; round < rounds; round++) {
    // The order alternates, so that neither always inherits the other's garbage.
    const order = round % 2 === 0 ? [0, 1] as const : [1, 0] as const;
    for (const index of order) {
      const ms = await time(index === 0 ? a : b);
      if (round >= 0) times[index].push(ms);
    }
  }
  const [first, second] = times.map(median) as [number, number];
  return { ratio: first / second, a: first, b: second };
}

/** One line of a benchmark's table. */
export interface Row {
  /** What was measured, and compared to what. */
  what: string;
  /** The figure, as text. */
  measured: string;
  /** The target, as text; "report" if there is none. */
  target: string;
}

/** Prints rows as a table that can be pasted into Markdown. */
export function printTable(title: string, rows: Row[]): void {
  const columns = ["what", "measured", "target"] as const;
  const width = (name: typeof columns[number]) =>
    Math.max(name.length, ...rows.map((row) => row[name].length));
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  console.log(`\n${title}\n`);
  console.log(line(columns.map((name) => name.padEnd(width(name)))));
  console.log(line(columns.map((name) => "-".repeat(width(name)))));
  for (const row of rows) {
    console.log(line(columns.map((name) => row[name].padEnd(width(name)))));
  }
}
