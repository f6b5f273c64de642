/**
 * A soak test of the edge on Deno: for a while, clients disconnect at every stage.
 * Afterwards the process must have as many descriptors as before, and the platform no
 * streams and sockets. Only Linux reports these counts.
 */
import {
  dial,
  signIn,
  startDeno,
  startPlatform,
} from "../tests/proxy/platform.ts";
import { descriptors, listener } from "./process.ts";

const SECONDS = Number(Deno.env.get("SOAK_SECONDS") ?? 180);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Leaves a status stream after some milliseconds. */
async function watch(room: string, cookie: string): Promise<void> {
  const answer = await fetch(`${room}/status/stream`, { headers: { cookie } });
  // Via the reader, because aborting a request does not always end its body on Deno.
  const reader = answer.body!.getReader();
  const left = pause(5 + Math.random() * 245).then(() => reader.cancel());
  while (!(await reader.read()).done);
  await left;
}

/** Leaves during the handshake of a WebSocket, or soon after. */
async function knock(edge: { port: number }, cookie: string): Promise<void> {
  const connection = await dial(edge, "ws", cookie);
  await pause(Math.random() * 20);
  connection.close();
}

/** Prints the counts before and after. */
export async function soak(): Promise<void> {
  await using platform = startPlatform();
  await using edge = await startDeno(platform);
  const pid = await listener(edge.port);
  const cookie = await signIn(edge);
  const room = `${edge.origin}/rooms/lobby`;
  await (await fetch(`${room}/connect`, {
    method: "POST",
    headers: { cookie },
  }))
    .body?.cancel();
  const before = descriptors(pid);
  const end = performance.now() + SECONDS * 1000;
  let streams = 0;
  let sockets = 0;
  const repeat = async (act: () => Promise<void>) => {
    while (performance.now() < end) await act();
  };
  await Promise.all([
    ...Array.from({ length: 12 }, () =>
      repeat(async () => {
        streams++;
        await watch(room, cookie);
      })),
    ...Array.from({ length: 1 }, () =>
      repeat(async () => {
        sockets++;
        await knock(edge, cookie);
      })),
  ]);
  // Waits for idle keep-alive connections to close, and for the deadline of a client's
  // socket to open.
  await pause(40_000);
  console.log(
    `soak of ${SECONDS} s: ${streams} status streams and ${sockets} WebSockets left;`,
    `descriptors ${before} before, ${descriptors(pid)} after;`,
    `streams at the platform ${platform.engine.following}, sockets at the backend ${platform.backend.sockets.size}`,
  );
}

if (import.meta.main) await soak();
