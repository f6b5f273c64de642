/** The demo on a machine whose requests go through a company's HTTP proxy. */
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { until } from "../kit/wait.ts";

const DEMO = fileURLToPath(new URL("../../examples/demo.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.npm.json", import.meta.url));
/** The same sources as this test, whichever configuration it runs with. */
const config = await Deno.stat(CONFIG).then(
  () => ["--config", CONFIG],
  () => [],
);

Deno.test("demo - behind a company's proxy a board opens, and ends with the demo", async () => {
  const asked: string[] = [];
  await using proxy = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      asked.push(request.url);
      return new Response("blocked", { status: 403 });
    },
  );
  const address = `http://127.0.0.1:${proxy.addr.port}`;
  const demo = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", ...config, DEMO, "0"],
    env: {
      HTTP_PROXY: address,
      http_proxy: address,
      NO_PROXY: "",
      no_proxy: "",
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
    },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let output = "";
  const reading = (async () => {
    for await (
      const text of demo.stdout.pipeThrough(new TextDecoderStream())
    ) output += text;
  })();
  try {
    await until(() => output.includes("Ctrl-C"), "the start");
    const url = /Open (\S+) in two tabs/.exec(output)![1]!;
    const key = `proxy-${crypto.randomUUID()}`;
    const response = await fetch(`${url}/boards/${key}/connect`, {
      method: "POST",
      headers: { origin: url },
    });
    assertEquals(response.status, 200);
    const { url: backend } = await response.json();
    const notes = await fetch(backend);
    assertEquals(await notes.json(), { notes: 0, people: 0 });
    assertEquals(asked, []);
    demo.kill("SIGTERM");
    assertEquals((await demo.status).code, 0);
  } finally {
    try {
      demo.kill("SIGKILL");
    } catch {
      // Ended already.
    }
    await demo.status;
    await reading;
  }
});
