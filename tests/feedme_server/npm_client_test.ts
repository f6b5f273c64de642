/**
 * Every recorded scenario against this library's server, with npm's
 * feedme-client 0.0.35 and its own transport.
 */
// Named first: the client asks for ^0.2.1, and 0.2.2 refuses every handshake.
import "feedme-util/package.json" with { type: "json" };
import npmClient from "feedme-client";
import npmTransport from "feedme-transport-ws/client.js";
import { linesOf } from "../feedme/recordings.ts";
import type { Stage } from "../feedme/scenarios.ts";
import { play, scenarios } from "./drive.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

/** What a listener of npm's client got. */
function show(value: unknown): string {
  if (value === undefined) return "";
  if (!(value instanceof Error)) return JSON.stringify(value);
  const details = Object.entries(value).map(([name, detail]) => [
    name,
    detail instanceof Error ? detail.message : detail,
  ]);
  return JSON.stringify({
    error: value.message,
    ...Object.fromEntries(details),
  });
}

/** The scenario's stage for npm's client. */
function npmStage(
  url: string,
  options: object,
  write: (line: string) => void,
): Stage {
  const transport: Any = npmTransport(url);
  const client: Any = npmClient({ transport, ...options });
  const feeds: Any[] = [];
  const listen = (emitter: Any, name: string, events: string[]) => {
    for (const event of events) {
      emitter.on(
        event,
        (...args: unknown[]) =>
          write([`app ${name}.${event}`, ...args.map(show)].join(" ")),
      );
    }
  };
  listen(client, "client", [
    "connecting",
    "connect",
    "disconnect",
    "badServerMessage",
    "badClientMessage",
    "transportError",
  ]);
  return {
    client,
    feeds,
    transport,
    open(name: string, args = {}) {
      const feed = client.feed(name, args);
      feeds.push(feed);
      listen(feed, `feed${feeds.length}`, [
        "opening",
        "open",
        "close",
        "action",
      ]);
      feed.desireOpen();
    },
    act(name: string, args = {}) {
      client.action(
        name,
        args,
        (...args: unknown[]) =>
          write([`app callback(${name})`, ...args.map(show)].join(" ")),
      );
    },
    note: write,
  } as Any;
}

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
