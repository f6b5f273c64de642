/**
 * Every recorded scenario against this library's server, with this library's
 * client, in both dialects.
 */
import { webSocketTransport } from "../../feed/feedme/client/websocket.ts";
import { expectedInDialectA, linesOf } from "../feedme/recordings.ts";
import { Stage } from "../feedme/stage.ts";
import { type MakeStage, play, scenarios } from "./drive.ts";

const stage: MakeStage = (url, options, write) =>
  new Stage({ transport: webSocketTransport({ url }), ...options }, write);

for (const scenario of scenarios) {
  const { name } = scenario;
  Deno.test(`our client: ${name}`, () =>
    play(scenario, "spec", stage, linesOf(`B/${name}`)));
  Deno.test(`our client in npm's dialect: ${name}`, () =>
    play(scenario, "npm", stage, expectedInDialectA(name)));
}
