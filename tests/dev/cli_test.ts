/** The command, as a process of its own, the way users run it. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import { parseCommandLine } from "../../session/dev/cli.ts";
import { exemptLoopback } from "../../session/dev/loopback.ts";
import { DevPlatformError } from "../../session/dev/mod.ts";
import { Terminal } from "../../session/dev/terminal.ts";
import {
  call,
  connect,
  ECHO,
  ended,
  isRunning,
  Peer,
  platform,
  states,
} from "./helpers.ts";
import { until } from "../kit/wait.ts";

const MOD = fileURLToPath(new URL("../../session/dev/mod.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.tests.json", import.meta.url));
/** The same sources as this test, whichever configuration it runs with. */
const config = await Deno.stat(CONFIG).then(
  () => ["--config", CONFIG],
  () => [],
);

/** The command with these arguments, on ports that the system chooses. */
class Command implements AsyncDisposable {
  readonly process: Deno.ChildProcess;
  output = "";
  readonly #reading: Promise<unknown>;

  constructor(args: string[], env: Record<string, string> = {}) {
    this.process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        ...config,
        MOD,
        "--port",
        "0",
        "--proxy-port",
        "0",
        ...args,
      ],
      env: { NO_COLOR: "1", ...env },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const read = async (stream: ReadableStream<Uint8Array>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        this.output += text;
      }
    };
    this.#reading = Promise.all([
      read(this.process.stdout),
      read(this.process.stderr),
    ]);
  }

  async started(): Promise<{ apiUrl: string }> {
    await until(() => this.output.includes("Ctrl-C"), "the start");
    return { apiUrl: /http:\/\/localhost:\d+/.exec(this.output)![0] };
  }

  async ended(): Promise<Deno.CommandStatus> {
    const status = await this.process.status;
    await this.#reading;
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.process.kill("SIGKILL");
    } catch {
      // Ended already.
    }
    await this.ended();
  }
}

const ECHO_PATH = fileURLToPath(ECHO);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const) {
  Deno.test({
    name: `dev command - no backend is left after ${signal}`,
    ignore: Deno.build.os === "windows",
    async fn() {
      await using command = new Command([ECHO_PATH]);
      const dev = await command.started();
      const pids: number[] = [];
      for (const key of ["a", "b"]) {
        const { url } = await connect(dev, { key });
        pids.push((await (await fetch(url)).json()).pid);
      }
      for (const pid of pids) assert(await isRunning(pid));
      command.process.kill(signal);
      const { code } = await command.ended();
      assertEquals(code, signal === "SIGKILL" ? 137 : 0);
      for (const pid of pids) {
        await until(async () => !await isRunning(pid), `the end of ${pid}`);
      }
    },
  });
}

Deno.test("dev command - shows output with one prefix for each backend", async () => {
  await using command = new Command([ECHO_PATH]);
  const dev = await command.started();
  const { backend_id, status_url } = await connect(dev, { key: "doc" });
  await states(status_url, "ready");
  await call(dev, `/v2/backend/${backend_id}/terminate`, { json: {} });
  await ended(status_url);
  command.process.kill("SIGTERM");
  await command.ended();
  const name = `\\d\\d:\\d\\d:\\d\\d doc ${backend_id.slice(0, 4)}  `;
  for (
    const line of [
      "○ starting process \\d+",
      "│ hello from the backend",
      "● ready after \\d+ ms",
      "◌ ending \\(external\\)",
      "○ ended after .*",
    ]
  ) assertMatch(command.output, new RegExp(`^${name}${line}$`, "m"));
  // deno-lint-ignore no-control-regex
  assert(!/\x1b/.test(command.output), "NO_COLOR");
  assert(!command.output.includes("request.signal"), command.output);
});

Deno.test("dev command - any command after --, and arguments for a module", async () => {
  const server =
    `import os,http.server as h; h.HTTPServer(("", int(os.environ["PORT"])), h.SimpleHTTPRequestHandler).serve_forever()`;
  const python = await new Deno.Command("python3", { args: ["--version"] })
    .output()
    .then(({ success }) => success, () => false);
  const args = python
    ? ["--", "python3", "-c", server]
    : ["--", Deno.execPath(), "run", "-A", ECHO_PATH];
  await using command = new Command(args);
  const dev = await command.started();
  const { url, status_url } = await connect(dev);
  await states(status_url, "ready");
  const { status, body } = await fetch(url);
  await body?.cancel();
  assertEquals(status, 200);
});

Deno.test("dev command - reports a mistake in one line", async () => {
  await using dev = await platform();
  const { port } = new URL(dev.apiUrl);
  const cases: [args: string[], message: RegExp, exitCode?: number][] = [
    [
      [ECHO_PATH, "--port", port],
      new RegExp(
        `^dev: port ${port} is in use, perhaps by another dev platform; ` +
          `choose another with --port, or 0 for any\n$`,
      ),
    ],
    [
      [ECHO_PATH, "--proxy-port", port],
      new RegExp(`^dev: port ${port} is in use.* --proxy-port, .*\n$`),
    ],
    [
      ["./no-such.ts"],
      new RegExp(
        `^dev: no such file: \\./no-such\\.ts \\(in ${
          RegExp.escape(Deno.cwd())
        }\\)\n$`,
      ),
    ],
    [
      [ECHO_PATH, "--host", "203.0.113.1"],
      /^dev: cannot listen on 203\.0\.113\.1:0: .*\n$/,
    ],
    [[ECHO_PATH, "--nonsense"], /^dev: .*--nonsense.*\n$/, 2],
  ];
  for (const [args, message, exitCode = 1] of cases) {
    await using command = new Command(args);
    const { code } = await command.ended();
    assertMatch(command.output, message);
    assertEquals(code, exitCode);
  }
});

Deno.test("dev command - arguments", () => {
  // deno-lint-ignore no-explicit-any
  const parse = (...args: string[]): any => {
    const parsed = parseCommandLine(args);
    assert(parsed.command === "dev" || parsed.command === "serve");
    return Object.fromEntries(
      Object.entries(parsed.options).filter(([, value]) => value !== undefined),
    );
  };
  assertEquals(parse("./a.ts"), { module: "./a.ts", args: [] });
  assertEquals(
    parse(
      "./a.ts",
      "--port",
      "1",
      "--proxy-port=0",
      "--watch",
      "--grace",
      "0.5",
    ),
    {
      module: "./a.ts",
      args: [],
      port: 1,
      proxyPort: 0,
      watch: true,
      grace: 500,
    },
  );
  assertEquals(parse("--watch", "a.ts", "--", "--port", "x"), {
    module: "a.ts",
    args: ["--port", "x"],
    watch: true,
  });
  assertEquals(parse("--deno-config", "c.json", "--", "npm", "start"), {
    command: ["npm", "start"],
    config: "c.json",
  });
  assertEquals(
    parse("a.ts", "--allow-host", "x", "--allow-host", "y").allowedHosts,
    ["x", "y"],
  );
  for (const args of [["--help"], ["serve", "--help"]]) {
    assertEquals(parseCommandLine(args).command, "help");
  }
  assertEquals(parse("--image", "my/rooms:3"), { image: "my/rooms:3" });
  assertEquals(parse("dev", "a.ts"), parse("a.ts"));
  assertEquals(
    parseCommandLine([
      "serve",
      "--image=my/rooms",
      "--token-file=t",
      "--log=json",
    ]).command,
    "serve",
  );
  assertEquals(
    parse(
      "serve",
      "--image=my/rooms",
      "--public-url=https://rooms.example.com",
      "--network=a",
      "--network=b",
      "--env=A=b=c",
      "--token-lifetime=60",
    ),
    {
      image: "my/rooms",
      publicUrl: "https://rooms.example.com",
      networks: ["a", "b"],
      env: { A: "b=c" },
      tokenLifetime: 60_000,
    },
  );
  for (
    const [args, message] of [
      [[], "pass a module"],
      [["--"], "pass a module"],
      [["a.ts", "b.ts"], "pass one module"],
      [["a.ts", "--port", "70000"], "--port must be a port"],
      [["a.ts", "--port", "x"], "--port must be a port"],
      [["a.ts", "--grace", "soon"], "--grace must be a number of seconds"],
      [["a.ts", "--port"], "--port"],
      [["a.ts", "--prot", "1"], "did you mean --port?"],
      [["a.ts", "--startup", "1"], "did you mean --startup-timeout?"],
      [["a.ts", "--nonsense"], "Unknown option '--nonsense'"],
      [["a.ts", "--watch=1"], "--watch"],
      [["a.ts", "--image", "b"], "--image runs the image's own command"],
      [["serve", "a.ts"], "serve runs an image"],
      [["serve", "--image", "b", "--log", "xml"], "--log must be text or json"],
      [["serve", "--image", "b", "--env", "x"], "--env must have the form"],
      [["serve", "--image", "b", "--watch"], "Unknown option '--watch'"],
    ] as const
  ) {
    const error = assertThrows(
      () => parseCommandLine(args),
      DevPlatformError,
      message,
    );
    assert(!error.message.includes("\n"));
  }
});

Deno.test("dev terminal - a hostile key or line steers nothing", () => {
  const lines: string[] = [];
  const terminal = new Terminal({
    write: (line) => lines.push(line),
    color: false,
  });
  const backend = {
    id: "abcdefghij",
    key: "\x1b[2Ja\nb".repeat(20),
    pid: 1,
    states: [{ status: "scheduled" as const, time: new Date().toISOString() }],
    connections: 0,
  };
  terminal.show({ type: "line", backend, from: "stdout", text: "x" });
  assertEquals(lines.length, 1);
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x1f]/.test(lines[0]!), JSON.stringify(lines));
  assert(lines[0]!.length < 60);
});

Deno.test("dev terminal - a program's stderr is not shown as an error", () => {
  const lines: string[] = [];
  const terminal = new Terminal({
    write: (line) => lines.push(line),
    color: true,
  });
  const backend = {
    id: "abcdefghij",
    key: undefined,
    pid: 1,
    states: [],
    connections: 0,
  };
  const text = "Listening on http://0.0.0.0:8000/";
  terminal.show({ type: "line", backend, from: "stderr", text });
  assertStringIncludes(lines[0]!, text);
  // deno-lint-ignore no-control-regex
  assert(!/\x1b\[(3|9)1m/.test(lines[0]!), "not in red");
});

Deno.test("dev command - behind a company's proxy, requests to backends stay on this machine", async () => {
  const asked: string[] = [];
  await using proxy = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      asked.push(request.url);
      return new Response("blocked", { status: 403 });
    },
  );
  const address = `http://127.0.0.1:${proxy.addr.port}`;
  await using command = new Command([ECHO_PATH], {
    HTTP_PROXY: address,
    http_proxy: address,
    ALL_PROXY: address,
    // Deno's own requests to other places are none of ours.
    DENO_NO_UPDATE_CHECK: "1",
    NO_PROXY: "",
    no_proxy: "",
  });
  const dev = await command.started();
  const { url } = await connect(dev);
  assertEquals((await (await fetch(`${url}x`)).json()).path, "/x");
  const peer = await Peer.open(url);
  await peer.next();
  peer.socket.send("hi");
  assertEquals(await peer.next(), "hi");
  await peer.close();
  assertEquals(asked, []);
});

Deno.test("dev loopback - is added to NO_PROXY if there is a proxy", () => {
  const exempted = (given: Record<string, string>) => {
    const env = new Map(Object.entries(given));
    exemptLoopback(env);
    return [env.get("NO_PROXY"), env.get("no_proxy")];
  };
  const own = "localhost,127.0.0.1,::1,[::1]";
  assertEquals(exempted({ NO_PROXY: "a" }), ["a", undefined]);
  assertEquals(exempted({ http_proxy: "http://p" }), [own, own]);
  assertEquals(
    exempted({ ALL_PROXY: "http://p", NO_PROXY: "a", no_proxy: "b" }),
    [`a,b,${own}`, `a,b,${own}`],
  );
});

Deno.test("dev terminal - a backend that failed to start shows its last output again", () => {
  const lines: string[] = [];
  const terminal = new Terminal({
    write: (line) => lines.push(line.replace(/^\S+ \S+ {2}/, "")),
    color: false,
  });
  const time = "2026-01-01T00:00:00.000Z";
  const end = {
    status: "terminated",
    time,
    termination_reason: "startuptimeout",
    termination_kind: "hard",
    exit_error: false,
  } as const;
  for (const [id, output] of [["a", 7], ["b", 0]] as const) {
    const backend = {
      id,
      key: undefined,
      pid: 1,
      states: [{ status: "scheduled" as const, time }],
      connections: 0,
    };
    for (let n = 0; n < output; n++) {
      const text = `line ${n}`;
      terminal.show({ type: "line", backend, from: "stderr", text });
    }
    lines.length = 0;
    terminal.show({ type: "state", backend, state: end });
    assertEquals(
      lines.map((line) => line.trim()),
      output
        ? [
          "✗ failed to start in time",
          "its last output:",
          ...["line 2", "line 3", "line 4", "line 5", "line 6"],
        ]
        : ["✗ failed to start in time", "it wrote nothing"],
    );
  }
});
