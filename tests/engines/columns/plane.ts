/** A real Plane: PostgreSQL, controller, proxy and drone. */
import { Plane } from "../../../server.ts";
import { type EngineColumn, SAMPLE } from "../column.ts";
import { denoRun, findPlane, startPlane } from "../plane/start.ts";

export default {
  name: "Plane",
  order: 3,
  async start() {
    const found = await findPlane();
    if ("missing" in found) return found;
    const plane = await startPlane(found, {
      images: { sample: { command: denoRun(SAMPLE) } },
    });
    const { controllerUrl, cluster } = plane;
    const engine = (fetch?: typeof globalThis.fetch) =>
      new Plane({
        controllerUrl,
        cluster,
        executable: { image: "sample" },
        fetch,
      });
    return {
      subject: {
        engine: engine(),
        withFetch: engine,
        // Tokens live for an hour; a job of the controller removes old ones.
        async expire({ token }) {
          await plane.sql(`delete from token where token = '${token}'`);
        },
      },
      [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose](),
    };
  },
} satisfies EngineColumn;
