/**
 * Kills the backends when the platform itself is killed and cannot clean up.
 *
 * A small shell reads the process groups that run from a pipe. The pipe ends
 * when the platform does, however it does; then the shell kills the groups that
 * are left. On Windows there is no such shell, and a platform that is killed by
 * force leaves its backends running.
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

/** Kills what the platform leaves behind. */
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
      // A group of its own: Ctrl-C in the terminal is not meant for it.
      detached: true,
    }).spawn();
    this.#pipe = this.#shell.stdin.getWriter();
  }

  /** The process group `group` lives from now on. */
  add(group: number): void {
    this.#tell(`+ ${group}\n`);
  }

  /** The process group `group` is gone. */
  remove(group: number): void {
    this.#tell(`- ${group}\n`);
  }

  #tell(line: string): void {
    // If the shell was killed the platform runs on without a guard.
    this.#pipe?.write(this.#encoder.encode(line)).catch(() => {});
  }

  /** Ends the guard; groups that are still there are killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pipe?.close().catch(() => {});
    await this.#shell?.status;
  }
}
