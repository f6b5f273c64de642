/** Follows a backend as a page does. */
import { deadline } from "@std/async";
import { SessionBackend } from "../../client.ts";
import type { BackendState, ConnectResponse } from "../../types.ts";

/** Starts to follow; `ended` resolves with its states. */
export function follow(answer: ConnectResponse) {
  const backend = new SessionBackend(answer);
  const states: BackendState[] = [];
  const waiting = new Map<string, () => void>();
  backend.onStatus((state) => {
    states.push(state);
    waiting.get(state.status)?.();
  });
  const reached = (status: string) =>
    deadline(
      new Promise<void>((resolve) => {
        if (states.some((state) => state.status === status)) resolve();
        else waiting.set(status, resolve);
      }),
      30_000,
    );
  const ended = reached("terminated").then(async () => {
    await backend[Symbol.asyncDispose]();
    return states;
  });
  return { reached, ended };
}
