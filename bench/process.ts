/** Reads a process's descriptors and processor time on Linux. */

/** How many descriptors a process has open. */
export function descriptors(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** The process that listens on a port. */
export async function listener(port: number): Promise<number> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")} `;
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((path) =>
    Deno.readTextFile(path)
  );
  const lines = (await Promise.all(tables)).join("\n").split("\n");
  const inode = lines.find((line) => line.includes(wanted) && / 0A /.test(line))
    ?.trim().split(/\s+/)[9];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      for (const { name: fd } of Deno.readDirSync(`/proc/${name}/fd`)) {
        const link = Deno.readLinkSync(`/proc/${name}/fd/${fd}`);
        if (link === `socket:[${inode}]`) return Number(name);
      }
    } catch {
      // Another user's process, or one that has ended.
    }
  }
  throw new Error(`nothing listens on ${port}`);
}

/** The processor time of a process in milliseconds, with a resolution of 10 ms. */
export function processorTime(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // Fields 14 and 15, counted from 1, after the name, which may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** Bytes of memory that a process holds. */
export function residentMemory(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return 1024 * Number(/VmRSS:\s*(\d+)/.exec(text)![1]);
}
