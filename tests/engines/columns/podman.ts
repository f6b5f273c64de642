/** `serve` on Podman, whose service speaks Docker's API. */
import { startPodman } from "../../kit/podman.ts";
import type { EngineColumn } from "../column.ts";
import { serveOn } from "../containers.ts";

export default {
  name: "Podman",
  order: 2.5,
  start: async () => await serveOn(await startPodman()),
} satisfies EngineColumn;
