/**
 * A container engine of a test's own: Docker's daemon with its own data, socket and
 * processes, so that nothing of the machine's own Docker is touched. And an image with
 * Deno in it, so that nothing is downloaded.
 */
import { until } from "./wait.ts";

/** A running daemon. */
export interface Dockerd extends AsyncDisposable {
  /** Its address, for `DOCKER_HOST`. */
  host: string;
  /** The network for containers, with addresses that nothing else on this machine has. */
  network: string;
  /** Sends a request to its API. */
  call(method: string, path: string, body?: BodyInit): Promise<Response>;
  /** Ends it and starts it again, with containers that survive that or do not. */
  restart(): Promise<void>;
  /** Imports an image whose command runs this program with Deno. */
  importImage(name: string, program: string): Promise<void>;
}

/** Options of {@linkcode startDockerd}. */
export interface DockerdOptions {
  /** Whether containers survive a restart of the daemon. */
  liveRestore?: boolean;
  /** More of its arguments. @default {[]} */
  args?: readonly string[];
}

/** A program that is a container engine, and how it is started. */
export interface DaemonProgram {
  /** Its name, which is that of its Debian package's program. */
  name: string;
  /** Its arguments, for its own folder and the socket in it. */
  args: (folder: string, socket: string) => string[];
  /** Its variables; `folder` exists. */
  env?: (folder: string) => Promise<Record<string, string>>;
  /** What it may leave mounted, below its folder. */
  mounted: string;
  /** What to install if it is missing. */
  install: string;
}

/** Starts Docker's daemon, or says why there is none. */
export function startDockerd(
  { liveRestore = false, args: more = [] }: DockerdOptions = {},
): Promise<Dockerd | { missing: string }> {
  return startDaemon({
    name: "dockerd",
    install: "docker.io",
    mounted: "data",
    args: (folder, socket) => [
      "--host",
      `unix://${socket}`,
      "--data-root",
      `${folder}/data`,
      "--exec-root",
      `${folder}/exec`,
      "--pidfile",
      `${folder}/dockerd.pid`,
      // Ports are published by its userland proxy, which needs no firewall rules.
      "--iptables=false",
      // The default bridge belongs to the machine's own Docker, addresses and all.
      "--bridge=none",
      "--ip6tables=false",
      ...(liveRestore ? ["--live-restore"] : []),
      ...more,
    ],
  });
}

/** Starts a container engine, or says why there is none. */
export async function startDaemon(
  { name, args, env, mounted, install }: DaemonProgram,
): Promise<Dockerd | { missing: string }> {
  if (Deno.build.os !== "linux") {
    return { missing: "a container engine is started on Linux only" };
  }
  if (Deno.uid() !== 0) return { missing: `${name} must be started as root` };
  const folder = await Deno.makeTempDir({ prefix: `feedline-${name}-` });
  const socket = `${folder}/engine.sock`;
  const log = `${folder}/engine.log`;
  const client = Deno.createHttpClient({
    proxy: { transport: "unix", path: socket },
    poolMaxIdlePerHost: 0,
  });
  const call = (method: string, path: string, body?: BodyInit) =>
    fetch(`http://docker${path}`, {
      method,
      client,
      ...(body ? { body } : {}),
    });

  const variables = await env?.(folder) ?? {};
  let child: Deno.ChildProcess;
  let ended = false;
  const start = () => {
    // To a file: nobody reads a pipe while the test does something else.
    child = new Deno.Command("/bin/sh", {
      args: [
        "-c",
        'log=$1; shift; program=$1; shift; exec "$program" "$@" >>"$log" 2>&1',
        "sh",
        log,
        name,
        ...args(folder, socket),
      ],
      env: variables,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    ended = false;
    const own = child;
    own.status.then(() => {
      if (own === child) ended = true;
    });
  };
  const answers = async () => {
    if (ended) return true;
    try {
      const answer = await call("GET", "/_ping");
      return (await answer.text()).startsWith("OK");
    } catch {
      return false;
    }
  };
  const stop = async () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    await child.status;
  };
  const close = async () => {
    await stop();
    client.close();
    // A daemon whose containers survive it leaves its folder mounted.
    await new Deno.Command("umount", {
      args: [`${folder}/${mounted}`],
      stderr: "null",
    }).output().catch(() => {});
    // What its containers mounted may be let go a moment later.
    await until(
      () =>
        Deno.remove(folder, { recursive: true }).then(() => true, () => false),
      "its folder is removed",
    ).catch(() => {});
  };

  start();
  await until(answers, `${name} answers`, 60_000).catch(() => {});
  if (ended || !await answers()) {
    const text = await Deno.readTextFile(log).catch(() => "");
    await close();
    const lines = text.trim().split("\n").slice(-3).join(" | ");
    return {
      missing: `${name} did not start: ${
        /not found/.test(lines) ? `install ${install}; ` : ""
      }${lines || "it wrote nothing"}`,
    };
  }
  const network = await createNetwork(call);
  return {
    network,
    host: `unix://${socket}`,
    call,
    async restart() {
      await stop();
      start();
      await until(answers, `${name} answers again`, 60_000);
      if (ended) throw new Error(`${name} did not start again`);
    },
    importImage: (name, program) => importImage(call, name, program),
    async [Symbol.asyncDispose]() {
      // Containers that survive the daemon would survive the test.
      const listed = await call("GET", "/containers/json?all=1");
      for (const { Id } of await listed.json()) {
        await (await call("DELETE", `/containers/${Id}?force=1`)).text();
      }
      // Its bridge would stay on the machine.
      await (await call("DELETE", `/networks/${network}`)).text();
      await close();
    },
  };
}

/** Creates a bridge network of a subnet that is free. */
async function createNetwork(call: Dockerd["call"]): Promise<string> {
  const name = "feedline-test";
  for (let tries = 0;; tries++) {
    const [a, b] = crypto.getRandomValues(new Uint8Array(2));
    const Subnet = `10.${128 + a! % 100}.${b!}.0/24`;
    const answer = await call(
      "POST",
      "/networks/create",
      new Blob([JSON.stringify({
        Name: name,
        Driver: "bridge",
        IPAM: { Config: [{ Subnet }] },
      })], { type: "application/json" }),
    );
    const text = await answer.text();
    if (answer.ok) return name;
    if (tries === 5) throw new Error(`no network for containers: ${text}`);
  }
}

/** An image of a file system: Deno, its libraries and a program. */
async function importImage(
  call: Dockerd["call"],
  name: string,
  program: string,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    const copy = async (path: string, to = path) => {
      await Deno.mkdir(`${root}${to.slice(0, to.lastIndexOf("/"))}`, {
        recursive: true,
      });
      await Deno.copyFile(path, root + to);
    };
    await Deno.mkdir(`${root}/tmp`);
    await copy(Deno.execPath(), "/app/deno");
    const { stdout } = await new Deno.Command("ldd", {
      args: [Deno.execPath()],
    }).output();
    for (const [path] of new TextDecoder().decode(stdout).matchAll(/\/\S+/g)) {
      await copy(path);
    }
    await Deno.writeTextFile(`${root}/app/main.js`, program);
    const tar = new Deno.Command("tar", {
      args: ["-C", root, "-c", "."],
      stdout: "piped",
    }).spawn();
    // Podman ignores the parameter `tag`.
    const query = new URLSearchParams({ fromSrc: "-", repo: name });
    query.append("changes", 'CMD ["/app/deno","run","-A","/app/main.js"]');
    const answer = await call("POST", `/images/create?${query}`, tar.stdout);
    const text = await answer.text();
    await tar.status;
    if (!answer.ok || text.includes('"error"')) {
      throw new Error(`the image was not imported: ${text}`);
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}
