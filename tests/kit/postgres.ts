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

/** A PostgreSQL that runs. */
export interface RunningPostgres extends AsyncDisposable {
  /** For its clients. */
  url: string;
  /** Ends it, as a crash would; its data stays. */
  stop(): Promise<void>;
  /** Starts it again, without waiting until it accepts connections. */
  start(): void;
}

/** Starts one, without waiting until it accepts connections. */
export async function startPostgres(
  programs: string,
  // Without it, nothing waits for the disk; it need not survive a loss of power.
  { fsync = false } = {},
): Promise<RunningPostgres> {
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
  const spawn = () =>
    new Deno.Command(`${programs}/postgres`, {
      args: [
        ...["-D", data, "-p", `${port}`, "-k", ""],
        ...["-c", "listen_addresses=127.0.0.1", "-c", `fsync=${fsync}`],
      ],
      cwd: path,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      ...ids,
    }).spawn();
  let child: Deno.ChildProcess | undefined = spawn();
  const stop = async () => {
    child?.kill("SIGQUIT");
    await child?.status;
    child = undefined;
  };
  started.defer(stop);
  const end = started.move();
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    stop,
    start: () => void (child ??= spawn()),
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
