/** Backends as processes: how they start, how they end, and that none is left. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type DevEvent, DevPlatformError } from "../../session/dev/mod.ts";
import {
  code,
  connect,
  ended,
  isRunning,
  LISTEN,
  Peer,
  platform,
  states,
  terminate,
} from "./helpers.ts";
import { OrphanGuard } from "../../session/dev/orphans.ts";
import { BackendProcess } from "../../session/dev/process.ts";
import { until } from "../kit/wait.ts";

/** The events of a platform, and its lines of one backend. */
function recorder() {
  const events: DevEvent[] = [];
  return {
    onEvent: (event: DevEvent) => void events.push(event),
    lines: (from?: string) =>
      events.flatMap((event) =>
        event.type === "line" && (from === undefined || event.from === from)
          ? [event.text]
          : []
      ),
    notes: () =>
      events.flatMap((event) => event.type === "note" ? [event.text] : []),
  };
}

const IGNORES_SIGTERM =
  `Deno.addSignalListener("SIGTERM", () => console.log("no")); ${LISTEN}`;

Deno.test("dev backend - a crash sets exit_error and frees the key", async () => {
  const record = recorder();
  await using dev = await platform({ ...record });
  const { url, status_url } = await connect(dev, { key: "k" });
  await (await fetch(`${url}exit?code=3`)).body?.cancel();
  const { time: _, ...state } = await ended(status_url);
  assertEquals(state, {
    status: "terminated",
    termination_reason: null,
    termination_kind: null,
    exit_error: true,
  });
  assertEquals(record.lines("platform"), ["exited with code 3"]);
  assertEquals((await connect(dev, { key: "k" })).spawned, true);
});

Deno.test("dev backend - a normal exit is not an error", async () => {
  await using dev = await platform();
  const { url, status_url } = await connect(dev);
  await (await fetch(`${url}exit?code=0`)).body?.cancel();
  assertEquals((await ended(status_url)).exit_error, false);
});

Deno.test("dev backend - kill -9 from outside is an error, and ends its WebSockets", async () => {
  const record = recorder();
  await using dev = await platform({ ...record });
  const { url, status_url } = await connect(dev, { key: "k" });
  const peer = await Peer.open(url);
  Deno.kill(dev.backends[0]!.pid!, "SIGKILL");
  const state = await ended(status_url);
  assertEquals([state.exit_error, state.termination_kind], [true, null]);
  assertEquals((await peer.closed).code, 1011);
  assertEquals(record.lines("platform"), ["ended by SIGKILL"]);
  const next = await connect(dev, { key: "k" });
  assertEquals(
    await (await fetch(next.url)).json().then(({ path }) => path),
    "/",
  );
});

Deno.test("dev backend - soft first, hard when the time of grace is over", async () => {
  await using dev = await platform({ ...code(IGNORES_SIGTERM), grace: 200 });
  const { backend_id, status_url } = await connect(dev);
  await states(status_url, "ready");
  await terminate(dev, backend_id);
  const end = (await states(status_url)).slice(5).map(({ state }) => state);
  assertEquals(end.map(({ status }) => status), [
    "terminating",
    "hard-terminating",
    "terminated",
  ]);
  const took = Date.parse(end[1]!.time) - Date.parse(end[0]!.time);
  assert(took >= 195, `killed after ${took} ms`);
  const { termination_kind, exit_error } = await ended(status_url);
  assertEquals([termination_kind, exit_error], ["hard", false]);
});

Deno.test("dev backend - hard at once, also after soft", async () => {
  await using dev = await platform({ ...code(IGNORES_SIGTERM), grace: 60_000 });
  for (const softFirst of [false, true]) {
    const { backend_id, status_url } = await connect(dev);
    await states(status_url, "ready");
    if (softFirst) await terminate(dev, backend_id);
    await terminate(dev, backend_id, true);
    assertEquals((await ended(status_url)).termination_kind, "hard");
  }
});

Deno.test("dev backend - an error while ending softly is its own", async () => {
  const failing =
    `Deno.addSignalListener("SIGTERM", () => Deno.exit(9)); ${LISTEN}`;
  await using dev = await platform(code(failing));
  const { backend_id, status_url } = await connect(dev);
  await states(status_url, "ready");
  await terminate(dev, backend_id);
  const { termination_kind, exit_error } = await ended(status_url);
  assertEquals([termination_kind, exit_error], ["soft", true]);
});

Deno.test("dev backend - says once what would not start in a container", async () => {
  const programs = [
    [LISTEN, undefined],
    [LISTEN.replace("port:", 'hostname: "127.0.0.1", port:'), /0\.0\.0\.0$/],
    [
      `for await (const connection of Deno.listen({ port: Number(Deno.env.get("PORT")) })) connection.close();`,
      /^accepts connections on port \d+ but does not answer HEAD \/ over HTTP/,
    ],
  ] as const;
  for (const [program, remark] of programs) {
    const record = recorder();
    await using dev = await platform({ ...record, ...code(program) });
    for (const key of ["a", "b"]) {
      const { status_url } = await connect(dev, { key });
      await states(status_url, "ready");
    }
    if (remark) {
      await until(() => record.lines("platform").length > 0, "its remark");
    }
    await dev.close();
    const lines = record.lines("platform");
    assertEquals(lines.length, remark ? 1 : 0, lines.join("\n"));
    if (remark) assertMatch(lines[0]!, remark);
  }
});

Deno.test("dev backend - one that does not listen in time is killed", async () => {
  const record = recorder();
  await using dev = await platform({
    ...code("setInterval(() => {}, 1000)"),
    ...record,
    startupTimeout: 150,
  });
  const { status_url } = await connect(dev);
  const all = (await states(status_url)).map(({ state }) => state);
  assertEquals(all.map(({ status }) => status), [
    "scheduled",
    "loading",
    "starting",
    "waiting",
    "hard-terminating",
    "terminated",
  ]);
  assertEquals((await ended(status_url)).termination_reason, "startuptimeout");
  assertMatch(
    record.lines("platform").at(-1)!,
    /^did not listen on port \d+ \(from PORT\) within 0\.15 s; killing it$/,
  );
});

Deno.test("dev backend - without a free port it says so", async () => {
  const record = recorder();
  await using dev = await platform({ ...record });
  const { listen } = Deno;
  Deno.listen = () => {
    throw new Deno.errors.AddrInUse("Address already in use (os error 98)");
  };
  try {
    const { status_url } = await connect(dev);
    const { termination_reason } = await ended(status_url);
    assertEquals(termination_reason, "internalerror");
    assertMatch(
      record.lines("platform")[0]!,
      /^could not start: no free port on this machine/,
    );
  } finally {
    Deno.listen = listen;
  }
});

Deno.test("dev backend - a command that cannot be started says so", async () => {
  for (const command of [["./no-such-program"], ["no-such-program"], []]) {
    await assertRejects(() => platform({ command }), DevPlatformError);
  }
  // It can also go away later.
  const program = await Deno.makeTempFile();
  const record = recorder();
  await using dev = await platform({ command: [program], ...record });
  await Deno.remove(program);
  const { status_url } = await connect(dev, { key: "k" });
  assertEquals((await ended(status_url)).exit_error, true);
  assert(record.lines().some((line) => line.includes(program)));
  assertEquals((await connect(dev, { key: "k" })).spawned, true);
});

Deno.test("dev backend - idle time counts from the last connection's end", async () => {
  await using dev = await platform();
  const { url, status_url } = await connect(dev, {
    spawn: { max_idle_seconds: 1 },
  });
  const peer = await Peer.open(url);
  await new Promise((resolve) => setTimeout(resolve, 1_300));
  assertEquals(dev.backends[0]!.states.at(-1)!.status, "ready");
  const closedAt = Date.now();
  await peer.close();
  const state = await ended(status_url);
  assertEquals(state.termination_reason, "swept");
  assert(Date.parse(state.time) - closedAt >= 990);
});

Deno.test("dev backend - the lifetime is limited, connections or not", async () => {
  await using dev = await platform();
  const { url, status_url } = await connect(dev, {
    spawn: { lifetime_limit_seconds: 0.4 },
  });
  const peer = await Peer.open(url);
  const state = await ended(status_url);
  assertEquals(state.termination_reason, "swept");
  await peer.closed;
});

Deno.test("dev backend - IPv6 only, and all interfaces, are both found", async () => {
  for (const hostname of ["::1", "127.0.0.1", "0.0.0.0"]) {
    await using dev = await platform(code(
      `Deno.serve({ hostname: "${hostname}", port: Number(Deno.env.get("PORT")), onListen() {} }, () => new Response("ok"));`,
    ));
    const { url } = await connect(dev);
    assertEquals(await (await fetch(url)).text(), "ok", hostname);
  }
});

Deno.test({
  name: "dev backend - another port is tried when the first was taken",
  // Only there has every machine this address.
  ignore: Deno.build.os !== "linux",
  fn: testTakenPort,
});

async function testTakenPort() {
  const record = recorder();
  const marker = await Deno.makeTempFile();
  // The first attempt finds its port taken: it takes it away from itself.
  const racing = `
    const port = Number(Deno.env.get("PORT"));
    if (Deno.readTextFileSync(${JSON.stringify(marker)}) === "") {
      Deno.writeTextFileSync(${JSON.stringify(marker)}, String(port));
      while (Deno.readTextFileSync(${JSON.stringify(marker)}) !== "taken") {}
      throw new Error("in use");
    }
    ${LISTEN}`;
  await using dev = await platform({ ...code(racing), ...record });
  const { status_url, url } = await connect(dev);
  await until(() => Deno.readTextFileSync(marker) !== "", "the first attempt");
  // Where no dial of the platform meets it.
  using _taken = Deno.listen({
    hostname: "127.0.0.2",
    port: Number(Deno.readTextFileSync(marker)),
  });
  Deno.writeTextFileSync(marker, "taken");
  await states(status_url, "ready");
  assertEquals(await (await fetch(url)).text(), "ok");
  assert(record.lines("platform").some((line) => line.includes("was taken")));
  await Deno.remove(marker);
}

Deno.test("dev backend - output is shown in lines without terminal commands", async () => {
  const record = recorder();
  const noisy = `
    Deno.stdout.writeSync(new TextEncoder().encode("half"));
    setTimeout(() => {
      console.log(" a line");
      console.log("\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07\\x1b[2Jend\\r");
      console.log("tab\\there \\u202egnitset");
      console.error("trouble");
      console.log("x".repeat(20_000));
      Deno.stdout.writeSync(new TextEncoder().encode("no end"));
      ${LISTEN}
    }, 30);`;
  await using dev = await platform({ ...code(noisy), ...record });
  const { backend_id, status_url } = await connect(dev);
  await states(status_url, "ready");
  await terminate(dev, backend_id);
  await ended(status_url);
  const lines = record.lines("stdout");
  assertEquals(lines.slice(0, 3), [
    "half a line",
    "red end",
    "tab    here gnitset",
  ]);
  assertEquals(lines.slice(3, -1).map(({ length }) => length), [
    8192,
    8192,
    3616,
  ]);
  assertEquals(lines.at(-1), "no end");
  assertEquals(record.lines("stderr"), ["trouble"]);
});

Deno.test("dev backend - its child processes end with it", async () => {
  const parent = `
    const child = new Deno.Command("sleep", { args: ["600"] }).spawn();
    console.log("child", child.pid);
    ${LISTEN}`;
  const record = recorder();
  await using dev = await platform({ ...code(parent), ...record });
  const { backend_id, status_url } = await connect(dev);
  await states(status_url, "ready");
  const child = Number(record.lines("stdout")[0]!.split(" ")[1]);
  assert(await isRunning(child));
  await terminate(dev, backend_id);
  await ended(status_url);
  await until(async () => !await isRunning(child), "the child's end");
});

/** A shell that runs a backend as its child and stays; what stands in front of many. */
const behindShell = (program: string) => ({
  command: [
    "/bin/sh",
    "-c",
    `"$0" eval "$1"; echo cleanup`,
    Deno.execPath(),
    program,
  ],
});

Deno.test({
  name: "dev backend - a program behind a shell has its time to save",
  ignore: Deno.build.os === "windows",
  async fn() {
    const record = recorder();
    // It saves later than the shell ends.
    await using dev = await platform({
      ...behindShell(`
        Deno.addSignalListener("SIGTERM", () => {
          console.log("saving");
          setTimeout(() => { console.log("saved"); Deno.exit(0); }, 200);
        });
        ${LISTEN}`),
      ...record,
      grace: 60_000,
    });
    const { backend_id, status_url } = await connect(dev);
    await states(status_url, "ready");
    await terminate(dev, backend_id);
    assertEquals((await ended(status_url)).termination_kind, "soft");
    assertEquals(record.lines("stdout").slice(0, 2), ["saving", "saved"]);
  },
});

Deno.test({
  name: "dev backend - a program behind a shell that ignores SIGTERM is killed",
  ignore: Deno.build.os === "windows",
  async fn() {
    const record = recorder();
    await using dev = await platform({
      ...behindShell(
        `console.log("pid", Deno.pid); ${IGNORES_SIGTERM}`,
      ),
      ...record,
      grace: 200,
    });
    const { backend_id, status_url } = await connect(dev);
    await states(status_url, "ready");
    const pid = Number(record.lines("stdout")[0]!.split(" ")[1]);
    await terminate(dev, backend_id);
    const { termination_kind, exit_error } = await ended(status_url);
    assertEquals([termination_kind, exit_error], ["hard", false]);
    await until(async () => !await isRunning(pid), "the program's end");
  },
});

Deno.test({
  name: "dev backend - the key stays held while a program behind a shell saves",
  ignore: Deno.build.os === "windows",
  async fn() {
    const marker = await Deno.makeTempFile();
    await using dev = await platform({
      ...behindShell(`
        Deno.addSignalListener("SIGTERM", () => {});
        const end = () => Deno.readTextFileSync("${marker}") && Deno.exit(0);
        setInterval(end, 10);
        ${LISTEN}`),
      grace: 60_000,
    });
    const first = await connect(dev, { key: "k" });
    await states(first.status_url, "ready");
    await terminate(dev, first.backend_id);
    const next = connect(dev, { key: "k" });
    await new Promise((resolve) => setTimeout(resolve, 100));
    assertEquals(dev.backends.length, 1);
    await Deno.writeTextFile(marker, "saved");
    assertEquals((await next).spawned, true);
    await dev.close({ hard: true });
    await Deno.remove(marker);
  },
});

Deno.test("dev backend - all end when the platform is disposed", async () => {
  const dev = await platform({ ...code(IGNORES_SIGTERM), grace: 100 });
  for (const key of ["a", "b"]) {
    await states((await connect(dev, { key })).status_url, "ready");
  }
  const pids = dev.backends.map(({ pid }) => pid!);
  await dev[Symbol.asyncDispose]();
  for (const pid of pids) assertEquals(await isRunning(pid), false);
  await dev.closed;
});

Deno.test("dev backend - an abort signal closes the platform, and hard cuts grace short", async () => {
  const controller = new AbortController();
  const dev = await platform({
    ...code(IGNORES_SIGTERM),
    grace: 60_000,
    signal: controller.signal,
  });
  const { status_url } = await connect(dev);
  await states(status_url, "ready");
  controller.abort();
  await until(
    () => dev.backends[0]!.states.at(-1)!.status === "terminating",
    "the request to end",
  );
  await dev.close({ hard: true });
  await dev.closed;
});

Deno.test("dev backend - after it has ended, its process id receives no signal", async () => {
  const { kill } = Deno;
  const signalled: number[] = [];
  Deno.kill = (pid, signal) => {
    signalled.push(pid);
    kill(pid, signal);
  };
  try {
    await using orphans = new OrphanGuard();
    const process = new BackendProcess({
      command: ["/bin/sh", "-c", "exit 3"],
      env: {},
      cwd: undefined,
      onLine() {},
      orphans,
    });
    assertEquals((await process.exited).code, 3);
    process.terminate();
    process.kill();
    assertEquals(signalled, [-process.pid]);
  } finally {
    Deno.kill = kill;
  }
});

Deno.test("dev backend - watch ends backends whose code has changed", async () => {
  const folder = await Deno.makeTempDir();
  const main = `${folder}/main.ts`;
  const write = (version: number) =>
    Deno.writeTextFile(
      `${folder}/version.ts`,
      `export const version = ${version};`,
    );
  await Deno.writeTextFile(
    main,
    `import { version } from "./version.ts";
     Deno.serve({ port: Number(Deno.env.get("PORT")), onListen() {} }, () => new Response(String(version)));`,
  );
  await write(1);
  const record = recorder();
  await using dev = await platform({ module: main, watch: true, ...record });
  const first = await connect(dev, { key: "k" });
  assertEquals(await (await fetch(first.url)).text(), "1");
  // The watch begins some moments after the platform; a change is not repeated
  // more often than it can be told.
  const { promise: changed, resolve } = Promise.withResolvers<void>();
  const touch = setInterval(() => write(2), 400);
  ended(first.status_url).then(() => resolve());
  await changed;
  clearInterval(touch);
  const second = await connect(dev, { key: "k" });
  assertEquals(second.spawned, true);
  assertEquals(await (await fetch(second.url)).text(), "2");
  assert(record.notes().some((note) => note.includes("code has changed")));
  await Deno.writeTextFile(`${folder}/other.txt`, "no code");
  await Deno.writeTextFile(`${folder}/unrelated.ts`, "");
  await new Promise((resolve) => setTimeout(resolve, 300));
  await dev.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("dev backend - watch follows links to the code", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/app`);
  await Deno.writeTextFile(`${folder}/lib.ts`, "export {};");
  await Deno.symlink(`${folder}/lib.ts`, `${folder}/app/lib.ts`);
  await Deno.writeTextFile(`${folder}/app/part.ts`, "export {};");
  await Deno.writeTextFile(
    `${folder}/app/main.ts`,
    `import "./lib.ts"; import "./part.ts"; ${LISTEN}`,
  );
  await Deno.symlink(`${folder}/app`, `${folder}/link`);
  await using dev = await platform({
    module: `${folder}/link/main.ts`,
    watch: true,
  });
  for (const file of ["lib.ts", "app/part.ts"]) {
    const { status_url } = await connect(dev, { key: "k" });
    const end = ended(status_url);
    const touch = setInterval(
      () => Deno.writeTextFile(`${folder}/${file}`, "export {};"),
      400,
    );
    const late = setTimeout(() => dev.close({ hard: true }), 8_000);
    assertEquals((await end).termination_kind, "soft", `${file} is watched`);
    clearInterval(touch);
    clearTimeout(late);
  }
  await dev.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("dev backend - watch of a command sees a file that an editor replaces, each time", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/main.ts`;
  await Deno.writeTextFile(file, LISTEN);
  const record = recorder();
  await using dev = await platform({
    ...code(LISTEN),
    cwd: folder,
    watch: true,
    ...record,
  });
  await states((await connect(dev)).status_url, "ready");
  for (let count = 1; count <= 3; count++) {
    await Deno.writeTextFile(`${folder}/new`, `${LISTEN} // ${count}`);
    await Deno.rename(`${folder}/new`, file);
    await until(() => record.notes().length === count, `change ${count}`);
  }
  await dev.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("dev backend - watch of a command looks at the source files of its folder", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/src`);
  await Deno.writeTextFile(`${folder}/src/a.ts`, "");
  const record = recorder();
  await using dev = await platform({
    ...code(LISTEN),
    cwd: folder,
    watch: true,
    ...record,
  });
  const { status_url } = await connect(dev);
  await states(status_url, "ready");
  await Deno.writeTextFile(`${folder}/src/data.txt`, "no code");
  await new Promise((resolve) => setTimeout(resolve, 250));
  assertEquals(record.notes(), []);
  await Deno.writeTextFile(`${folder}/src/a.ts`, "1");
  assertEquals((await ended(status_url)).termination_reason, "external");
  assertEquals(record.notes().length, 1);
  await dev.close();
  await Deno.remove(folder, { recursive: true });
});
