/**
 * The Feedme server compared to npm's feedme-server-core and to the floor, a loop that
 * sends a prepared text: 1,000 raw clients on one feed, 200 changes of one delta each.
 * Servers run in their own processes, in turn; the clients in another.
 *
 * Then measures the cost of computing deltas from two snapshots.
 */
import { diff } from "../feed/feedme/wire/diff.ts";
import { bundle } from "../tests/kit/bundle.ts";
import { config } from "../tests/kit/config.ts";
import { requireRuntime } from "../tests/kit/runtimes.ts";
import { TextLineStream } from "../tests/kit/lines.ts";
import { compare, median, printTable, type Row } from "./compare.ts";

const CLIENTS = 1_000;
const CHANGES = 200;
const ROUNDS = 5;
const KINDS = ["floor", "ours", "npm"] as const;
type Kind = typeof KINDS[number];

interface Said {
  port?: number;
  cpu?: number;
  sent?: number;
  rss?: number;
}

const root = new URL("../", import.meta.url);

/** A command that runs the other file. */
type Runtime = readonly [command: string, ...args: string[]];

const DENO: Runtime = [
  Deno.execPath(),
  "run",
  "-A",
  "--no-check",
  `--config=${config}`,
  "bench/feedme_server_run.ts",
];

/** The other file on Node 24. */
async function node(folder: string): Promise<Runtime> {
  const file = `${folder}/run.mjs`;
  await Deno.writeFile(
    file,
    await bundle("bench/feedme_server_run.ts", "--platform=deno"),
  );
  return [await requireRuntime("node24"), file];
}

/** One process and its output, line by line. */
class Process {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;

  constructor([command, ...args]: Runtime, ...more: string[]) {
    this.#child = new Deno.Command(command, {
      args: [...args, ...more],
      cwd: root,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  async said(): Promise<Said> {
    const { done, value } = await this.#lines.read();
    if (done) throw new Error("the process has ended");
    return JSON.parse(value);
  }

  async go(): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode("go\n"));
  }

  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#lines.cancel().catch(() => {});
    await this.#stdin.abort().catch(() => {});
  }
}

interface Figures {
  /** Server CPU for each delivery, in µs. */
  cpu: number;
  /** Deliveries a second. */
  rate: number;
  /** Memory of the server for each client, in kB, after all rounds. */
  memory: number;
}

async function measure(runtime: Runtime): Promise<Map<Kind, Figures>> {
  const sides = [];
  for (const kind of KINDS) {
    const server = new Process(runtime, "server", kind, `${CHANGES}`);
    const { port, rss } = await server.said();
    const clients = new Process(
      DENO,
      "clients",
      `${port}`,
      `${CLIENTS}`,
      `${CHANGES}`,
    );
    await clients.said();
    const figures = { cpu: [], rate: [], memory: [] } as {
      [name in keyof Figures]: number[];
    };
    sides.push({ kind, server, clients, base: rss!, figures });
  }
  const deliveries = CLIENTS * CHANGES;
  for (let round = -1; round < ROUNDS; round++) {
    for (const { server, clients, base, figures } of sides) {
      const start = performance.now();
      await server.go();
      await server.said();
      const { cpu, rss } = await server.said();
      await clients.said();
      const time = performance.now() - start;
      if (round < 0) continue;
      figures.cpu.push(cpu! * 1000 / deliveries);
      figures.rate.push(deliveries / time * 1000);
      figures.memory.push((rss! - base) / 1000 / CLIENTS);
    }
  }
  for (const { server, clients } of sides) {
    await clients.end();
    await server.end();
  }
  return new Map(sides.map(({ kind, figures }) => [kind, {
    cpu: median(figures.cpu),
    rate: median(figures.rate),
    memory: median(figures.memory),
  }]));
}

interface Group {
  id: number;
  score: number;
}

/** `count` entries in groups of about ten, groups of groups and so on. */
function tree(count: number): object {
  let level: object[] = Array.from(
    { length: count },
    (_, id): Group => ({ id, score: 0 }),
  );
  while (level.length > 10) {
    const next: object[] = [];
    for (let from = 0; from < level.length; from += 10) {
      next.push({ groups: level.slice(from, from + 10) });
    }
    level = next;
  }
  return { groups: level };
}

/** The same tree with the last entry changed, along one path. */
// deno-lint-ignore no-explicit-any
function changed(node: any): any {
  if (!node.groups) return { ...node, score: node.score + 1 };
  return { groups: node.groups.with(-1, changed(node.groups.at(-1))) };
}

/** A flat list with the middle entry changed. */
function list(count: number): { entries: Group[] } {
  return {
    entries: Array.from({ length: count }, (_, id) => ({ id, score: 0 })),
  };
}

async function diffs(): Promise<Row[]> {
  const rows: Row[] = [];
  // deno-lint-ignore no-explicit-any
  const timed = (before: any, after: any, times: number) => () => {
    for (let index = 0; index < times; index++) diff(before, after);
  };
  const few = tree(10);
  const many = tree(100_000);
  const { ratio } = await compare(
    timed(many, changed(many), 5_000),
    timed(few, changed(few), 5_000),
  );
  rows.push({
    what: "deltas of one change among 100,000 entries in a tree ÷ among 10",
    measured: `${ratio.toFixed(2)}×`,
    target: "follows the depth (5 levels ÷ 1)",
  });
  const flat = list(100_000);
  const after = {
    entries: flat.entries.with(50_000, { id: 50_000, score: 1 }),
  };
  const wide = await compare(
    timed(flat, after, 20),
    () => {
      for (let index = 0; index < 20; index++) {
        flat.entries.with(50_000, { id: 50_000, score: 1 });
      }
    },
  );
  rows.push({
    what: "the same in one flat array ÷ copying that array once",
    measured: `${wide.ratio.toFixed(2)}×`,
    target: "report",
  });
  const record = {
    entries: Object.fromEntries(
      flat.entries.map((each) => [`note-${each.id}`, each]),
    ),
  };
  const next = {
    entries: { ...record.entries, "note-5": { id: 5, score: 1 } },
  };
  const named = await compare(
    timed(record, next, 3),
    () => {
      for (let index = 0; index < 3; index++) ({ ...record.entries });
    },
  );
  rows.push({
    what: "the same in one flat object ÷ copying that object once",
    measured: `${named.ratio.toFixed(2)}×`,
    target: "report",
  });
  return rows;
}

/** How the three servers compare on one runtime. */
async function deliveries(name: string, runtime: Runtime): Promise<Row[]> {
  const figures = await measure(runtime);
  const [floor, ours, npm] = KINDS.map((kind) => figures.get(kind)!) as [
    Figures,
    Figures,
    Figures,
  ];
  const times = (ratio: number) => `${ratio.toFixed(2)}×`;
  const micro = [floor, ours, npm].map(({ cpu }) => cpu.toFixed(1)).join(", ");
  return [
    {
      what: `${name}: server CPU a delivery ÷ floor`,
      measured: times(ours.cpu / floor.cpu),
      target: "≤ 1.15×",
    },
    {
      what: `${name}: server CPU a delivery ÷ server-core`,
      measured: times(ours.cpu / npm.cpu),
      target: "≤ 0.6×",
    },
    {
      what: `${name}: deliveries a second ÷ server-core`,
      measured: times(ours.rate / npm.rate),
      target: "> 1×",
    },
    {
      what: `${name}: memory a client ÷ server-core`,
      measured: times(ours.memory / npm.memory),
      target: "< 1×",
    },
    {
      what: `${name}: µs a delivery: floor, ours, server-core`,
      measured: micro,
      target: "report",
    },
  ];
}

/** Prints the table. */
export async function benchFeedmeServer(): Promise<void> {
  const folder = await Deno.makeTempDir();
  const rows = [
    ...await deliveries("Deno", DENO),
    ...await deliveries("Node 24", await node(folder)),
  ];
  await Deno.remove(folder, { recursive: true });
  printTable(
    `Feedme server: ${
      CLIENTS.toLocaleString("en")
    } clients on one feed, ${CHANGES} changes`,
    [...rows, ...await diffs()],
  );
}

if (import.meta.main) await benchFeedmeServer();
