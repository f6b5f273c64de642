/**
 * A server for faults: each path `/{name}` is a peer of its own. `POST /{name}`
 * tells it its script, `GET /{name}` asks what it saw, `GET /{name}?upgrade` has it
 * answer the upgrades that it was silent about, and everything below is answered
 * as the script says. On `node:http` and `ws`, which can break a
 * connection off in the middle.
 */
// deno-lint-ignore-file no-explicit-any
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import type { Answer, Script, Seen, Step } from "./script.ts";

interface Peer extends Seen {
  script: Script;
  /** How many upgrades were asked for. */
  upgrades: number;
  /** How often each path was asked for. */
  asked: Map<string, number>;
}

/** The entry for the `index`-th time; the last one is for all that follow. */
function entry<T>(list: readonly T[] = [], index: number): T | undefined {
  return list[Math.min(index, list.length - 1)];
}

export async function startScriptedPeer(): Promise<
  { origin: string } & AsyncDisposable
> {
  const peers = new Map<string, Peer>();
  /** What answers the upgrades that a peer was silent about. */
  const unanswered = new Map<Peer, (() => void)[]>();
  // Pages of any origin may ask.
  const cors = {
    "access-control-allow-origin": "*",
    "access-control-allow-headers":
      "authorization, content-type, last-event-id",
  };
  const split = (url: string) => {
    const [, name, path = ""] = /^\/([^/?]+)(\/[^?]*)?/.exec(url) ?? [];
    return { name: name ?? "", path };
  };

  const server = createServer(async (request: any, response: any) => {
    const { name, path } = split(request.url);
    const json = (value: unknown) => {
      response.writeHead(200, cors);
      response.end(JSON.stringify(value));
    };
    if (request.method === "OPTIONS") {
      const allowed = peers.get(name)?.script.allowHeaders;
      response.writeHead(200, {
        ...cors,
        ...(allowed && { "access-control-allow-headers": allowed }),
      });
      return response.end();
    }
    let body = "";
    try {
      for await (const chunk of request) body += chunk;
    } catch {
      // The client has gone.
      return;
    }
    if (path === "" && request.method === "POST") {
      peers.set(name, {
        script: JSON.parse(body),
        upgrades: 0,
        asked: new Map(),
        requests: [],
        sockets: [],
      });
      return json(null);
    }
    const peer = peers.get(name);
    if (!peer) {
      response.writeHead(404, cors);
      return response.end();
    }
    if (path === "") {
      if (request.url.endsWith("?upgrade")) {
        for (const answer of unanswered.get(peer)?.splice(0) ?? []) answer();
      }
      return json(peer);
    }
    const { method, headers } = request;
    const seen: Seen["requests"][number] = { method, path, headers, body };
    peer.requests.push(seen);
    response.on("close", () => {
      if (!response.writableFinished) seen.gone = true;
    });
    const asked = peer.asked.get(path) ?? 0;
    peer.asked.set(path, asked + 1);
    await respond(response, entry(peer.script.http?.[path], asked), cors);
  });

  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request: any, socket: any, head: any) => {
    const { name, path } = split(request.url);
    const peer = peers.get(name);
    if (!peer?.script.sockets) {
      // It ends, so that it is not used again: workerd would.
      return socket.end(
        "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
      );
    }
    const upgrade = (steps: readonly Step[]) => {
      // Set for the call that follows, which asks for it at once.
      sockets.options.handleProtocols = (offered: Set<string>) =>
        peer.script.protocol ?? [...offered][0] ?? false;
      sockets.handleUpgrade(request, socket, head, (ws: any) => {
        const seen: Seen["sockets"][number] = { messages: [] };
        peer.sockets.push(seen);
        ws.on(
          "message",
          (data: Uint8Array, binary: boolean) =>
            seen.messages.push(binary ? [...data] : String(data)),
        );
        ws.on("error", () => {});
        ws.on(
          "close",
          (code: number, reason: Uint8Array) =>
            seen.closed = [code, String(reason)],
        );
        play(ws, steps, seen);
      });
    };
    const steps = entry(peer.script.sockets, peer.upgrades++) ?? [];
    if (steps === "silence") {
      const { method, headers } = request;
      const seen: Seen["requests"][number] = {
        method,
        path,
        headers,
        body: "",
      };
      peer.requests.push(seen);
      socket.on("error", () => {});
      const end = () => socket.end();
      socket.on("end", end);
      socket.on("close", () => seen.gone = true);
      const answer = () => {
        socket.off("end", end);
        upgrade([]);
      };
      unanswered.set(peer, [...unanswered.get(peer) ?? [], answer]);
      return socket.resume();
    }
    upgrade(steps);
  });
  await new Promise<void>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve())
  );
  const { port } = server.address() as { port: number };
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const ws of sockets.clients) ws.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function respond(
  response: any,
  answer: Answer | "silence" | undefined,
  cors: Record<string, string>,
): Promise<void> {
  if (answer === "silence") return;
  const { status = 200, headers, json, chunks = [], wait, then = "end" } =
    answer ?? { status: 404 };
  if (wait) await new Promise((resolve) => setTimeout(resolve, wait));
  response.writeHead(status, {
    ...cors,
    ...(chunks.length > 0 ? { "content-type": "text/event-stream" } : {}),
    ...headers,
  });
  response.flushHeaders();
  if (json !== undefined) response.write(JSON.stringify(json));
  for (const chunk of chunks) {
    const data = typeof chunk === "string" ? chunk : new Uint8Array(chunk);
    await new Promise((resolve) => response.write(data, resolve));
  }
  if (then === "end") response.end();
  // A little later, so that what was written has a chance to arrive.
  if (then === "cut") setTimeout(() => response.socket?.destroy(), 5);
}

async function play(
  ws: any,
  steps: readonly Step[],
  seen: Seen["sockets"][number],
): Promise<void> {
  for (const step of steps) {
    if ("send" in step) ws.send(step.send);
    else if ("bytes" in step) ws.send(new Uint8Array(step.bytes));
    else if ("close" in step) ws.close(...step.close);
    else if ("cut" in step) ws.terminate();
    else if ("wait" in step) {
      await new Promise((resolve) => setTimeout(resolve, step.wait));
    } else {
      while (seen.messages.length < step.received) {
        if (seen.closed) return;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
  }
}
