/** The hosted platform's API, replayed. */
import { Jamsocket } from "../../../server.ts";
import type { EngineColumn } from "../column.ts";
import { startHostedReplay, TOKEN } from "../hosted_replay.ts";

const NO_BACKENDS =
  "the hosted platform's answers are replayed, without backends";

export default {
  name: "hosted API (replayed)",
  order: 9,
  // deno-lint-ignore require-await
  async start() {
    const replay = startHostedReplay();
    const engine = (fetch?: typeof globalThis.fetch) =>
      new Jamsocket({
        account: "me",
        service: "rooms",
        token: TOKEN,
        apiUrl: replay.apiUrl,
        fetch,
      });
    return {
      subject: {
        engine: engine(),
        withFetch: engine,
        exceptions: {
          "traffic": NO_BACKENDS,
          "edge": NO_BACKENDS,
          "ending: the platform reports": NO_BACKENDS,
          "ending: a killed process": NO_BACKENDS,
        },
      },
      [Symbol.asyncDispose]: () => replay[Symbol.asyncDispose](),
    };
  },
} satisfies EngineColumn;
