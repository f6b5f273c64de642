/** What processes take: the texts of each system, and this one's own processes. */
import { assertEquals } from "@std/assert";
import {
  parseStat,
  readUsage,
  sumPs,
  usageOf,
} from "../../session/dev/usage.ts";
import { until } from "../kit/wait.ts";

Deno.test("dev usage - /proc/<pid>/stat, whatever the program is called", () => {
  const rest = "S 1 4242 4242 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0 1 1 1";
  assertEquals(parseStat(`7 (a) b) ${rest}`), { group: 4242, cpu: 2000 });
  assertEquals(parseStat("nonsense"), undefined);
});

Deno.test("dev usage - the lines of ps are added up by group", () => {
  const text = `  10   0:01.50   100
   10 00:01:02  50
   10 1-00:00:01 1
   11 0:09.00 9
  `;
  assertEquals(
    sumPs(text, new Set([10])),
    new Map([
      [10, { cpu: 1_500 + 62_000 + 86_401_000, memory: 151 * 1024 }],
    ]),
  );
});

Deno.test("dev usage - the share of a processor is never negative", () => {
  const memory = 5;
  assertEquals(usageOf({ cpu: 100, memory }, { cpu: 600, memory }, 1000), {
    cpu: 50,
    memory,
  });
  assertEquals(
    usageOf({ cpu: 900, memory }, { cpu: 100, memory }, 1000).cpu,
    0,
  );
  assertEquals(usageOf(undefined, { cpu: 100, memory }, 0).cpu, 0);
});

Deno.test("dev usage - a real process group, and a system that does not tell", async () => {
  assertEquals(await readUsage(new Set([1]), "windows"), undefined);
  if (Deno.build.os === "windows") return;
  const child = new Deno.Command("sh", {
    args: ["-c", "sleep 60 & sleep 60"],
    detached: true,
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await until(async () => {
      const usage = await readUsage(new Set([child.pid]));
      return (usage!.get(child.pid)?.memory ?? 0) > 100_000;
    }, "its memory");
  } finally {
    Deno.kill(-child.pid, "SIGKILL");
    await child.status;
  }
});
