/**
 * Podman's service that speaks Docker's API, with data and a socket of a test's own, so
 * that nothing of the machine's own Podman is touched.
 */
import { type Dockerd, startDaemon } from "./dockerd.ts";

/** By default Podman raises limits to a million, which a machine may forbid. */
const SETTINGS = `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
`;

/** Starts the service, or says why there is none. */
export function startPodman(): Promise<Dockerd | { missing: string }> {
  return startDaemon({
    name: "podman",
    install: "podman and runc",
    mounted: "root/overlay",
    async env(folder) {
      const CONTAINERS_CONF = `${folder}/containers.conf`;
      await Deno.writeTextFile(CONTAINERS_CONF, SETTINGS);
      return { CONTAINERS_CONF };
    },
    args: (folder, socket) => [
      ...["--root", `${folder}/root`, "--runroot", `${folder}/run`],
      ...["--tmpdir", `${folder}/tmp`, "--network-config-dir", `${folder}/net`],
      // The others need systemd; crun refuses cgroups of both versions at once.
      ...["--events-backend", "file", "--cgroup-manager", "cgroupfs"],
      ...["--runtime", "runc"],
      ...["system", "service", "--time=0", `unix://${socket}`],
    ],
  });
}
