/** `feedline.json`: what it sets, and what the command says to a mistake in it. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { parseCommandLine } from "../../session/dev/cli.ts";
import { DevPlatformError } from "../../session/dev/mod.ts";
import { FILE_SECTIONS } from "../../session/dev/options.ts";
import { SCHEMA, schemaText } from "../../tools/schema.ts";
import { TextLineStream } from "../kit/lines.ts";
import { folder } from "../kit/program.ts";
import { connect, ECHO, LISTEN } from "./helpers.ts";

const MOD = fileURLToPath(new URL("../../session/dev/mod.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.tests.json", import.meta.url));
/** The same sources as this test, whichever configuration it runs with. */
const config = await Deno.stat(CONFIG).then(
  () => ["--config", CONFIG],
  () => [],
);

/** The command in a folder. */
function command(cwd: string, args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", ...config, MOD, ...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Starts the command in a folder; its API, until it is disposed of. */
async function start(cwd: string, args: string[] = []) {
  const child = command(cwd, args).spawn();
  const stderr = new Response(child.stderr).text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  let apiUrl: string | undefined;
  while (apiUrl === undefined) {
    const { value, done } = await lines.read();
    if (done) throw new Error(`it ended: ${await stderr}`);
    apiUrl = /API\s+(http:\/\/localhost:\d+)/.exec(value)?.[1];
  }
  return {
    apiUrl,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      while (!(await lines.read()).done);
      await child.status;
      await stderr;
    },
  };
}

/** A port that is free now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A file with `feedline.json` as data. */
const file = (data: unknown) => ({ "feedline.json": JSON.stringify(data) });

Deno.test("feedline.json - the dev platform starts with its options, in the folder where it is", async () => {
  const port = freePort();
  await using app = await folder({
    ...file({
      $schema: "./feedline.schema.json",
      dev: {
        command: [Deno.execPath(), "eval", answer("GREETING")],
        env: { GREETING: "from the file", OTHER: "kept" },
        port,
        "proxy-port": 0,
      },
      serve: { image: "my/rooms:3", port: 1 },
    }),
  });
  await using dev = await start(app.path);
  assertEquals(dev.apiUrl, `http://localhost:${port}`);
  const { url } = await connect(dev);
  assertEquals(await (await fetch(url)).text(), "from the file");
});

Deno.test("feedline.json - an argument wins over it, and --config names another", async () => {
  await using app = await folder({
    ...file({ dev: { module: "./no-such.ts", port: 1 } }),
    "other.json": JSON.stringify({
      dev: {
        command: [Deno.execPath(), "eval", answer("GREETING", "OTHER")],
        env: { GREETING: "from the file", OTHER: "kept" },
        port: 1,
        "proxy-port": 1,
      },
    }),
  });
  await using dev = await start(app.path, [
    "dev",
    "--config=other.json",
    "--port=0",
    "--proxy-port=0",
    "--env=GREETING=given",
  ]);
  const { url } = await connect(dev);
  assertEquals(await (await fetch(url)).text(), "given, kept");
  await using module = await start(app.path, [
    "--port=0",
    "--proxy-port=0",
    fileURLToPath(ECHO),
  ]);
  const echo = await connect(module);
  assertEquals((await (await fetch(echo.url)).json()).path, "/");
});

/** A backend that answers with variables of its environment. */
function answer(...names: string[]): string {
  const values = names.map((name) => `Deno.env.get("${name}")`);
  return LISTEN.replace('"ok"', `[${values}].join(", ")`);
}

Deno.test("feedline.json - a mistake in it ends the command with one line and exit code 2", async () => {
  const secret = "s3cret-value";
  const cases: [text: string, message: RegExp, args?: string[]][] = [
    [
      '{\n  "dev": { "port": 1 },\n}\n',
      /^feedline\.json: not valid JSON at line 3, column 1: Expected .*$/,
    ],
    [`{ "dev": ${secret}`, /^feedline\.json: not valid JSON.*$/],
    ["[]", /^feedline\.json: must contain one JSON object$/],
    [
      '{ "dev": { "prot": 1 } }',
      /^feedline\.json: unknown key "dev\.prot"; did you mean "dev\.port"\?$/,
    ],
    [
      '{ "serv": {} }',
      /^feedline\.json: unknown key "serv"; did you mean "serve"\?$/,
    ],
    [
      '{ "watch": true }',
      /^feedline\.json: unknown key "watch"; move it into "dev"$/,
    ],
    [
      '{ "port": 1 }',
      /^feedline\.json: unknown key "port"; move it into "dev" or "serve"$/,
    ],
    [
      '{ "dev": { "port": "8080" } }',
      /^feedline\.json: "dev\.port" must be a port from 0 to 65535; got a string$/,
    ],
    [
      `{ "dev": { "env": { "KEY": ["${secret}"] } } }`,
      /^feedline\.json: "dev\.env" must be an object of strings; got an object$/,
    ],
    [
      '{ "dev": { "module": "a.ts", "command": ["node", "b.js"] } }',
      /^feedline\.json: "dev" must have one of module, command, not all$/,
    ],
    [
      `{ "serve": { "token": "${secret}" } }`,
      /^feedline\.json: "serve\.token" does not belong in this file, .*; set FEEDLINE_TOKEN, or name a file with "serve\.token-file"$/,
    ],
    ["{}", /^pass a module or, after --, a command to run; see --help$/],
    ["{}", /^--config: no such file: far\.json$/, ["--config", "far.json"]],
  ];
  for (const [text, message, args = []] of cases) {
    await using app = await folder({ "feedline.json": text });
    const { code, stdout, stderr } = await command(app.path, args).output();
    const said = new TextDecoder().decode(stderr);
    assertEquals(new TextDecoder().decode(stdout), "");
    assertMatch(said, /^dev: [^\n]+\n$/);
    assertMatch(said.slice("dev: ".length, -1), message);
    assert(!said.includes(secret), said);
    assertEquals(code, 2, said);
  }
});

/** What the command makes of arguments and of `feedline.json`. */
// deno-lint-ignore no-explicit-any
function parse(args: string[], data: unknown): any {
  const parsed = parseCommandLine(
    args,
    (path) => path === "feedline.json" ? JSON.stringify(data) : undefined,
  );
  assert(parsed.command === "dev" || parsed.command === "serve");
  const options = Object.entries(parsed.options)
    .filter(([, value]) => value !== undefined);
  return { ...parsed, options: Object.fromEntries(options) };
}

Deno.test("feedline.json - each kind of option", () => {
  const data = {
    dev: {
      module: "a.ts",
      args: ["x"],
      watch: true,
      grace: 1.5,
      "allow-host": ["a", "b"],
      "deno-config": "c.json",
    },
    serve: {
      image: "my/rooms",
      "token-file": "t",
      "token-lifetime": 60,
      log: "json",
      env: { A: "1", B: "2" },
    },
  };
  const dev = {
    module: "a.ts",
    args: ["x"],
    watch: true,
    grace: 1500,
    allowedHosts: ["a", "b"],
    config: "c.json",
  };
  assertEquals(parse([], data).options, dev);
  assertEquals(
    parse(["--no-watch", "--grace=2", "--allow-host=c"], data).options,
    { ...dev, watch: false, grace: 2000, allowedHosts: ["c"] },
  );
  // What is run is one choice, and so is its place.
  const rest = { ...dev, args: undefined, module: undefined };
  for (
    const [args, program] of [
      [["b.ts"], { module: "b.ts", args: [] }],
      [["--", "node", "b.js"], { command: ["node", "b.js"] }],
      [["--image=b"], { image: "b" }],
    ] as const
  ) {
    const expected = Object.entries({ ...rest, ...program })
      .filter(([, value]) => value !== undefined);
    assertEquals(parse([...args], data).options, Object.fromEntries(expected));
  }
  assertEquals(parse(["b.ts"], { dev: { image: "a" } }).options, {
    module: "b.ts",
    args: [],
  });
  assertEquals(parse([], { dev: { image: "a" } }).options, { image: "a" });
  assertEquals(parse(["serve", "--env=B=3"], data), {
    command: "serve",
    options: {
      image: "my/rooms",
      tokenLifetime: 60_000,
      env: { A: "1", B: "3" },
    },
    tokenFile: "t",
    log: "json",
  });
});

Deno.test("feedline.json - a value of another type is refused by the name of its key, and by the schema", () => {
  const schema = z.fromJSONSchema(JSON.parse(schemaText()));
  let count = 0;
  for (const [section, options] of Object.entries(FILE_SECTIONS)) {
    for (const name of Object.keys(options)) {
      for (const wrong of [null, {}, [], "", 70_000.5, true, { a: 1 }, [1]]) {
        const data = { [section]: { [name]: wrong } };
        let message = "";
        try {
          parse([section], data);
        } catch (error) {
          message = (error as Error).message;
        }
        const refused = message.startsWith(
          `feedline.json: "${section}.${name}" must be `,
        );
        assertEquals(
          schema.safeParse(data).success,
          !refused,
          JSON.stringify(data),
        );
        if (refused) count++;
      }
      assertThrows(
        () => parse([section], { [section]: { [name]: null } }),
        DevPlatformError,
        `feedline.json: "${section}.${name}" must be `,
      );
    }
  }
  assert(count > 100, `${count} refusals`);
  for (
    const data of [{ dev: { prot: 1 } }, { port: 1 }, { serve: { token: "" } }]
  ) {
    assert(!schema.safeParse(data).success, JSON.stringify(data));
  }
  for (const name of ["__proto__", "constructor", "toString"]) {
    assertThrows(
      () => parseCommandLine(["a.ts"], () => `{ "dev": { "${name}": "a" } }`),
      DevPlatformError,
      `unknown key "dev.${name}"`,
    );
  }
  assertThrows(
    () => parseCommandLine(["--config=deno.json"], () => '{ "tasks": {} }'),
    DevPlatformError,
    "pass Deno's configuration file with --deno-config",
  );
});

Deno.test("feedline.json - help needs no file without mistakes", () => {
  for (const args of [["--help"], ["serve", "--help"], ["--version"]]) {
    assertEquals(parseCommandLine(args, () => "{").command, "help");
  }
});

Deno.test("feedline.json - its schema is up to date: deno task schema writes it", async () => {
  assertEquals(await Deno.readTextFile(SCHEMA), schemaText());
  assertEquals(
    JSON.parse(schemaText()).properties.dev.properties.port,
    {
      type: "integer",
      minimum: 0,
      maximum: 65_535,
      description:
        "port of the API and the page; 0 lets the system choose (default 8080)",
    },
  );
});
