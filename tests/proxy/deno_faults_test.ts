/**
 * What Deno's WebSockets cannot do, shown without our code. docs/security.md says what
 * that leaves open. If a test fails on a later Deno, the edge can do better there.
 */
import { assertEquals } from "@std/assert";
import { delay, until } from "../kit/wait.ts";

const HANDSHAKE = [
  "GET / HTTP/1.1",
  "host: localhost",
  "connection: upgrade",
  "upgrade: websocket",
  "sec-websocket-version: 13",
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
].join("\r\n") + "\r\n\r\n";

/** The server's side of a WebSocket whose client speaks raw bytes. */
async function accept() {
  let socket!: WebSocket;
  const events: string[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      const upgraded = Deno.upgradeWebSocket(request);
      socket = upgraded.socket;
      for (const name of ["message", "error", "close"]) {
        socket.addEventListener(name, (event) => {
          event.preventDefault();
          events.push(name);
        });
      }
      return upgraded.response;
    },
  );
  const client = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.addr.port,
  });
  await client.write(new TextEncoder().encode(HANDSHAKE));
  await client.read(new Uint8Array(1024));
  await until(() => socket?.readyState === WebSocket.OPEN, "it is open");
  return {
    socket,
    events,
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      await until(() => events.includes("close"), "it has closed");
      await server.shutdown();
    },
  };
}

/** A frame of a client, masked with zeros. */
function frame(first: number, length: number): Uint8Array {
  const bytes = new Uint8Array(14 + length);
  bytes.set([first, 0xff]);
  new DataView(bytes.buffer).setBigUint64(2, BigInt(length));
  return bytes;
}

async function writeAll(client: Deno.TcpConn, bytes: Uint8Array) {
  for (let at = 0; at < bytes.byteLength;) {
    at += await client.write(bytes.subarray(at));
  }
}

Deno.test("Deno collects fragments without an end, and tells nobody", async () => {
  await using peer = await accept();
  const { client, events, socket } = peer;
  const before = Deno.memoryUsage().rss;
  const size = 1024 ** 2;
  // The first fragment of a binary message, then more of it; none says FIN.
  await writeAll(client, frame(0x02, size));
  for (let index = 1; index < 64; index++) {
    await writeAll(client, frame(0x00, size));
  }
  // All of it was read and is held, or writing would have had to wait.
  await until(
    () => Deno.memoryUsage().rss - before > 32 * size,
    "half of it is held",
  );
  assertEquals([events, socket.readyState], [[], WebSocket.OPEN]);
});

Deno.test("Deno keeps a WebSocket whose client stops reading, after close() too", async () => {
  await using peer = await accept();
  const { events, socket } = peer;
  const message = new Uint8Array(1024 ** 2);
  for (let index = 0; index < 32; index++) socket.send(message);
  socket.close(1013, "too slow");
  // No other member ends it. `terminate`, as in ws, does not exist.
  assertEquals("terminate" in socket, false);
  await delay(1_000);
  assertEquals([events, socket.readyState], [[], WebSocket.CLOSING]);
});
