/** The command of the npm package, on a machine that has Node and npm but no Deno. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname } from "node:path";
import { Jamsocket } from "../../server.ts";
import { pack } from "../../tools/pack.ts";
import { TextLineStream } from "../kit/lines.ts";
import { folder } from "../kit/program.ts";
import { runtime } from "../kit/runtimes.ts";
import versions from "../versions.json" with { type: "json" };

const BIN = new URL("../../bin/feedline.js", import.meta.url);

const node = await runtime("node");
const npm = await new Deno.Command("npm", { args: ["--version"] }).output()
  .then(({ success }) => success, () => false);
const missing = "missing" in node
  ? node.missing
  : npm
  ? undefined
  : "npm is not here";

/** The folder of a program on the PATH. */
async function folderOf(program: string): Promise<string> {
  const { stdout } = await new Deno.Command("which", { args: [program] })
    .output();
  return dirname(new TextDecoder().decode(stdout).trim());
}

Deno.test("npx feedline - fetches the Deno that the tests run on", async () => {
  const text = await Deno.readTextFile(BIN);
  assertEquals(/VERSION = "([^"]+)"/.exec(text)?.[1], versions.deno);
});

Deno.test({
  name: `npx feedline - runs the platform without an installed Deno${
    missing ? ` (skipped: ${missing})` : ""
  }`,
  ignore: Boolean(missing) && !Deno.env.has("CI"),
  async fn() {
    if ("missing" in node) throw new Error(node.missing);
    await using app = await folder({
      "package.json": "{}",
      // What `npm init` makes of a project: its files are CommonJS.
      "backend.js": `require("node:http")
        .createServer((_, response) => response.end("hello from Node"))
        .listen(process.env.PORT);`,
    });
    await pack(`${app.path}/feedline.tgz`);
    // Folders with nothing but Node, npm and what they need.
    const bin = `${app.path}/path`;
    await Deno.mkdir(bin);
    await Deno.symlink(node.path, `${bin}/node`);
    await Deno.symlink(`${await folderOf("npm")}/npm`, `${bin}/npm`);
    for (const program of ["sh", "env"]) {
      const from = `${await folderOf(program)}/${program}`;
      await Deno.symlink(from, `${bin}/${program}`);
    }
    // The rest stays, because npm may need settings to reach its registry.
    const env = {
      PATH: bin,
      XDG_CACHE_HOME: `${app.path}/cache`,
      NO_COLOR: "1",
    };
    const install = await new Deno.Command("npm", {
      args: ["install", "--no-audit", "--no-fund", "./feedline.tgz"],
      cwd: app.path,
      env,
    }).output();
    assert(install.success, new TextDecoder().decode(install.stderr));

    /** Starts the platform, waits for its address, and returns what it said. */
    const start = async () => {
      const child = new Deno.Command(
        `${app.path}/node_modules/.bin/feedline`,
        {
          args: ["--port=0", "--proxy-port=0", "--", "node", "backend.js"],
          cwd: app.path,
          env,
          stdin: "null",
          stdout: "piped",
          stderr: "piped",
        },
      ).spawn();
      const stderr = new Response(child.stderr).text();
      const lines = child.stdout.pipeThrough(new TextDecoderStream())
        .pipeThrough(new TextLineStream()).getReader();
      let port: string | undefined;
      while (port === undefined) {
        const { value, done } = await lines.read();
        if (done) throw new Error(`it ended: ${await stderr}`);
        port = /API\s+http:\/\/localhost:(\d+)/.exec(value)?.[1];
      }
      return {
        port: Number(port),
        async end() {
          child.kill("SIGTERM");
          while (!(await lines.read()).done);
          return { ...await child.status, stderr: await stderr };
        },
      };
    };

    const first = await start();
    const jamsocket = new Jamsocket({ dev: true, port: first.port });
    const { url } = await jamsocket.connect({ key: "room" });
    assertEquals(await (await fetch(url)).text(), "hello from Node");
    const end = await first.end();
    assertMatch(end.stderr, /^Fetching Deno \S+ from npm, once \(\d+ MB\)/);
    assertEquals(end.code, 0, end.stderr);

    // Once: the next run says nothing of it.
    const second = await start();
    assertEquals((await second.end()).stderr, "");
  },
});
