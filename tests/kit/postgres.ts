/** A PostgreSQL for one test: the system's programs, such as Debian's `postgresql`. */
import { folder } from "./program.ts";

const INSTALLED = "/usr/lib/postgresql";

/** The folder of PostgreSQL's programs, if it is installed. */
export async function findPostgres(): Promise<string | undefined> {
  const versions: string[] = [];
  try {
    for await (const { name } of Deno.readDir(INSTALLED)) versions.push(name);
  } catch {
    return undefined;
  }
  const newest = versions.sort((a, b) => Number(a) - Number(b)).at(-1);
  return newest && `${INSTALLED}/${newest}/bin`;
}

/** Starts one; `url` is for its clients. */
export async function startPostgres(
  programs: string,
): Promise<{ url: string } & AsyncDisposable> {
  await using started = new AsyncDisposableStack();
  const { path } = started.use(await folder());
  // It refuses to run as root.
  const ids = Deno.uid() === 0 ? await idsOf("postgres") : {};
  if (ids.uid !== undefined) await Deno.chown(path, ids.uid, ids.gid!);
  const data = `${path}/data`;
  const { success, stderr } = await new Deno.Command(`${programs}/initdb`, {
    args: ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync"],
    cwd: path,
    ...ids,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const port = freePort();
  const child = new Deno.Command(`${programs}/postgres`, {
    args: [
      ...["-D", data, "-p", `${port}`, "-k", ""],
      ...["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
    ],
    cwd: path,
    stdin: "null",
    stdout: "null",
    stderr: "null",
    ...ids,
  }).spawn();
  started.defer(async () => {
    child.kill("SIGQUIT");
    await child.status;
  });
  const end = started.move();
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    [Symbol.asyncDispose]: () => end.disposeAsync(),
  };
}

/** A port that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function idsOf(user: string): Promise<{ uid?: number; gid?: number }> {
  const users = (await Deno.readTextFile("/etc/passwd")).split("\n");
  const [, , uid, gid] = users.find((line) => line.startsWith(`${user}:`))
    ?.split(":") ?? [];
  return uid === undefined ? {} : { uid: Number(uid), gid: Number(gid) };
}
