/** The sample backends of `examples/backends/`, each on its own runtime. */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath as fromFileUrl } from "node:url";
import { Jamsocket } from "../../server.ts";
import { requireRuntime, runtime } from "../kit/runtimes.ts";
import { until } from "../kit/wait.ts";
import { platform } from "./helpers.ts";

/** Where npm's runtime `name` is, or what is missing. */
async function found(name: "node" | "bun"): Promise<string | undefined> {
  if (Deno.env.has("CI")) return await requireRuntime(name);
  const found = await runtime(name);
  return "missing" in found ? undefined : found.path;
}

/** Where Python is, if it is here. */
async function python(): Promise<string | undefined> {
  const { success } = await new Deno.Command("python3", {
    args: ["--version"],
    stdout: "null",
    stderr: "null",
  }).output().catch(() => ({ success: false }));
  assert(success || !Deno.env.has("CI"), "python3 is missing");
  return success ? "python3" : undefined;
}

const SAMPLES: [
  file: string,
  runtime: string,
  command: string[] | undefined,
][] = [
  ["deno.ts", "Deno", [Deno.execPath(), "run", "--allow-net", "--allow-env"]],
  ["node.js", "Node", toCommand(await found("node"))],
  ["bun.js", "Bun", toCommand(await found("bun"))],
  ["python.py", "Python", toCommand(await python())],
];

function toCommand(path: string | undefined): string[] | undefined {
  return path === undefined ? undefined : [path];
}

for (const [file, name, command] of SAMPLES) {
  Deno.test({
    name: `samples - ${file} greets its user and saves at the end${
      command ? "" : ` (skipped: ${name} is not here)`
    }`,
    ignore: !command,
    async fn() {
      const lines: string[] = [];
      const sample = new URL(
        `../../examples/backends/${file}`,
        import.meta.url,
      );
      await using dev = await platform({
        command: [...command!, fromFileUrl(sample)],
        onEvent: (event) => {
          if (event.type === "line") lines.push(event.text);
        },
      });
      const jamsocket = new Jamsocket({
        dev: true,
        port: Number(new URL(dev.apiUrl).port),
      });
      const { url, backend_id } = await jamsocket.connect({
        key: "room",
        user: "ada",
      });
      assertEquals(
        await (await fetch(url)).text(),
        `Hello ada from ${name}\n`,
      );
      await jamsocket.terminate(backend_id);
      await until(() => lines.includes("saved"), "it saved");
    },
  });
}
