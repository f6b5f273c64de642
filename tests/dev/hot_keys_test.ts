/** Keys in the terminal, and the lines of requests there. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { press } from "../../session/dev/hot_keys.ts";
import { jsonLine } from "../../session/dev/json_lines.ts";
import type { DevEvent } from "../../session/dev/mod.ts";
import { findProgram } from "../../session/dev/process.ts";
import { Terminal } from "../../session/dev/terminal.ts";
import { until } from "../kit/wait.ts";
import { connect, ECHO, platform, states } from "./helpers.ts";

function terminal(): { lines: string[]; terminal: Terminal } {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  return { lines, terminal: new Terminal({ write, color: false }) };
}

Deno.test("dev keys - open, list, restart, quit, and nothing for any other", async () => {
  await using dev = await platform();
  const { lines, terminal: own } = terminal();
  const opened: string[] = [];
  let ended = 0;
  const context = {
    platform: dev,
    terminal: own,
    end: () => void ended++,
    open: (url: string) => {
      opened.push(url);
      return Promise.resolve();
    },
  };
  for (const key of ["x", "\x1b", "o", "l"]) await press(key, context);
  assertEquals(opened, [dev.apiUrl]);
  assertMatch(lines.at(-1)!, /no backend runs$/);

  const first = await connect(dev, { key: "doc" });
  await states(first.status_url, "ready");
  await press("l", context);
  assertMatch(lines.at(-1)!, /doc \w{4} {2}ready, process \d+, 0 connections$/);
  await press("r", context);
  const [old, next] = dev.backends;
  assertEquals(old!.states.at(-1)!.status, "terminated");
  assertEquals([next!.key, dev.backends.length], ["doc", 2]);
  assert(lines.some((line) => line.endsWith("restarting 1 backend")));
  await press("q", context);
  assertEquals(ended, 1);
});

/** Python makes the terminal. */
const hasPython = findProgram("python3", ".") !== undefined;
const able = Deno.build.os !== "windows" && (hasPython || Deno.env.has("CI"));

Deno.test({
  name:
    `dev keys - in a real terminal, l lists and q quits; Ctrl-C stays a signal${
      able ? "" : " (skipped: no Python or no such terminal here)"
    }`,
  ignore: !able,
  async fn() {
    const mod = fileURLToPath(
      new URL("../../session/dev/mod.ts", import.meta.url),
    );
    const config = fileURLToPath(
      new URL("../../deno.tests.json", import.meta.url),
    );
    const command = [
      Deno.execPath(),
      "run",
      "-A",
      "--config",
      config,
      mod,
      "--port",
      "0",
      "--proxy-port",
      "0",
      fileURLToPath(ECHO),
    ];
    for (const last of ["q", "\x03"]) {
      const child = new Deno.Command("python3", {
        args: [
          "-c",
          "import pty, sys, os; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))",
          ...command,
        ],
        env: { NO_COLOR: "1" },
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      let output = "";
      const reading = (async () => {
        for await (
          const text of child.stdout.pipeThrough(new TextDecoderStream())
        ) output += text;
      })();
      const keyboard = child.stdin.getWriter();
      const type = (text: string) =>
        keyboard.write(new TextEncoder().encode(text));
      await until(() => output.includes("q to quit"), "the start");
      await type("l");
      await until(() => output.includes("no backend runs"), "the list");
      await type(last);
      const { code } = await child.status;
      await reading;
      await keyboard.close().catch(() => {});
      assertEquals(code, 0, output);
    }
  },
});

Deno.test("dev requests - one line each in the terminal and as JSON, only if asked for", async () => {
  for (const logRequests of [true, false]) {
    const { lines, terminal: own } = terminal();
    const json: string[] = [];
    await using dev = await platform({
      logRequests,
      onEvent(event: DevEvent) {
        if (event.type !== "request") return;
        own.show(event);
        json.push(jsonLine(event, new Date(0)));
      },
    });
    const { url, token } = await connect(dev, { key: "doc", user: "Ada" });
    await (await fetch(`${url}a?token=sesame`, { method: "PUT" })).text();
    await (await fetch(`${dev.proxyUrl}/nonsense`)).text();
    if (!logRequests) {
      assertEquals(lines, []);
      continue;
    }
    await until(() => lines.length === 2, "both lines");
    assertMatch(
      lines[0]!,
      /^\d\d:\d\d:\d\d doc \w{4} {2}→ PUT \/a\?token=••• 200 \d+ ms Ada$/,
    );
    assertMatch(
      lines[1]!,
      /^\d\d:\d\d:\d\d → GET \(token refused\) 401 \d+ ms$/,
    );
    const { ms, backend, ...rest } = JSON.parse(json[0]!);
    assertEquals([typeof ms, typeof backend], ["number", "string"]);
    assertEquals(rest, {
      time: "1970-01-01T00:00:00.000Z",
      event: "request",
      key: "doc",
      user: "Ada",
      method: "PUT",
      path: "/a?token=•••",
      status: 200,
    });
    assert(!json.join().includes(token));
  }
});
