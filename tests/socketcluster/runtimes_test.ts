/** The same cases in Deno, Bun, Node, workerd and Chromium, against a real server. */
import { assert, assertEquals } from "@std/assert";
import workerd from "workerd";
import { inChromium } from "../chromium.ts";
import { config } from "../config.ts";
import { conform, expected } from "./conformance.ts";
import { Peer } from "./peer.ts";

async function output(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert(success, text(stderr));
  return text(stdout).trim();
}

/** The first of these commands that is here, and new enough. */
async function find(
  commands: (string | undefined)[],
  oldest: number,
): Promise<string | undefined> {
  for (const command of commands) {
    if (!command) continue;
    try {
      const version = await output(command, ["--version"]);
      if (parseInt(version.replace("v", "")) >= oldest) return command;
    } catch {
      // It is not here.
    }
  }
  return undefined;
}

/** The cases as one file for any runtime; `call` is what it does with them. */
async function bundle(
  call: (conform: string) => string,
): Promise<{ path: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  const cases = new URL("conformance.ts", import.meta.url);
  await Deno.writeTextFile(
    `${folder}/main.ts`,
    `import { conform } from "${cases}";\n${call("conform")}`,
  );
  const path = `${folder}/main.mjs`;
  await output(Deno.execPath(), [
    "bundle",
    "--quiet",
    "--platform=browser",
    `--config=${config}`,
    `--output=${path}`,
    `${folder}/main.ts`,
  ]);
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

Deno.test("runtimes - Deno", async () => {
  await using peer = await Peer.start();
  assertEquals(await conform(peer.port) as typeof expected, expected);
});

const runtimes = {
  Bun: await find(["bun"], 1),
  // The first version with a WebSocket of its own is 22.
  Node: await find([Deno.env.get("FEEDLINE_NODE"), "node"], 22),
};

for (const [name, command] of Object.entries(runtimes)) {
  Deno.test({
    name: `runtimes - ${name}${command ? "" : " (skipped: not here)"}`,
    ignore: !command,
    async fn() {
      await using peer = await Peer.start();
      await using program = await bundle((conform) =>
        `console.log(JSON.stringify(await ${conform}(${peer.port})));`
      );
      // It ends by itself: nothing keeps the process.
      const text = await output(command!, [program.path]);
      assertEquals(JSON.parse(text), expected);
    },
  });
}

inChromium("runtimes - Chromium", async (browser) => {
  await using peer = await Peer.start();
  await using program = await bundle((conform) =>
    `globalThis.result = ${conform}(${peer.port});`
  );
  const page = await browser.newPage();
  await page.addScriptTag({
    type: "module",
    content: await Deno.readTextFile(program.path),
  });
  await page.waitForFunction("globalThis.result");
  assertEquals(await page.evaluate("globalThis.result"), expected);
});

Deno.test("runtimes - workerd", async () => {
  await using peer = await Peer.start();
  await using program = await bundle((conform) =>
    `export default { fetch: async () => Response.json(await ${conform}(${peer.port})) };`
  );
  const settings = `${program.path}.capnp`;
  // workerd reaches public addresses only, unless told otherwise.
  await Deno.writeTextFile(
    settings,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "client", worker = .client),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "client")],
);
const client :Workerd.Worker = (
  modules = [(name = "main.mjs", esModule = embed "main.mjs")],
  compatibilityDate = "2026-10-01",
  compatibilityFlags = ["no_nodejs_compat", "no_nodejs_compat_v2"],
  globalOutbound = "internet",
);
`,
  );
  const child = new Deno.Command(
    (workerd as unknown as { default: string }).default,
    {
      args: ["serve", "--control-fd=1", settings],
      stdout: "piped",
      stderr: "null",
    },
  ).spawn();
  const reader = child.stdout.getReader();
  try {
    let said = "";
    let port: string | undefined;
    while (!port) {
      said += new TextDecoder().decode((await reader.read()).value);
      port = /port":(\d+)/.exec(said)?.[1];
    }
    const answer = await fetch(`http://127.0.0.1:${port}`);
    const text = await answer.text();
    assert(answer.ok, text);
    assertEquals(JSON.parse(text), expected);
  } finally {
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
  }
});
