/** Rooms of the edge route that this runtime serves, each with a backend of its own. */
import type { ConnectResponse } from "../../../types.ts";
import { assertEquals } from "../../kit/assert.ts";
import { until } from "../../kit/wait.ts";
import type { Test } from "../suite.ts";

/** Connects to a room of the edge. */
export async function connect(
  { edge }: Test,
  room: string,
): Promise<ConnectResponse> {
  const answer = await fetch(`${edge}/rooms/${room}/connect`, {
    method: "POST",
  });
  return await answer.json();
}

/** Has the backend of a room end by itself. */
export async function leave(
  { edge }: Test,
  room: string,
  code = 0,
): Promise<void> {
  const answer = await fetch(`${edge}/rooms/${room}/backend/exit?code=${code}`);
  assertEquals(await answer.text(), "ends");
}

/** The room of all cases that leave its backend as it was. */
export const shared = ({ run }: Test) => `${run}-proxy`;

/** Asks the backend of that room. */
export const ask = (t: Test, path: string, init?: RequestInit) =>
  fetch(`${t.edge}/rooms/${shared(t)}/backend/${path}`, init);

/** What the backend counted so far. */
export async function counts(
  t: Test,
): Promise<{ left: number; hits: number; closed: [number, string][] }> {
  return await (await ask(t, "counts")).json();
}

/** Waits until the platform knows that a backend has ended. */
export async function ended(statusUrl: string): Promise<void> {
  await until(async () => {
    const answer = await fetch(statusUrl);
    return (await answer.json()).status === "terminated";
  }, "it has ended");
}
