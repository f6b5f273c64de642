/**
 * React Native: its Babel preset takes what pages load, and the result runs without what
 * its runtime lacks.
 */
import { assert, assertEquals } from "@std/assert";
import { domException } from "../../net/dom_exception.ts";
import { isTimeout } from "../../net/shape.ts";
import { bundle } from "../kit/bundle.ts";
import { config } from "../kit/config.ts";
import { servePage } from "../kit/page_server.ts";
import { folder } from "../kit/program.ts";
import { SocketClusterServer } from "../kit/socketcluster_server.ts";

/** What a program prints. */
async function output(
  command: string,
  args: string[],
  input?: Uint8Array,
): Promise<string> {
  const child = new Deno.Command(command, {
    args,
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (input !== undefined) {
    await ReadableStream.from([input]).pipeTo(child.stdin);
  }
  const { success, stdout, stderr } = await child.output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("React Native - its preset compiles the clients, and they connect without what it lacks", async () => {
  const compiled = await output(Deno.execPath(), [
    "run",
    "-A",
    "--no-lock",
    `--config=${config}`,
    "tests/publish/react_native_compile.mjs",
  ], await bundle("mod.ts"));
  // Its runtime has neither; the preset writes them as functions.
  assert(!/\basync function|\bstatic\s*\{/.test(compiled));
  await using made = await folder({ "feedline.cjs": compiled });
  await using server = servePage({});
  await using cluster = await SocketClusterServer.start();
  const said = JSON.parse(
    await output(Deno.execPath(), [
      "run",
      "-A",
      "--no-config",
      "tests/publish/react_native_app.cjs",
      `${made.path}/feedline.cjs`,
      server.feedmeUrl,
      String(cluster.port),
    ]),
  );
  assertEquals(said, { lines: ["milk"], echoed: [1, 2], phase: "destroyed" });
});

Deno.test("React Native - an error for a timeout has its name without DOMException", () => {
  const before = globalThis.DOMException;
  assert(isTimeout(domException("m", "TimeoutError")));
  assertEquals(domException("m", "TimeoutError").constructor, before);
  Reflect.deleteProperty(globalThis, "DOMException");
  try {
    const error = domException("m", "TimeoutError");
    assert(isTimeout(error));
    assertEquals([error.name, error.message], ["TimeoutError", "m"]);
    assertEquals(error.constructor, Error);
  } finally {
    Object.defineProperty(globalThis, "DOMException", {
      value: before,
      configurable: true,
      writable: true,
    });
  }
});
