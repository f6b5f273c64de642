/**
 * What every log must stand: three processes of `examples/scale/`, 1,000 concurrent
 * changes, one process killed in the middle and started again, and clients on all three.
 */
import { assert, assertEquals } from "@std/assert";
import {
  type FeedmeClient,
  feedmeClient,
  webSocketTransport,
} from "../../feed/feedme/mod.ts";
import type { ListApi } from "../../examples/scale/app.ts";
import { config } from "../kit/config.ts";
import { freePort } from "../kit/postgres.ts";
import { type Program, startProgram } from "../kit/program.ts";
import { until } from "../kit/wait.ts";

const CHANGES = 1_000;
const CLIENTS = 12;
const LIST = { list: "shopping" };

type Client = FeedmeClient<ListApi>;

export async function standsAKill(env: Record<string, string>): Promise<void> {
  const ports = [freePort(), freePort(), freePort()];
  const programs: Program[] = [];
  const start = (index: number) =>
    startProgram(Deno.execPath(), [
      ...["run", "-A", `--config=${config}`, "examples/scale/main.ts"],
    ], { ...env, PORT: `${ports[index]}` });
  const clients: Client[] = [];
  const join = (index: number) => {
    const client = feedmeClient<ListApi>({
      transport: webSocketTransport({ url: `ws://127.0.0.1:${ports[index]}` }),
      connectRetryMs: 100,
      connectRetryBackoffMs: 0,
      actionTimeoutMs: 0,
    });
    clients.push(client);
    return client.view("list", LIST);
  };
  try {
    // The first alone, so that the others find everything prepared.
    programs[0] = await start(0);
    [programs[1], programs[2]] = await Promise.all([start(1), start(2)]);
    const views = Array.from({ length: CLIENTS }, (_, n) => join(n % 3));
    await Promise.all(views.map((view) => view.opened()));

    let acknowledged = 0;
    let unknown = 0;
    let killed: PromiseLike<void> | undefined;
    const add = async (n: number) => {
      const client = clients[n % CLIENTS]!;
      for (;;) {
        try {
          await client.action("add", {
            ...LIST,
            id: `${n}`,
            text: `line ${n}`,
          });
          acknowledged++;
          if (!killed && n % 3 === 1) killInTheMiddle();
          return;
        } catch (error) {
          // The process may have died before or after the change; `id` tells.
          const { code, outcome } = error as { code: string; outcome: string };
          assertEquals(code, "NOT_CONNECTED");
          if (outcome === "unknown") unknown++;
          await until(() => client.state() === "connected");
        }
      }
    };
    const adding: Promise<void>[] = [];
    const addTo = (end: number) => {
      while (adding.length < end) adding.push(add(adding.length));
    };
    const killInTheMiddle = () => {
      // The process has answered some changes, has others, and is sent more.
      addTo(CHANGES);
      killed = programs[1]![Symbol.asyncDispose]();
    };
    addTo(CHANGES / 2);
    // Others open the list meanwhile, at the processes that stay.
    const opening = (async () => {
      for (let n = 0; acknowledged < CHANGES * 0.8; n++) {
        const view = join(n % 2 * 2);
        views.push(view);
        await view.opened();
      }
    })();
    await until(() => killed !== undefined);
    await killed;
    programs[1] = await start(1);
    await Promise.all([...adding, opening]);
    console.log(
      `${acknowledged} changes, ${unknown} of them sent again, ${views.length} clients`,
    );
    assert(unknown > 0, "the process was not killed in the middle");
    assert(views.length > CLIENTS);

    const complete = () =>
      views.every(({ data, stale }) =>
        data?.lines.length === CHANGES && !stale
      );
    await until(complete, "every client has every line", 30_000);
    const [first, ...rest] = views.map(({ data }) =>
      data!.lines.map(({ id }) => id)
    );
    for (const ids of rest) assertEquals(ids, first);
    assertEquals(new Set(first).size, CHANGES);
    // A client that comes now gets the same.
    const late = join(1);
    const { lines } = await late.opened();
    assertEquals(lines.map(({ id }) => id), first);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
  try {
    for (const port of ports) {
      await until(async () => {
        const response = await fetch(`http://127.0.0.1:${port}/`);
        return (await response.json()).following === 0;
      }, "no process follows a feed that no client has open");
    }
  } finally {
    for (const program of programs) await program[Symbol.asyncDispose]();
  }
}
