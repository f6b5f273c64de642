/**
 * Podman's service that speaks Docker's API, with data and a socket of a test's own, so
 * that nothing of the machine's own Podman is touched.
 */
import { createNetwork, type Dockerd, importImage } from "./dockerd.ts";
import { until } from "./wait.ts";

/** Starts the service, or says why there is none. */
export async function startPodman(): Promise<Dockerd | { missing: string }> {
  if (Deno.build.os !== "linux") {
    return { missing: "a container engine is started on Linux only" };
  }
  if (Deno.uid() !== 0) return { missing: "podman must be started as root" };
  const folder = await Deno.makeTempDir({ prefix: "feedline-podman-" });
  const socket = `${folder}/podman.sock`;
  const log = `${folder}/podman.log`;
  const client = Deno.createHttpClient({
    proxy: { transport: "unix", path: socket },
    poolMaxIdlePerHost: 0,
  });
  const call = (method: string, path: string, body?: BodyInit) =>
    fetch(`http://podman${path}`, {
      method,
      client,
      ...(body ? { body } : {}),
    });
  const options = [
    ...["--root", `${folder}/root`, "--runroot", `${folder}/run`],
    ...["--tmpdir", `${folder}/tmp`, "--network-config-dir", `${folder}/net`],
    // The others need systemd; crun refuses cgroups of both versions at once.
    ...["--runtime", "runc"],
    ...["--events-backend", "file", "--cgroup-manager", "cgroupfs"],
  ];
  // By default Podman raises limits to a million, which a machine may forbid.
  const settings = `${folder}/containers.conf`;
  await Deno.writeTextFile(
    settings,
    `[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n`,
  );
  let child: Deno.ChildProcess;
  let ended = false;
  const start = () => {
    // To a file: nobody reads a pipe while the test does something else.
    child = new Deno.Command("/bin/sh", {
      args: [
        "-c",
        'log=$1; shift; exec podman "$@" >>"$log" 2>&1',
        "sh",
        log,
        ...options,
        "system",
        "service",
        "--time=0",
        `unix://${socket}`,
      ],
      env: { CONTAINERS_CONF: settings },
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
      return (await (await call("GET", "/_ping")).text()).startsWith("OK");
    } catch {
      return false;
    }
  };
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    await child.status;
  };
  const close = async () => {
    await stop();
    client.close();
    await new Deno.Command("umount", {
      args: [`${folder}/root/overlay`],
      stderr: "null",
    }).output().catch(() => {});
    await until(
      () =>
        Deno.remove(folder, { recursive: true }).then(() => true, () => false),
      "its folder is removed",
    ).catch(() => {});
  };

  start();
  await until(answers, "podman answers", 60_000).catch(() => {});
  if (ended || !await answers()) {
    const text = await Deno.readTextFile(log).catch(() => "");
    await close();
    const lines = text.trim().split("\n").slice(-3).join(" | ");
    return {
      missing: `podman did not start: ${
        /not found/.test(lines) ? "install podman; " : ""
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
      await until(answers, "podman answers again", 60_000);
      if (ended) throw new Error("podman did not start again");
    },
    importImage: (name, program) => importImage(call, name, program),
    async [Symbol.asyncDispose]() {
      const listed = await call("GET", "/containers/json?all=1");
      for (const { Id } of await listed.json()) {
        await (await call("DELETE", `/containers/${Id}?force=1`)).text();
      }
      await (await call("DELETE", `/networks/${network}`)).text();
      await close();
    },
  };
}
