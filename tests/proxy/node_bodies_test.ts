/**
 * What Node's `fetch` does to the bodies of responses, and the edge with it.
 *
 * It cuts off silent ones; the lines of the quick start decide after how long. The limit of five
 * minutes itself is not waited for: a short one shows that the edge's requests obey
 * these lines, and 0 that they lift it.
 *
 * It also cancels a body that is not yet read when its response is garbage-collected.
 */
import { assertEquals, assertRejects } from "@std/assert";
import { startProgram } from "../kit/program.ts";
import { requireRuntime } from "../kit/runtimes.ts";
import { bundled } from "./platform.ts";

const quickStart = await Deno.readTextFile(
  new URL("../../docs/quick-start.md", import.meta.url),
);

for (const node of ["node22", "node24", "node"] as const) {
  Deno.test(`the documented limit on silent bodies counts for the edge on ${node}`, async () => {
    assertEquals(
      quickStart.includes(
        "setGlobalDispatcher(new Agent({ headersTimeout: 0, bodyTimeout: 0 }));",
      ),
      true,
    );
    const path = await requireRuntime(node);
    await using program = await bundled("node_bodies");
    const read = async (limit: number, silence: number) => {
      await using edge = await startProgram(path, [
        program.file,
        `${limit}`,
      ]);
      const [port] = /\d+$/.exec(edge.said)!;
      const response = await fetch(
        `http://127.0.0.1:${port}/room/backend/?ms=${silence}`,
      );
      return await response.text();
    };
    assertEquals(await read(0, 2_000), "one two");
    await assertRejects(() => read(200, 60_000));
  });
}

for (const node of ["node22", "node24", "node"] as const) {
  Deno.test(`a response that is read late is whole on ${node}`, async () => {
    const path = await requireRuntime(node);
    await using program = await bundled("node_bodies");
    await using edge = await startProgram(path, [
      "--expose-gc",
      program.file,
      "0",
    ]);
    const [port] = /\d+$/.exec(edge.said)!;
    const response = await fetch(
      `http://127.0.0.1:${port}/room/backend/?ms=0&late`,
    );
    assertEquals(await response.text(), "one two");
  });
}

for (const node of ["node22", "node24", "node"] as const) {
  Deno.test(`a backend that does not respond within Node's own limit is late, not gone, on ${node}`, async () => {
    const path = await requireRuntime(node);
    await using program = await bundled("node_bodies");
    await using edge = await startProgram(path, [program.file, "200"]);
    const [port] = /\d+$/.exec(edge.said)!;
    const response = await fetch(
      `http://127.0.0.1:${port}/room/backend/?never`,
    );
    const { error } = await response.json();
    assertEquals([response.status, error.message], [
      504,
      "the backend did not respond within the headersTimeout of Node's fetch",
    ]);
  });
}
