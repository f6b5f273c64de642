/** A platform in a process of its own, whose backends are one server elsewhere. */
import { runPlatform } from "../session/dev/run_platform.ts";
import type { Runner } from "../session/dev/runner.ts";

const address = Deno.args[0]!;
/** Starts no program, so only the platform's own cost of a backend is measured. */
const runner: Runner = {
  runs: "nothing",
  run(_spec, listener) {
    const { promise: exited, resolve } = Promise.withResolvers<
      { code: number }
    >();
    const end = () => resolve({ code: 0 });
    const run = { exited, terminate: end, kill: end };
    queueMicrotask(() => {
      listener.onStarting(run);
      listener.onWaiting(8080);
      listener.onReady(address);
    });
    return run;
  },
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
const platform = await runPlatform({
  runner,
  host: "localhost",
  port: 0,
  proxyPort: 0,
  allowedHosts: [],
  startupTimeout: Infinity,
  grace: 1000,
  gate: { keys: [{ id: "bench", secret: "s".repeat(64) }] },
});
console.log(new URL(platform.apiUrl).port);
await platform.closed;
