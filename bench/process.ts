/** What Linux tells about a process: its descriptors and its processor time. */

/** How many descriptors a process has open. */
export function descriptors(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** The process that listens on a port. */
export async function listener(port: number): Promise<number> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")} `;
  const lines = (await Deno.readTextFile("/proc/net/tcp")).split("\n");
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
      // Another user's, or gone.
    }
  }
  throw new Error(`nobody listens on ${port}`);
}

/** Milliseconds of processor time that a process has used; 10 ms at a time. */
export function processorTime(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // After the name, which may hold spaces: fields 14 and 15 of 1.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
