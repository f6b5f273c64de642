/** `SessionBackend`, from the answer of this runtime's edge route on. */
import { SessionBackend } from "../../../client.ts";
import type { ConnectResponse } from "../../../types.ts";
import { same } from "../check.ts";
import type { Area, Test } from "../suite.ts";

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

export const sessionBackend: Area = {
  name: "SessionBackend",
  cases: {
    async "it becomes ready"(t) {
      await using backend = new SessionBackend(
        await connect(t, t.name("room")),
      );
      await backend.ready({ timeout: 15_000 });
      same(backend.isReady(), true);
    },
  },
};
