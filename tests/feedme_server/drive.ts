/**
 * Plays a recorded scenario to a client of this library's server and compares
 * what the application saw, and what crossed the wire, with the recording.
 */
import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import type { FeedmeDialect } from "../../feed/feedme/server/served_socket.ts";
import { type Scenario, SCENARIOS } from "../feedme/scenarios.ts";
import type { Stage } from "../feedme/stage.ts";
import { startRecordedServer } from "./recorded_server.ts";

const PATIENCE = 10_000;

/** Makes the application of a scenario with some client. */
export type MakeStage = (
  url: string,
  options: object,
  write: (line: string) => void,
) => Stage;

/** Those that have a recording and need no server that goes away. */
export const scenarios: Scenario[] = SCENARIOS.filter(({ only }) =>
  only !== "replay"
);

/** Without what differs between runs and libraries. */
function plain(line: string): string {
  return line.replace(/"(parseError|transportError)":"[^"]*"/g, '"$1":"?"')
    .replace(/"ClientId":"[^"]*"/g, '"ClientId":"?"')
    .replace(/"(wsCode|wsReason)":("[^"]*"|\d+),?/g, "");
}

export async function play(
  scenario: Scenario,
  dialect: FeedmeDialect,
  makeStage: MakeStage,
  expected: string[],
  npm = false,
): Promise<void> {
  await using server = startRecordedServer(scenario, dialect);
  const log: string[] = [];
  const options = {
    connectRetryMs: 60,
    connectRetryBackoffMs: 0,
    ...scenario.options,
  };
  const write = (line: string) => void log.push(line);
  const stage = makeStage(server.url, options, write);

  const recorded = expected.filter((line) => line.startsWith("S>C "));
  let [seenApp, seenWire] = [0, 0];
  // A cue waits for something the application saw, or that crossed.
  const seen = async (part: string) => {
    const onWire = /^[CS]>[CS]|^"/.test(part);
    const lines = onWire ? server.frames : log;
    for (let waited = 0; waited < PATIENCE; waited += 5) {
      const index = lines.findIndex((line, index) =>
        index >= (onWire ? seenWire : seenApp) && `${line}\n`.includes(part)
      );
      if (index >= 0) {
        if (onWire) seenWire = index + 1;
        else seenApp = index + 1;
        return;
      }
      await delay(5);
    }
    throw new Error(
      `no ${part} in\n${log.join("\n")}\n${server.frames.join("\n")}`,
    );
  };
  for (const cue of scenario.cues) {
    // 0.0.35 tells less with "open" and has other words for some errors.
    if (cue.after !== "start") {
      await seen(npm ? cue.after.replace(/\.open $/, ".open\n") : cue.after);
    }
    // What was sent has to arrive before somebody does something about it.
    await delay(20);
    cue.app?.(stage);
    for (const command of cue.server ?? []) server.order(command);
    if (scenario.wire?.inject && cue.after.includes("client.connect\n")) {
      for (const frame of recorded.slice(1)) server.inject(frame.slice(4));
    }
  }
  const lines = (prefix: string) =>
    expected.filter((line) => line.startsWith(prefix)).map(plain);
  const app = lines("app ");
  for (let waited = 0; log.length < app.length && waited < 2_000; waited += 5) {
    await delay(5);
  }
  await delay(20);
  const sent = server.frames.map(plain);
  if (!npm) {
    await stage.client[Symbol.asyncDispose]();
  }
  assertEquals(log.map(plain), app, "what the application saw");
  const of = (prefix: string, list: string[]) =>
    list.filter((line) => line.startsWith(prefix)).map((line) => {
      try {
        return JSON.parse(line.slice(4));
      } catch {
        return line;
      }
    });
  assertEquals(of("C>S ", sent), of("C>S ", lines("C>S ")), "client's frames");
  assertEquals(of("S>C ", sent), of("S>C ", lines("S>C ")), "server's frames");
}
