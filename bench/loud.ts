/**
 * The dev platform while one backend prints 100 MB of short lines as fast as it can: how
 * long requests to another backend and reads of its status take, beside the same without
 * any output.
 */
import { Jamsocket } from "../server.ts";
import { startDevPlatform } from "../session/dev/mod.ts";
import { percentiles, printTable, type Row } from "./compare.ts";

const MEGABYTES = 100;

/** Responds to requests; with `LOUD`, also prints. */
const BACKEND = `
  Deno.serve(
    { port: Number(Deno.env.get("PORT")), onListen() {} },
    () => new Response("ok"),
  );
  if (Deno.env.has("LOUD")) {
    const lines = new TextEncoder().encode("tick\\n".repeat(10_000));
    const writer = Deno.stdout.writable.getWriter();
    for (let sent = 0; sent < ${MEGABYTES}e6; sent += lines.length) {
      await writer.write(lines);
    }
    console.log("done");
  }`;

/** Reads until `over`; at least 200 times. */
async function read(
  urls: readonly string[],
  over: () => boolean,
): Promise<number[][]> {
  const times: number[][] = urls.map(() => []);
  while (!over() || times[0]!.length < 200) {
    for (const [index, url] of urls.entries()) {
      const start = performance.now();
      await (await fetch(url)).text();
      times[index]!.push(performance.now() - start);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return times;
}

/** Prints the table. */
export async function benchLoud(): Promise<void> {
  let printed = 0;
  let done = false;
  await using platform = await startDevPlatform({
    command: [Deno.execPath(), "eval", BACKEND],
    port: 0,
    proxyPort: 0,
    onEvent(event) {
      if (event.type !== "line") return;
      printed += event.text.length + 1;
      done ||= event.text === "done";
    },
  });
  const port = Number(new URL(platform.apiUrl).port);
  const jamsocket = new Jamsocket({ dev: true, port });
  const quiet = await jamsocket.connect({ key: "quiet" });
  for await (const { status } of jamsocket.statuses(quiet.backend_id)) {
    if (status === "ready") break;
  }
  const urls = [quiet.url, quiet.status_url];
  const before = await read(urls, () => true);
  const start = performance.now();
  await jamsocket.connect({
    key: "loud",
    spawn: { executable: { env: { LOUD: "1" } } },
  });
  while (printed === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const during = await read(urls, () => done);
  const seconds = (performance.now() - start) / 1_000;
  const rows: Row[] = ["a request to another backend", "a read of its status"]
    .flatMap((what, index) => [
      {
        what: `${what}, meanwhile`,
        measured: percentiles(during[index]!),
        target: index === 0 ? "p99 ≤ 50 ms" : "report",
      },
      {
        what: `${what}, without output`,
        measured: percentiles(before[index]!),
        target: "report",
      },
    ]);
  rows.push({
    what: "the output",
    measured: `${(printed / 1e6).toFixed(0)} MB in ${seconds.toFixed(0)} s`,
    target: "report",
  });
  printTable("Dev platform, beside a backend that prints 100 MB", rows);
}

if (import.meta.main) await benchLoud();
