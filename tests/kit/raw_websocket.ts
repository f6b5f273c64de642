/** A WebSocket by hand, for what no WebSocket does. */

/** The headers of a handshake. */
export const UPGRADE: readonly string[] = [
  "upgrade: websocket",
  "connection: upgrade",
  "sec-websocket-version: 13",
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
];

/** A connection to a port of this machine that has made the handshake. */
export async function connectRaw(
  port: number,
  target = "/",
): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  const lines = [`GET ${target} HTTP/1.1`, "host: x", ...UPGRADE, "\r\n"];
  await connection.write(new TextEncoder().encode(lines.join("\r\n")));
  await connection.read(new Uint8Array(1_000));
  return connection;
}
