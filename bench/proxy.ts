/** The edge route, compared to Hono's own proxy helper and a bare loop between sockets. */
import { Hono } from "@hono/hono";
import { proxy } from "@hono/hono/proxy";
import { sessionProxy } from "../session/edge/proxy.ts";
import type { ConnectResponse, SessionEngine } from "../types.ts";
import { compare, printTable, type Row } from "./compare.ts";
import { bundle } from "../tests/kit/bundle.ts";
import { startWorker } from "../tests/kit/workerd.ts";
import { listener, processorTime } from "./process.ts";
import type { Drive } from "./proxy_peer.ts";

/** Starts the thread with both far ends. */
async function startPeer() {
  const worker = new Worker(new URL("./proxy_peer.ts", import.meta.url), {
    type: "module",
  });
  const next = <T>() =>
    new Promise<T>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
    });
  const port = await next<number>();
  return {
    port,
    drive(task: Drive): Promise<number> {
      worker.postMessage(task);
      return next<number>();
    },
    stop: () => worker.terminate(),
  };
}

/** An engine whose one backend is the peer. */
function engineFor(port: number): SessionEngine {
  const engine: Partial<SessionEngine> = {
    origins: ["http://127.0.0.1:*"],
    connect: () =>
      Promise.resolve<ConnectResponse>({
        backend_id: "peer",
        spawned: false,
        status: "ready",
        token: "bench-token",
        url: `http://127.0.0.1:${port}/bench-token/`,
        secret_token: null,
        status_url: `http://127.0.0.1:${port}/status`,
        ready_url: "",
      }),
  };
  return engine as SessionEngine;
}

function serve(app: Hono) {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    app.fetch,
  );
  return { server, port: (server.addr as Deno.NetAddr).port };
}

/** One request after another. */
async function requests(
  count: number,
  ask: (index: number) => Response | Promise<Response>,
): Promise<void> {
  for (let index = 0; index < count; index++) {
    const response = await ask(index);
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    await response.arrayBuffer();
  }
}

/** Measures the processor time of workerd for an upload of 10 MiB. */
async function uploads(backend: number): Promise<Row> {
  const what =
    "Processor time of a 10 MiB upload on workerd, beside Hono's proxy()";
  const target = "≤ 1.5×";
  if (Deno.build.os !== "linux") {
    return { what, measured: "Linux tells it alone", target };
  }
  await using worker = await startWorker({
    module: await bundle("bench/proxy_worker.ts"),
    vars: { PORT: String(backend) },
  });
  const pid = await listener(worker.port);
  const bytes = new Uint8Array(10 * 1024 ** 2);
  const upload = async (path: string, times: number) => {
    const before = processorTime(pid);
    for (let index = 0; index < times; index++) {
      const answer = await fetch(`http://127.0.0.1:${worker.port}${path}`, {
        method: "POST",
        body: bytes,
      });
      if (answer.status !== 200) throw new Error(`status ${answer.status}`);
      await answer.arrayBuffer();
    }
    return (processorTime(pid) - before) / times;
  };
  const [ours, theirs] = ["/rooms/doc/backend/file", "/plain/file"];
  const spent = { ours: 0, theirs: 0 };
  await upload(ours, 5);
  await upload(theirs, 5);
  for (let round = 0; round < 5; round++) {
    spent.ours += await upload(ours, 10);
    spent.theirs += await upload(theirs, 10);
  }
  const each = (total: number) => (total / 5).toFixed(0);
  return {
    what,
    measured: `${(spent.ours / spent.theirs).toFixed(2)}× (${
      each(spent.ours)
    } and ${each(spent.theirs)} ms)`,
    target,
  };
}

/** Prints the table of the edge route. */
export async function benchProxy(): Promise<void> {
  const peer = await startPeer();
  const options = {
    engine: engineFor(peer.port),
    authorize: () => ({ user: "ada" }),
    upgrade: (
      c: { req: { raw: Request } },
      init: Deno.UpgradeWebSocketOptions,
    ) => Deno.upgradeWebSocket(c.req.raw, init),
    maxHeld: 20_000,
  };
  const ours = new Hono();
  ours.route("/rooms", sessionProxy(options));
  const many = new Hono();
  many.route("/rooms", sessionProxy(options));
  const theirs = new Hono();
  theirs.all("/rooms/:name/backend/*", (c) => {
    const { pathname, search } = new URL(c.req.url);
    const rest = pathname.split("/").slice(4).join("/");
    const url = `http://127.0.0.1:${peer.port}/bench-token/${rest}${search}`;
    return proxy(url, { raw: c.req.raw });
  });
  theirs.get("/bare", (c) => {
    const { socket, response } = Deno.upgradeWebSocket(c.req.raw);
    const upstream = new WebSocket(`ws://127.0.0.1:${peer.port}/`);
    upstream.binaryType = socket.binaryType = "arraybuffer";
    const early: unknown[] = [];
    socket.onmessage = ({ data }) => {
      if (upstream.readyState === WebSocket.OPEN) upstream.send(data);
      else early.push(data);
    };
    upstream.onopen = () =>
      early.forEach((data) => upstream.send(data as ArrayBuffer));
    upstream.onmessage = ({ data }) => socket.send(data);
    socket.onclose = () => upstream.close();
    return response;
  });
  const servers = [serve(ours), serve(many), serve(theirs)] as const;
  const [own, full, hono] = servers.map(({ port }) =>
    `http://127.0.0.1:${port}`
  ) as [string, string, string];

  const rows: Row[] = [];
  const add = (what: string, measured: number, target: string) =>
    rows.push({ what, measured: `${measured.toFixed(2)}×`, target });

  const path = "/rooms/doc/backend/file?x=1";
  const wire = await compare(
    () => requests(100, () => fetch(own + path)),
    () => requests(100, () => fetch(hono + path)),
    31,
  );
  add("HTTP through the route, beside Hono's proxy()", wire.ratio, "≤ 1.1×");
  const inside = await compare(
    () => requests(100, () => ours.request(path)),
    () => requests(100, () => theirs.request(path)),
    31,
  );
  add("the same without the client's connection", inside.ratio, "report");

  await requests(
    10_000,
    (index) => many.request(`/rooms/other-${index}/backend/file`),
  );
  const held = await compare(
    () =>
      requests(
        400,
        (index) => fetch(`${full}/rooms/other-${index * 100}/backend/file?x=1`),
      ),
    () =>
      requests(
        400,
        (index) => fetch(`${own}/rooms/other-${index % 10}/backend/file?x=1`),
      ),
    31,
  );
  add("HTTP with 10,000 keys held, beside 10", held.ratio, "≤ 1.1×");

  for (const [size, count] of [[1024, 6_000], [65_536, 600]] as const) {
    const task = { size, count, inFlight: 64 };
    const bridge = await compare(
      () => peer.drive({ ...task, url: `${hono.replace("http", "ws")}/bare` }),
      () =>
        peer.drive({
          ...task,
          url: `${own.replace("http", "ws")}/rooms/doc/backend/ws`,
        }),
      31,
    );
    add(
      `WebSocket messages a second, ${
        size / 1024
      } kB, 64 in flight, beside a bare loop`,
      bridge.ratio,
      "≥ 0.9×",
    );
  }

  rows.push(await uploads(peer.port));

  printTable("The edge route", rows);
  await Promise.all(servers.map(({ server }) => server.shutdown()));
  peer.stop();
}

if (import.meta.main) await benchProxy();
