/** `serve` on Docker. */
import { startDockerd } from "../../kit/dockerd.ts";
import type { EngineColumn } from "../column.ts";
import { serveOn } from "../containers.ts";

export default {
  name: "Docker",
  order: 2,
  start: async () => await serveOn(await startDockerd()),
} satisfies EngineColumn;
