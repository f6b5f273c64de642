/** The example's edge on Bun, as its documentation says. Bundled, then run by `bun`. */
import { bunUpgrade } from "@feedline/feedline/proxy";
import { Jamsocket } from "@feedline/feedline/server";
import { edge } from "../../../examples/edge/app.ts";

// deno-lint-ignore no-explicit-any
const { process, Bun } = globalThis as any;
const { upgrade, websocket } = bunUpgrade();
const app = edge({
  engine: Jamsocket.fromEnv(process.env),
  cookieSecret: () => "secret",
  ...(process.env.WITHOUT_UPGRADE ? {} : { upgrade }),
});
const server = Bun.serve({ port: 0, fetch: app.fetch, websocket });
console.log(`listening on ${server.port}`);
