/**
 * The Feedme server from npm as a process of its own, so that it can be killed.
 * The script of a scenario is in the arguments; commands come as lines of JSON.
 */
import feedmeServerCore from "feedme-server-core";
import feedmeTransportWs from "feedme-transport-ws/server.js";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Scenario, ServerCommand } from "./scenarios.ts";

interface Response {
  success(...data: unknown[]): void;
  failure(code: string, data: object): void;
}

const port = Number(Deno.args[0]);
const { handshake, feeds = {}, actions = {}, holdClose, deaf } = JSON.parse(
  Deno.args[1]!,
) as NonNullable<Scenario["server"]>;

const held: Response[] = [];
const clients = new Set<string>();
const server = feedmeServerCore({
  transport: feedmeTransportWs({ port, host: "127.0.0.1" }),
});

function answer(
  plan: object | "hold" | "echo" | undefined,
  request: { actionArgs?: object },
  response: Response,
): void {
  if (plan === "hold") held.push(response);
  else if (plan === "echo") response.success({ echo: request.actionArgs });
  else if (Array.isArray(plan)) response.failure(plan[0], plan[1]);
  else response.success(plan ?? {});
}

// deno-lint-ignore no-explicit-any
type Request = any;

server.on("connect", (client: string) => clients.add(client));
server.on("disconnect", (client: string) => clients.delete(client));
if (handshake === "never") server.on("handshake", () => {});
if (!deaf) {
  server.on(
    "action",
    (request: Request, response: Response) =>
      answer(actions[request.actionName], request, response),
  );
  server.on(
    "feedOpen",
    (request: Request, response: Response) =>
      answer(feeds[request.feedName], request, response),
  );
}
if (holdClose) {
  server.on(
    "feedClose",
    (_: Request, response: Response) => void held.push(response),
  );
}
server.on("start", () => console.log("started"));
server.start();

createInterface({ input: process.stdin }).on("line", (line) => {
  const command: ServerCommand = JSON.parse(line);
  switch (command.do) {
    case "respond": {
      const response = held.shift()!;
      const [first, second] = command.args;
      if (command.as === "failure") {
        response.failure(first as string, second as object);
      } else {
        response.success(...command.args);
      }
      break;
    }
    case "action":
      server.actionRevelation(command.message);
      break;
    case "terminate":
      server.feedTermination(command.message);
      break;
    case "drop":
      for (const client of [...clients]) server.disconnect(client);
      break;
  }
}).on("close", () => process.exit());
