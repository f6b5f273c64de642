/** The client on the runtimes that this machine has, against one server. */
import workerd from "workerd";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { inChromium } from "../chromium.ts";
import { feedMd5 } from "../../feed/feedme/digest.ts";
import { portable } from "./portable.ts";

/** A Feedme server with one feed, a counter, for one client at a time. */
function serve() {
  let n = 0;
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      if (request.headers.get("upgrade") !== "websocket") {
        return new Response("<!doctype html><title>page</title>", {
          headers: { "content-type": "text/html" },
        });
      }
      const { socket, response } = Deno.upgradeWebSocket(request, {
        protocol: "feedme",
      });
      const ref = { FeedName: "count", FeedArgs: { by: "2" } };
      const send = (message: object) => socket.send(JSON.stringify(message));
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        switch (message.MessageType) {
          case "Handshake":
            return send({
              MessageType: "HandshakeResponse",
              Success: true,
              Version: "0.1",
            });
          case "FeedOpen":
            assertEquals(message.FeedArgs, ref.FeedArgs);
            return send({
              MessageType: "FeedOpenResponse",
              ...ref,
              Success: true,
              FeedData: { n },
            });
          case "Action": {
            const { CallbackId, ActionName, ActionArgs } = message;
            if (ActionName === "drop") return socket.close(1011);
            const MessageType = "ActionResponse";
            if (ActionName !== "add") {
              return send({
                MessageType,
                CallbackId,
                Success: false,
                ErrorCode: "NO",
                ErrorData: {},
              });
            }
            n += ActionArgs.n;
            send({
              MessageType: "FeedAction",
              ...ref,
              ActionName,
              ActionData: {},
              FeedDeltas: [
                { Operation: "Increment", Path: ["n"], Value: ActionArgs.n },
              ],
              FeedMd5: feedMd5({ n }),
            });
            return send({
              MessageType,
              CallbackId,
              Success: true,
              ActionData: { done: true },
            });
          }
        }
      };
      return response;
    },
  );
  const { port } = server.addr as Deno.NetAddr;
  return {
    origin: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** `portable.ts` with all it imports. */
async function bundle(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      "--platform=browser",
      "tests/feedme/portable.ts",
    ],
    cwd: new URL("../../", import.meta.url),
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** The version of a runtime on PATH, if it is there. */
function version(command: string): string | undefined {
  try {
    const { success, stdout } = new Deno.Command(command, {
      args: ["--version"],
      stderr: "null",
    }).outputSync();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}

Deno.test("portable: Deno", async () => {
  await using server = serve();
  await portable(`ws://${server.origin}/`);
});

for (const command of ["bun", Deno.env.get("FEEDLINE_NODE") ?? "node"]) {
  const found = version(command);
  // Node has `WebSocket` since 22.
  const old = command !== "bun" && Number(found?.match(/\d+/)?.[0]) < 22;
  Deno.test({
    name: `portable: ${command.split("/").at(-1)} ${
      found ?? "(skipped: not here)"
    }${old ? " (skipped: too old)" : ""}`,
    ignore: found === undefined || old,
    async fn() {
      await using server = serve();
      const file = await Deno.makeTempFile({ suffix: ".mjs" });
      await Deno.writeTextFile(
        file,
        `${await bundle()}\nawait portable("ws://${server.origin}/");\nconsole.log("done");\n`,
      );
      const { stdout, stderr } = await new Deno.Command(command, {
        args: [file],
      }).output();
      await Deno.remove(file);
      assertEquals(
        new TextDecoder().decode(stdout).trim(),
        "done",
        new TextDecoder().decode(stderr),
      );
    },
  });
}

inChromium("portable: Chromium", async (browser) => {
  await using server = serve();
  const page = await browser.newPage();
  await page.goto(`http://${server.origin}/`);
  await page.addScriptTag({
    type: "module",
    content: `${await bundle()}\nglobalThis.portable = portable;`,
  });
  await page.waitForFunction("globalThis.portable");
  const left = await page.evaluate(
    `portable("ws://${server.origin}/").then(() => "done")`,
  );
  assert(left === "done");
});

Deno.test("portable: workerd", async () => {
  await using server = serve();
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${folder}/main.mjs`,
    `${await bundle()}
export default {
  fetch: () =>
    portable("ws://${server.origin}/").then(
      () => new Response("done"),
      (error) => new Response(error.stack),
    ),
};
`,
  );
  await Deno.writeTextFile(
    `${folder}/config.capnp`,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
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
      args: ["serve", "--control-fd=1", `${folder}/config.capnp`],
      stdout: "piped",
      stderr: "null",
    },
  ).spawn();
  const said = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await said.read();
  const [, port] = /"port":(\d+)/.exec(value!)!;
  const response = await fetch(`http://127.0.0.1:${port}/`);
  assertMatch(await response.text(), /^done$/);
  child.kill("SIGKILL");
  await said.cancel();
  await child.status;
  await Deno.remove(folder, { recursive: true });
});
