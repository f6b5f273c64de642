/** The outcome of the matrix as text. */
import type { Outcome } from "./suite.ts";

/** One runtime, and what the cases did there, or why there was no run. */
export interface Column {
  name: string;
  outcomes?: readonly Outcome[];
  missing?: string;
  /** In CI, too, it may be missing. */
  optional?: boolean;
}

/** Passed and failed cases; where not all passed, both are shown. */
function count(outcomes: readonly Outcome[]): string {
  const run = outcomes.filter(({ exception }) => exception === undefined);
  const failed = run.filter(({ failure }) => failure !== undefined);
  if (failed.length > 0) return `${failed.length} of ${run.length} failed`;
  return run.length === 0 ? "—" : String(run.length);
}

/** Rows are areas, columns are runtimes, with counts of what passed. */
export function table(columns: readonly Column[]): string {
  const areas = [
    ...new Set(
      columns.flatMap(({ outcomes = [] }) => outcomes.map(({ area }) => area)),
    ),
  ];
  const cells = (name: string, wanted: (outcome: Outcome) => boolean) => [
    name,
    ...columns.map(({ outcomes }) =>
      outcomes ? count(outcomes.filter(wanted)) : "not here"
    ),
  ];
  const rows = [
    ["", ...columns.map(({ name }) => name)],
    ...areas.map((area) => cells(area, (outcome) => outcome.area === area)),
    cells("all", () => true),
  ];
  const widths = rows[0]!.map((_, index) =>
    Math.max(...rows.map((row) => row[index]!.length))
  );
  return rows.map((row) =>
    row.map((cell, index) =>
      index === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[index]!)
    ).join("  ").trimEnd()
  ).join("\n");
}

/** What was not run where, in one line for each case and reason. */
export function exceptions(columns: readonly Column[]): string[] {
  const where = new Map<string, string[]>();
  for (const { name: column, outcomes = [] } of columns) {
    for (const { area, name, exception } of outcomes) {
      if (exception === undefined) continue;
      const what = `${area}: ${name} — ${exception}`;
      where.set(what, [...where.get(what) ?? [], column]);
    }
  }
  return [...where].map(([what, names]) =>
    `not on ${names.join(", ")}: ${what}`
  );
}
