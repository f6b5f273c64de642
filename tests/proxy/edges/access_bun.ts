/** The edge of `access.ts` on Bun. */
import { bunUpgrade } from "@feedline/feedline/proxy";
import { access } from "./access.ts";

// deno-lint-ignore no-explicit-any
const { process, Bun } = globalThis as any;
const { upgrade, websocket } = bunUpgrade();
const { fetch } = access(process.env, upgrade);
const server = Bun.serve({ port: 0, fetch, websocket });
console.log(`listening on ${server.port}`);
