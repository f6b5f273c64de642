/** `list`, `logs`, `terminate` and `open`, at a platform that runs. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { Jamsocket } from "../../server.ts";
import { main } from "../../session/dev/cli.ts";
import { DevPlatformError } from "../../session/dev/mod.ts";
import { isOrder, parseOrder, runOrder } from "../../session/dev/orders.ts";
import { VERSION } from "../../session/dev/version.ts";
import { until } from "../kit/wait.ts";
import { code, LISTEN, platform } from "./helpers.ts";

/** Runs a command: the lines that it prints. */
async function run(apiUrl: string, line: string): Promise<string[]> {
  const [name, ...args] = line.split(" ");
  assert(isOrder(name));
  const order = parseOrder(name, [...args, "--url", apiUrl]);
  const lines: string[] = [];
  await runOrder(order!, (line) => lines.push(line));
  return lines;
}

Deno.test("orders - list, logs, open and terminate a backend by its key", async () => {
  await using dev = await platform(code(
    `console.log("hello from", Deno.env.get("SESSION_BACKEND_KEY")); ${LISTEN}`,
  ));
  const { apiUrl } = dev;
  assertEquals(await run(apiUrl, "list"), ["no backend runs"]);
  const jamsocket = new Jamsocket({ apiUrl });
  const { backend_id } = await jamsocket.connect({ key: "room-1" });
  await until(async () =>
    (await jamsocket.status(backend_id)).status === "ready"
  );

  const [head, row, ...more] = await run(apiUrl, "list");
  assertMatch(head!, /^KEY\s+STATUS\s+SINCE\s+ID$/);
  assertMatch(row!, new RegExp(`^room-1\\s+ready\\s+20\\S+\\s+${backend_id}$`));
  assertEquals(more, []);
  const [json] = await run(apiUrl, "list --json");
  assertEquals(JSON.parse(json!).key, "room-1");

  const [url] = await run(apiUrl, "open room-1 --json");
  assertEquals(await (await fetch(JSON.parse(url!).url)).text(), "ok");

  await until(async () => (await run(apiUrl, "logs room-1")).length > 0);
  const printed = await run(apiUrl, "logs room-1");
  assert(printed.some((line) => line.startsWith("hello from")), printed.join());
  assertEquals(await run(apiUrl, `logs ${backend_id}`), printed);

  const following = run(apiUrl, "logs room-1 --follow --json");
  assertEquals(await run(apiUrl, "terminate room-1 --hard"), []);
  const followed = (await following).map((line) => JSON.parse(line));
  assert(followed.some(({ text }) => text.startsWith("hello from")));
  await until(async () => (await run(apiUrl, "list"))[0] === "no backend runs");
});

Deno.test("orders - what is wrong is named, with the next step", async () => {
  await using dev = await platform(code(LISTEN));
  const jamsocket = new Jamsocket({ apiUrl: dev.apiUrl });
  await jamsocket.connect({ key: "room-1" });
  await jamsocket.connect({ key: "\x1b[2Jroom\n2" });
  const listed = await run(dev.apiUrl, "list");
  assertEquals(listed.length, 3);
  // deno-lint-ignore no-control-regex
  assertEquals(/[\x00-\x1f]/.test(listed.join("")), false, "a hostile key");
  for (
    const [line, message] of [
      ["terminate room1", /holds the key "room1"; did you mean "room-1"\?/],
      ["open other", /holds the key "other"; see list/],
      ["logs other", /holds the key "other"; see list/],
    ] as const
  ) {
    const error = await assertRejects(
      () => run(dev.apiUrl, line),
      DevPlatformError,
    );
    assertMatch(error.message, message);
  }
  // Nothing answers there.
  const error = await assertRejects(
    () => run("http://localhost:1", "list"),
    DevPlatformError,
  );
  assertMatch(error.message, /http:\/\/localhost:1/);
  for (
    const [args, message] of [
      [["terminate"], /pass the key of one backend: terminate <key>/],
      [["list", "room-1"], /list takes no key/],
      [["list", "--jsno"], /did you mean --json\?/],
      [["list", "--url", "localhost"], /--url must be an http:/],
      [["list", "--port", "x"], /--port must be a port/],
    ] as const
  ) {
    const [name, ...rest] = args;
    assert(isOrder(name));
    const error = assertThrows(() => parseOrder(name, rest), DevPlatformError);
    assertMatch(error.message, message);
  }
});

Deno.test("orders - the port in feedline.json counts, unless the arguments say where", () => {
  const asked = (text: string | undefined, ...args: string[]) =>
    parseOrder("list", args, () => text)!.apiUrl;
  const dev = '{ "dev": { "port": 8180 }, "serve": { "port": 80 } }';
  assertEquals(asked(dev), "http://localhost:8180");
  assertEquals(asked('{ "serve": { "port": 8081 } }'), "http://localhost:8081");
  assertEquals(asked('{ "dev": {} }'), "http://localhost:8080");
  assertEquals(asked(undefined), "http://localhost:8080");
  assertEquals(asked(dev, "--port", "8282"), "http://localhost:8282");
  assertEquals(asked(dev, "--url", "http://h:1/"), "http://h:1");
  assertThrows(() => asked("{"), DevPlatformError, "feedline.json");
});

Deno.test("orders - help, version and exit codes", async () => {
  const { log, error } = console;
  const printed: string[] = [];
  console.log = console.error = (text) => void printed.push(text);
  try {
    assertEquals(await main(["--version"]), 0);
    assertEquals(await main(["list", "--help"]), 0);
    assertEquals(await main(["terminate"]), 2);
  } finally {
    Object.assign(console, { log, error });
  }
  const config = new URL("../../deno.json", import.meta.url);
  const { version } = JSON.parse(await Deno.readTextFile(config));
  assertEquals([printed[0], VERSION], [version, version]);
  assertMatch(printed[1]!, /dev logs <key>/);
  assertEquals(
    printed[2],
    "terminate: pass the key of one backend: terminate <key>",
  );
});
