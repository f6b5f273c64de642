/** The dev platform, which runs backends as processes. */
import { fileURLToPath } from "node:url";
import { Jamsocket } from "../../../server.ts";
import { startDevPlatform } from "../../../session/dev/mod.ts";
import { config } from "../../kit/config.ts";
import { type EngineColumn, SAMPLE } from "../column.ts";
import { GateClock } from "../gate_clock.ts";

export default {
  name: "process",
  order: 1,
  async start() {
    const clock = new GateClock();
    const platform = await startDevPlatform({
      module: SAMPLE,
      config: fileURLToPath(new URL(`../../../${config}`, import.meta.url)),
      port: 0,
      proxyPort: 0,
      tokenLifetime: clock.tokenLifetime,
      now: clock.now,
    });
    const port = Number(new URL(platform.apiUrl).port);
    const engine = (fetch?: typeof globalThis.fetch) =>
      new Jamsocket({ dev: true, port, fetch });
    return {
      subject: {
        engine: engine(),
        withFetch: engine,
        // deno-lint-ignore require-await
        expire: async () => clock.pass(),
      },
      [Symbol.asyncDispose]: () => platform[Symbol.asyncDispose](),
    };
  },
} satisfies EngineColumn;
