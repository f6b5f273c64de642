/** `serve`, which runs backends as containers of an engine that a column starts. */
import { Jamsocket } from "../../server.ts";
import { servePlatform } from "../../session/dev/mod.ts";
import { bundle } from "../kit/bundle.ts";
import type { Dockerd } from "../kit/dockerd.ts";
import { folder } from "../kit/program.ts";
import type { Running } from "./column.ts";
import { GateClock } from "./gate_clock.ts";

const IMAGE = "feedline-sample:1";

/**
 * A process with the id 1 cannot kill itself, so the sample is a child of one that passes
 * on its signal and its exit code.
 */
const INIT = `
if (Deno.pid === 1) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "/app/main.js"],
  }).spawn();
  Deno.addSignalListener("SIGTERM", () => child.kill("SIGTERM"));
  Deno.exit((await child.status).code);
}
`;

/** Starts `serve` on a container engine, which ends with it. */
export async function serveOn(
  daemon: Dockerd | { missing: string },
): Promise<Running | { missing: string }> {
  if ("missing" in daemon) return daemon;
  await using started = new AsyncDisposableStack();
  started.use(daemon);
  const sample = new TextDecoder().decode(
    await bundle("tests/engines/sample.ts", "--platform=deno"),
  );
  // Imported, because what a module imports runs before it.
  const code = `${INIT}await import("data:text/javascript," + ${
    JSON.stringify(encodeURIComponent(sample))
  });`;
  await daemon.importImage(IMAGE, code);
  const state = started.use(await folder());
  const token = crypto.randomUUID();
  const clock = new GateClock();
  const platform = started.use(
    await servePlatform({
      image: IMAGE,
      state: state.path,
      dockerHost: daemon.host,
      networks: [daemon.network],
      token,
      port: 0,
      proxyPort: 0,
      tokenLifetime: clock.tokenLifetime,
      now: clock.now,
    }),
  );
  const engine = (fetch?: typeof globalThis.fetch) =>
    new Jamsocket({ apiUrl: platform.apiUrl, token, fetch });
  const all = started.move();
  return {
    subject: {
      engine: engine(),
      withFetch: engine,
      // deno-lint-ignore require-await
      expire: async () => clock.pass(),
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
