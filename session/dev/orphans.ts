/**
 * Kills the backends when the platform itself is killed and cannot clean up.
 *
 * A small shell reads the running process groups from a pipe. The pipe ends when the
 * platform does, for whatever reason; the shell then kills the remaining groups. On
 * Windows there is no such shell, so a platform that is killed leaves its backends
 * running.
 */

const SCRIPT = `
trap '' INT TERM HUP
groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
`;

/** Kills the processes that the platform leaves behind. */
export class OrphanGuard implements AsyncDisposable {
  readonly #shell: Deno.ChildProcess | undefined;
  readonly #pipe: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #encoder = new TextEncoder();

  constructor() {
    if (Deno.build.os === "windows") return;
    this.#shell = new Deno.Command("/bin/sh", {
      args: ["-c", SCRIPT],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
      // In its own group, so that Ctrl-C in the terminal does not reach it.
      detached: true,
    }).spawn();
    this.#pipe = this.#shell.stdin.getWriter();
  }

  /** The process group `group` has started. */
  add(group: number): void {
    this.#tell(`+ ${group}\n`);
  }

  /** The process group `group` has ended. */
  remove(group: number): void {
    this.#tell(`- ${group}\n`);
  }

  #tell(line: string): void {
    // If the shell was killed, the platform continues without a guard.
    this.#pipe?.write(this.#encoder.encode(line)).catch(() => {});
  }

  /** Ends the guard, which kills the remaining groups. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pipe?.close().catch(() => {});
    await this.#shell?.status;
  }
}
