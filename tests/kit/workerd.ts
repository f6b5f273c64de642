/** workerd, with a worker that was bundled to one file. */
import { folder, startProgram } from "./program.ts";
import { requireRuntime } from "./runtimes.ts";

/** What a worker is run with. */
export interface WorkerOptions {
  /** The module, with all it imports. */
  module: string | Uint8Array;
  /** @default {"2026-10-01"} */
  compatibilityDate?: string;
  /** More compatibility flags. */
  flags?: string[];
  /** Bindings to texts. */
  vars?: Record<string, string>;
  /** Bindings to classes of Durable Objects, which the module exports. */
  objects?: Record<string, string>;
  /**
   * A folder that keeps what Durable Objects store, so that another worker can go on
   * with it. @default one of its own
   */
  storage?: string;
  /** @default one of the system's choice */
  port?: number;
}

export const path: string = await requireRuntime("workerd");

/** The configuration of `worker.mjs` in the same folder, without Node's APIs. */
function configuration(options: WorkerOptions & { storage: string }): string {
  const { compatibilityDate = "2026-10-01", vars = {}, objects = {} } = options;
  const { storage, port = 0, flags = [] } = options;
  const own = ["no_nodejs_compat", "no_nodejs_compat_v2", ...flags];
  const bindings = [
    ...Object.entries(vars).map(([name, text]) =>
      `(name = "${name}", text = "${text}")`
    ),
    ...Object.entries(objects).map(([name, className]) =>
      `(name = "${name}", durableObjectNamespace = "${className}")`
    ),
  ];
  const namespaces = Object.values(objects).map((name) =>
    `(className = "${name}", uniqueKey = "${name}", enableSql = true)`
  );
  // workerd reaches public addresses only, unless told otherwise.
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "disk", disk = (path = "${storage}", writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "worker")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
  compatibilityDate = "${compatibilityDate}",
  compatibilityFlags = ${JSON.stringify(own)},
  bindings = [${bindings.join(", ")}],
  durableObjectNamespaces = [${namespaces.join(", ")}],
  durableObjectStorage = (localDisk = "disk"),
  globalOutbound = "internet",
);
`;
}

/** Starts it. */
export async function startWorker(
  options: WorkerOptions,
): Promise<{ port: number } & AsyncDisposable> {
  await using made = new AsyncDisposableStack();
  // SQLite has no place in memory alone.
  const storage = options.storage ?? made.use(await folder()).path;
  const files = made.use(
    await folder({
      "worker.mjs": options.module,
      "config.capnp": configuration({ ...options, storage }),
    }),
  );
  const program = made.use(
    await startProgram(path, [
      "serve",
      "--control-fd=1",
      `${files.path}/config.capnp`,
    ]),
  );
  const { port } = JSON.parse(program.said);
  const all = made.move();
  return { port, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
