/** The optional members of an engine, and what the edge does without them. */
import { assertEquals, assertRejects } from "@std/assert";
import { Hono } from "@hono/hono";
import { sessionProxy } from "../../session/edge/proxy.ts";
import type { ConnectResponse, SessionEngine } from "../../types.ts";
import { serve } from "./support.ts";

const ANSWER: ConnectResponse = {
  backend_id: "b1",
  spawned: true,
  status: "ready",
  token: "token-1",
  url: "https://rooms.invalid/token-1/",
  secret_token: null,
  status_url: "https://rooms.invalid/b1/status",
  ready_url: "",
};

/** An engine of four methods, and of more if they are given. */
function engine(more: Partial<SessionEngine> = {}): SessionEngine {
  const unused = () => Promise.reject(new Error("not used here"));
  return {
    connect: () => Promise.resolve(ANSWER),
    status: unused,
    statusStream: unused,
    statuses: () => {
      throw new Error("not used here");
    },
    terminate: unused,
    ...more,
  };
}

function edge(own: SessionEngine, fetched?: typeof fetch) {
  const sessions = sessionProxy({
    engine: own,
    ...(own.fetch ? {} : { upstreams: ["https://rooms.invalid"] }),
    authorize: () => ({ user: "ada" }),
    fetch: fetched,
    onError() {},
  });
  return { sessions, app: new Hono().route("/rooms", sessions) };
}

Deno.test("seam - an engine that sends requests itself needs no origins", async () => {
  const seen: [string, string, string, ConnectResponse][] = [];
  const { app } = edge(
    engine({
      async fetch(request, answer) {
        seen.push([
          request.method,
          request.url,
          await request.text(),
          answer,
        ]);
        return new Response("from the object");
      },
    }),
    () => Promise.reject(new Error("the network is not used")),
  );
  await using server = serve(app.fetch);
  const url = `${server.origin}/rooms/doc/backend/a?b=c`;
  const answer = await fetch(url, { method: "POST", body: "text" });
  assertEquals(await answer.text(), "from the object");
  assertEquals(seen, [
    ["POST", "https://rooms.invalid/token-1/a?b=c", "text", ANSWER],
  ]);
});

Deno.test("seam - without fetch the edge fetches the URL", async () => {
  const urls: string[] = [];
  const { app } = edge(engine(), (input) => {
    urls.push(String(input));
    return Promise.resolve(new Response("from the network"));
  });
  await using server = serve(app.fetch);
  const answer = await fetch(`${server.origin}/rooms/doc/backend/a`);
  assertEquals(await answer.text(), "from the network");
  assertEquals(urls, ["https://rooms.invalid/token-1/a"]);
});

Deno.test("seam - revoke reaches the platform, and may be ignored", async () => {
  const revoked: unknown[] = [];
  const { sessions } = edge(engine({
    revoke(access) {
      revoked.push(access);
      return Promise.reject(new Error("the platform is down"));
    },
  }));
  sessions.revoke("ada");
  await assertRejects(() => sessions.revoke("bob"), Error, "is down");
  assertEquals(revoked, [{ user: "ada" }, { user: "bob" }]);
  assertEquals(await edge(engine()).sessions.revoke("ada"), undefined);
});
