/**
 * Both far ends for the benchmark of the edge route, in their own thread, so that only the
 * proxy is measured: a backend that responds and echoes, and a client that keeps messages
 * in flight.
 */
/// <reference lib="deno.worker" />

/** A client's task: `count` messages of `size` bytes, `inFlight` at a time. */
export interface Drive {
  url: string;
  size: number;
  count: number;
  inFlight: number;
}

const body = "x".repeat(1024);

const server = Deno.serve(
  { port: 0, hostname: "127.0.0.1", onListen() {} },
  async (request) => {
    if (request.headers.get("upgrade") !== "websocket") {
      // Reads an upload to its end.
      for await (const _ of request.body ?? []);
      return new Response(body);
    }
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  },
);

/** Resolves with the milliseconds from the first message sent to the last received. */
function drive({ url, size, count, inFlight }: Drive): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    const message = new Uint8Array(size);
    let [sent, received, start] = [0, 0, 0];
    socket.onopen = () => {
      start = performance.now();
      while (sent < inFlight) {
        sent++;
        socket.send(message);
      }
    };
    socket.onmessage = () => {
      if (++received === count) {
        resolve(performance.now() - start);
        socket.close();
      } else if (sent < count) {
        sent++;
        socket.send(message);
      }
    };
    socket.onerror = () => reject(new Error("the client's socket failed"));
  });
}

self.onmessage = async ({ data }: MessageEvent<Drive>) => {
  self.postMessage(await drive(data));
};
self.postMessage((server.addr as Deno.NetAddr).port);
