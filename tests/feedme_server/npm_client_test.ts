/**
 * Every recorded scenario against this library's server, with npm's
 * feedme-client 0.0.35 and its own transport.
 */
// Named first: the client asks for ^0.2.1, and 0.2.2 refuses every handshake.
import "feedme-util/package.json" with { type: "json" };
import npmClient from "feedme-client";
import npmTransport from "feedme-transport-ws/client.js";
import { linesOf } from "../feedme/recordings.ts";
import { Stage } from "../feedme/stage.ts";
import { type MakeStage, play, scenarios } from "./drive.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

const npmStage: MakeStage = (url, options, write) => {
  const all: Any = { transport: npmTransport(url), ...options };
  // Its client takes the transport out of the options.
  return new Stage(all, write, npmClient({ ...all }) as Any);
};

for (const scenario of scenarios) {
  Deno.test({
    name: `npm's client: ${scenario.name}`,
    // The client and its transport leave timers and sockets behind for a moment.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () =>
      play(scenario, "npm", npmStage, linesOf(`A/${scenario.name}`), true),
  });
}
