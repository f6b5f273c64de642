/**
 * How much processor time and memory backends take. Measured only while somebody looks:
 * from `/proc` on Linux, with `ps` on macOS and BSD; not at all elsewhere.
 */

/** What a process group takes. */
export interface GroupTotals {
  /** Processor time since the start of its processes, in milliseconds. */
  cpu: number;
  /** Memory that is in use, in bytes. */
  memory: number;
}

/** What a backend takes at one time. */
export interface Usage {
  /** Share of one processor since the last look, in percent; more than 100 with threads. */
  cpu: number;
  /** Memory, in bytes. */
  memory: number;
}

/** Milliseconds between two measurements. */
export const USAGE_PACE = 2000;
/** Linux counts processor time in hundredths of a second, whatever its own clock does. */
const TICK = 10;

/** Reads what each of the groups takes; `undefined` if this system does not tell. */
export async function readUsage(
  groups: ReadonlySet<number>,
  os: typeof Deno.build.os = Deno.build.os,
): Promise<Map<number, GroupTotals> | undefined> {
  try {
    if (os === "linux") return await readProc(groups);
    if (os === "windows") return undefined;
    const { success, stdout } = await new Deno.Command("ps", {
      args: ["-A", "-o", "pgid=,time=,rss="],
      stderr: "null",
    }).output();
    return success
      ? sumPs(new TextDecoder().decode(stdout), groups)
      : undefined;
  } catch {
    return undefined;
  }
}

async function readProc(
  groups: ReadonlySet<number>,
): Promise<Map<number, GroupTotals>> {
  const totals = new Map<number, GroupTotals>();
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = parseStat(await Deno.readTextFile(`/proc/${name}/stat`));
      if (!stat || !groups.has(stat.group)) continue;
      const status = await Deno.readTextFile(`/proc/${name}/status`);
      const memory = Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0);
      add(totals, stat.group, { cpu: stat.cpu, memory: memory * 1024 });
    } catch {
      // It has ended since the directory was read.
    }
  }
  return totals;
}

/** The group and the processor time (ms) in the text of `/proc/<pid>/stat`. */
export function parseStat(
  text: string,
): { group: number; cpu: number } | undefined {
  // The name, in parentheses, may contain any character.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [group, user, system] = [fields[2], fields[11], fields[12]].map(Number);
  return Number.isFinite(group) && Number.isFinite(user) &&
      Number.isFinite(system)
    ? { group: group!, cpu: (user! + system!) * TICK }
    : undefined;
}

/** Adds up the lines of `ps -o pgid=,time=,rss=`. */
export function sumPs(
  text: string,
  groups: ReadonlySet<number>,
): Map<number, GroupTotals> {
  const totals = new Map<number, GroupTotals>();
  for (const line of text.split("\n")) {
    const [id, time, memory] = line.trim().split(/\s+/);
    const group = Number(id);
    if (!time || !groups.has(group)) continue;
    // [days-][hours:]minutes:seconds, with or without a fraction.
    const [days, clock] = time.includes("-") ? time.split("-") : ["0", time];
    const seconds = clock!.split(":").reduce(
      (sum, part) => sum * 60 + Number(part),
      0,
    ) + Number(days) * 86_400;
    add(totals, group, { cpu: seconds * 1000, memory: Number(memory) * 1024 });
  }
  return totals;
}

function add(
  totals: Map<number, GroupTotals>,
  group: number,
  { cpu, memory }: GroupTotals,
): void {
  const sum = totals.get(group) ?? { cpu: 0, memory: 0 };
  totals.set(group, { cpu: sum.cpu + cpu, memory: sum.memory + memory });
}

/** The usage between two measurements that are `elapsed` milliseconds apart. */
export function usageOf(
  before: GroupTotals | undefined,
  now: GroupTotals,
  elapsed: number,
): Usage {
  // Without an earlier one there is no share yet. A member that has ended takes its time
  // with it, so the sum may decrease.
  const used = before ? Math.max(0, now.cpu - before.cpu) : 0;
  const cpu = elapsed > 0 ? used / elapsed * 100 : 0;
  return { cpu: Math.round(cpu * 10) / 10, memory: now.memory };
}

/** Called with what each process group takes, or with `undefined` if it is not known. */
export type UsageListener = (
  usage: ReadonlyMap<number, Usage> | undefined,
) => void;

/** Measures at intervals, while there is a listener. */
export class UsageMeter implements AsyncDisposable {
  readonly #groups: () => ReadonlySet<number>;
  readonly #listeners = new Set<UsageListener>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #before: { time: number; totals: Map<number, GroupTotals> } | undefined;
  #measuring: Promise<void> | undefined;

  /** `groups` are the ids of the process groups to measure. */
  constructor(groups: () => ReadonlySet<number>) {
    this.#groups = groups;
  }

  /** Calls `listener` at each measurement, until the returned function is called. */
  listen(listener: UsageListener): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1 && !this.#measuring) this.#begin();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearTimeout(this.#timer);
      this.#before = undefined;
    };
  }

  /** Waits for a measurement that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    clearTimeout(this.#timer);
    await this.#measuring;
  }

  #begin(): void {
    this.#measuring = this.#measure();
  }

  async #measure(): Promise<void> {
    const totals = await readUsage(this.#groups());
    this.#measuring = undefined;
    if (this.#listeners.size === 0) return;
    const time = performance.now();
    const before = this.#before;
    this.#before = totals && { time, totals };
    const usage = totals && new Map(
      [...totals].map(([group, now]) => [
        group,
        usageOf(before?.totals.get(group), now, time - (before?.time ?? time)),
      ]),
    );
    for (const listener of [...this.#listeners]) listener(usage);
    this.#timer = setTimeout(() => this.#begin(), USAGE_PACE);
  }
}
