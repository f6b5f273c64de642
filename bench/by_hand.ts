/** A backend that is started without a platform. */

/**
 * Runs `main` with Deno on a free port and calls `ready` with it; returns the
 * milliseconds until that resolves. Kills the program then.
 */
export async function byHand(
  main: string,
  ready: (port: number) => Promise<void>,
): Promise<number> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const start = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", main],
    env: { PORT: String(port) },
    stdout: "null",
    stderr: "null",
  }).spawn();
  await ready(port);
  const took = performance.now() - start;
  child.kill("SIGKILL");
  await child.status;
  return took;
}
