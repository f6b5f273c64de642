/** The whole way: page, edge route, engine, dev platform, a backend's process. */
import { Hono } from "@hono/hono";
import { assertEquals, assertNotEquals } from "@std/assert";
import { SessionBackend } from "../../client.ts";
import { Jamsocket } from "../../server.ts";
import { sessionProxy } from "../../session/edge/proxy.ts";
import type { ConnectResponse } from "../../types.ts";
import { platform } from "../dev/helpers.ts";
import { open, serve } from "./support.ts";

Deno.test("the edge before the dev platform - spawn, talk, die, come back", async () => {
  await using dev = await platform();
  const engine = new Jamsocket({
    dev: true,
    port: Number(new URL(dev.apiUrl).port),
  });
  const app = new Hono();
  app.route(
    "/rooms",
    sessionProxy({
      engine,
      authorize: () => ({ user: "ada", auth: { role: "editor" } }),
    }),
  );
  await using edge = serve(app.fetch);
  const connect = async (): Promise<ConnectResponse> =>
    await (await fetch(`${edge.origin}/rooms/a/connect`, { method: "POST" }))
      .json();

  const answer = await connect();
  const session = new SessionBackend(answer);
  await session.ready({ timeout: 30_000 });
  const { pid, path, headers } = await (await fetch(`${answer.url}x?y=1`, {
    headers: { "x-verified-username": "mallory" },
  })).json();
  assertEquals(path, "/x?y=1");
  assertEquals(headers["x-verified-username"], "ada");
  assertEquals(JSON.parse(headers["x-verified-user-data"]), { role: "editor" });
  {
    await using client = await open(answer.url);
    const greeting = JSON.parse(await client.next() as string);
    assertEquals(greeting["x-verified-username"], "ada");
    client.socket.send("hello");
    assertEquals(await client.next(), "hello");
  }

  // The process dies; who watches learns it, and the next connect begins anew.
  await (await fetch(`${answer.url}exit?code=1`)).body?.cancel();
  await session.onTerminatedPromise;
  const again = await connect();
  assertEquals(again.spawned, true);
  assertNotEquals(again.backend_id, answer.backend_id);
  const second = new SessionBackend(again);
  await second.ready({ timeout: 30_000 });
  assertNotEquals((await (await fetch(again.url)).json()).pid, pid);
  await Promise.all([session, second].map((one) => one[Symbol.asyncDispose]()));
});
