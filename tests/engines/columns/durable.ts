/** Durable Objects of Cloudflare, in workerd. */
import { Jamsocket } from "../../../server.ts";
import { bundle } from "../../kit/bundle.ts";
import { startWorker } from "../../kit/workerd.ts";
import type { EngineColumn } from "../column.ts";

export default {
  name: "Durable Objects",
  order: 4,
  async start() {
    const worker = await startWorker({
      module: await bundle("tests/engines/durable/worker.ts"),
      objects: { SAMPLES: "Sample" },
    });
    // The worker forwards the API of the engine that it has.
    const engine = (fetch?: typeof globalThis.fetch) =>
      new Jamsocket({ dev: true, port: worker.port, fetch });
    return {
      subject: {
        engine: engine(),
        withFetch: engine,
        async expire() {
          const answer = await fetch(`http://127.0.0.1:${worker.port}/expire`);
          await answer.body?.cancel();
          if (!answer.ok) throw new Error(`/expire answers ${answer.status}`);
        },
        exceptions: {
          "ending: a killed process":
            "the runtime starts an object again by itself, and its backend goes on",
        },
      },
      [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
    };
  },
} satisfies EngineColumn;
