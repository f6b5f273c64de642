/** workerd, with a worker that was bundled to one file. */
import { folder, startProgram } from "./program.ts";
import { requireRuntime } from "./runtimes.ts";

/** What a worker is run with. */
export interface WorkerOptions {
  /** The module, with all it imports. */
  module: string | Uint8Array;
  /** @default {"2026-10-01"} */
  compatibilityDate?: string;
  /** Bindings to texts. */
  vars?: Record<string, string>;
  /** Bindings to classes of Durable Objects, which the module exports. */
  objects?: Record<string, string>;
}

export const path: string = await requireRuntime("workerd");

/** The configuration of `worker.mjs` in the same folder, without Node's APIs. */
function configuration(
  { compatibilityDate = "2026-10-01", vars = {}, objects = {} }: WorkerOptions,
): string {
  const bindings = [
    ...Object.entries(vars).map(([name, text]) =>
      `(name = "${name}", text = "${text}")`
    ),
    ...Object.entries(objects).map(([name, className]) =>
      `(name = "${name}", durableObjectNamespace = "${className}")`
    ),
  ];
  const namespaces = Object.values(objects).map((name) =>
    `(className = "${name}", uniqueKey = "${name}")`
  );
  // workerd reaches public addresses only, unless told otherwise.
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
  compatibilityDate = "${compatibilityDate}",
  compatibilityFlags = ["no_nodejs_compat", "no_nodejs_compat_v2"],
  bindings = [${bindings.join(", ")}],
  durableObjectNamespaces = [${namespaces.join(", ")}],${
    namespaces.length > 0 ? "\n  durableObjectStorage = (inMemory = void)," : ""
  }
  globalOutbound = "internet",
);
`;
}

/** Starts it on a port of the system's choice. */
export async function startWorker(
  options: WorkerOptions,
): Promise<{ port: number } & AsyncDisposable> {
  await using made = new AsyncDisposableStack();
  const files = made.use(
    await folder({
      "worker.mjs": options.module,
      "config.capnp": configuration(options),
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
