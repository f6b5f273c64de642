/** How the gate counts what passes, and ends it, with the response of a backend as a literal. */
import { assertEquals, assertRejects } from "@std/assert";
import { createGate, Gate } from "../../session/gate.ts";

const KEY = { id: "k1", secret: "0123456789abcdef0123456789abcdef" };
const WHO = { backendId: "b1", user: "ada" };

/** Requests through a gate, whose backend sends `answer`. */
async function start(gate: Gate, answer: () => Response) {
  let reached = 0;
  const app = createGate({
    gate,
    reach: () => {
      reached++;
      const fetch = () => Promise.resolve().then(answer);
      return Promise.resolve({ origin: "http://backend", fetch });
    },
  });
  const { token } = await gate.issue(WHO);
  return {
    get: async () => await app.request(`/${token}/`),
    reached: () => reached,
  };
}

Deno.test("gate - access that is revoked while a token is read reaches no backend", async () => {
  const gate = new (class extends Gate {
    override async admit(path: string) {
      const admission = await super.admit(path);
      this.revoke({ user: "ada" });
      return admission;
    }
  })({ keys: [KEY] });
  const { get, reached } = await start(gate, () => new Response("secret"));
  assertEquals([(await get()).status, reached()], [410, 0]);
});

Deno.test("gate - what is over no longer counts", async () => {
  const gate = new Gate({ keys: [KEY] });
  const answers: (() => Response)[] = [
    () => new Response(null, { status: 204 }),
    () => {
      throw new TypeError("unreachable");
    },
  ];
  for (const answer of answers) {
    await (await (await start(gate, answer)).get()).body?.cancel();
    assertEquals(gate.connections("b1"), 0);
  }
  const response = await (await start(gate, () => new Response("whole"))).get();
  assertEquals(gate.connections("b1"), 1);
  await response.text();
  assertEquals(gate.connections("b1"), 0);
});

Deno.test("gate - a revoked body breaks off, unless it is a stream of events", async () => {
  for (
    const [type, complete] of [
      ["application/octet-stream", false],
      ["text/event-stream", true],
    ] as const
  ) {
    const gate = new Gate({ keys: [KEY] });
    const endless = () =>
      new Response(new ReadableStream(), { headers: { "content-type": type } });
    const response = await (await start(gate, endless)).get();
    const text = response.text();
    gate.revoke({ user: "ada" });
    if (complete) assertEquals(await text, "");
    else await assertRejects(() => text, Error, "revoked");
    assertEquals(gate.connections("b1"), 0);
  }
});
