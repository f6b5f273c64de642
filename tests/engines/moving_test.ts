/** One application on one platform after the other: only its engine line changes. */
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { Hono } from "@hono/hono";
import { SessionBackend } from "../../client.ts";
import type { BoardApi } from "../../examples/board/app.ts";
import { feedmeClient, webSocketTransport } from "../../feed/feedme/mod.ts";
import { Jamsocket, Plane } from "../../server.ts";
import { startDevPlatform } from "../../session/dev/mod.ts";
import { sessionProxy } from "../../session/edge/proxy.ts";
import type { SessionEngine } from "../../types.ts";
import { config } from "../kit/config.ts";
import { folder } from "../kit/program.ts";
import { until } from "../kit/wait.ts";
import { serveModule, testOnDocker } from "./containers.ts";
import { denoRun, findPlane, mayBeMissing, startPlane } from "./plane/start.ts";

const BOARD = new URL("../../examples/board/backend.ts", import.meta.url);

/** The application: users meet at boards. It knows no platform. */
function application(engine: SessionEngine): Hono {
  const app = new Hono();
  app.route(
    "/boards",
    sessionProxy({
      engine,
      authorize: (c) => ({ user: c.req.query("as") ?? "a page" }),
    }),
  );
  return app;
}

/** Two users at one board, in the application over this engine. */
async function meet(engine: SessionEngine): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(async () => {
    const request = { key: "room-1", spawn: false };
    const { backend_id } = await engine.connect(request);
    await engine.terminate(backend_id);
  });
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    application(engine).fetch,
  );
  cleanup.defer(() => server.shutdown());
  const url = `http://127.0.0.1:${server.addr.port}/boards/room-1`;

  const enter = async (name: string) => {
    const answer = await fetch(`${url}/connect?as=${name}`, { method: "POST" });
    assertEquals(answer.status, 200);
    const backend = new SessionBackend(await answer.json());
    cleanup.defer(() => backend.close());
    await backend.ready();
    const client = feedmeClient<BoardApi>({
      transport: webSocketTransport({
        url: new URL(`ws?as=${name}`, backend.url),
      }),
    });
    cleanup.defer(() => client.close());
    client.connect();
    const feed = client.feed("board", {});
    feed.desireOpen();
    await until(() => feed.state() === "open", `${name} sees the board`);
    return { client, feed };
  };
  const ada = await enter("ada");
  const bob = await enter("bob");
  const id = crypto.randomUUID();
  await ada.client.action("add", { id, x: 0.5, y: 0.5, color: 1 });
  await until(() => id in bob.feed.data().notes, "bob sees Ada's note");
  // The platform told the backend who she is.
  assertEquals(bob.feed.data().notes[id]!.by, "ada");
}

Deno.test("moving - two users meet on the dev platform", async () => {
  await using boards = await folder();
  await using platform = await startDevPlatform({
    module: BOARD,
    config: fileURLToPath(new URL(`../../${config}`, import.meta.url)),
    env: { BOARD_FOLDER: boards.path },
    port: 0,
    proxyPort: 0,
  });
  const port = Number(new URL(platform.apiUrl).port);
  await meet(new Jamsocket({ dev: true, port }));
});

testOnDocker(
  "moving - they meet on Docker, with another engine and nothing else",
  async (daemon) => {
    await using serving = await serveModule(
      daemon,
      "examples/board/backend.ts",
    );
    await meet(
      new Jamsocket({ apiUrl: serving.apiUrl, token: serving.token }),
    );
  },
);

const found = await findPlane();
Deno.test({
  name: "moving - they meet on Plane, with another engine and nothing else",
  ignore: mayBeMissing(found),
  async fn() {
    if ("missing" in found) throw new Error(found.missing);
    await using boards = await folder();
    await using plane = await startPlane(found, {
      images: { boards: { command: denoRun(BOARD) } },
    });
    const { controllerUrl, cluster } = plane;
    const env = { BOARD_FOLDER: boards.path };
    await meet(
      new Plane({
        controllerUrl,
        cluster,
        executable: { image: "boards", env },
      }),
    );
  },
});
