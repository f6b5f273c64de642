/** `serve`, which runs backends as containers of an engine that a column starts. */
import { Jamsocket } from "../../server.ts";
import { servePlatform } from "../../session/dev/mod.ts";
import { bundle } from "../kit/bundle.ts";
import { type Dockerd, startDockerd } from "../kit/dockerd.ts";
import { folder } from "../kit/program.ts";
import type { Running } from "./column.ts";
import { GateClock } from "./gate_clock.ts";

const IMAGE = "feedline-module:1";

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

/** `serve`, and the container engine that it runs on. */
export interface Serving extends AsyncDisposable {
  /** An engine of ours that speaks to it. */
  engine(fetch?: typeof globalThis.fetch): Jamsocket;
  /** The URL of its API. */
  apiUrl: string;
  /** Its API token. */
  token: string;
  /** By which its connection tokens expire. */
  clock: GateClock;
}

/** Starts `serve` with an image of a module, on a container engine that ends with it. */
export async function serveModule(
  daemon: Dockerd,
  module: string,
): Promise<Serving> {
  await using started = new AsyncDisposableStack();
  started.use(daemon);
  const program = new TextDecoder().decode(
    await bundle(module, "--platform=deno"),
  );
  // Imported, because what a module imports runs before it.
  const code = `${INIT}await import("data:text/javascript," + ${
    JSON.stringify(encodeURIComponent(program))
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
  const { apiUrl } = platform;
  const all = started.move();
  return {
    engine: (fetch) => new Jamsocket({ apiUrl, token, fetch }),
    apiUrl,
    token,
    clock,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Starts `serve` for the suite on a container engine, which ends with it. */
export async function serveOn(
  daemon: Dockerd | { missing: string },
): Promise<Running | { missing: string }> {
  if ("missing" in daemon) return daemon;
  const serving = await serveModule(daemon, "tests/engines/sample.ts");
  return {
    subject: {
      engine: serving.engine(),
      withFetch: serving.engine,
      // deno-lint-ignore require-await
      expire: async () => serving.clock.pass(),
    },
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  };
}

/** A test with Docker, which is named as not run where there is none, except in CI. */
export function testOnDocker(
  name: string,
  body: (daemon: Dockerd) => Promise<void>,
  start: () => ReturnType<typeof startDockerd> = startDockerd,
): void {
  Deno.test(name, async () => {
    const daemon = await start();
    if (!("missing" in daemon)) return await body(daemon);
    if (Deno.env.has("CI") && Deno.build.os === "linux") {
      throw new Error(daemon.missing);
    }
    console.log(`not run: ${daemon.missing}`);
  });
}
