/** Views and optimistic actions, with `feedme-server-core` from npm. */
import {
  feedmeClient,
  type JsonObject,
  webSocketTransport,
} from "../../../../feed/feedme/mod.ts";
import { assert, assertEquals, assertRejects } from "../../../kit/assert.ts";
import { until } from "../../../kit/wait.ts";
import type { Area } from "../../suite.ts";
import { reveal, set } from "./feeds.ts";

const connect = (url: string) =>
  feedmeClient({
    transport: webSocketTransport({ url }),
    connectRetryMs: 10,
    connectRetryBackoffMs: 0,
  });

export const clientViews: Area["cases"] = {
  async "one call connects and opens, and the last reader closes"(t) {
    await using client = connect(t.feedme);
    const id = t.name("board");
    const view = await client.open("board", { id });
    assertEquals(client.state(), "connected");
    assertEquals(view.data, { n: 0, list: [] });
    const other = client.view("board", { id });
    assert(other.data === view.data);
    const seen: unknown[] = [];
    const abort = new AbortController();
    const loop = (async () => {
      for await (
        const { data } of client.feed("board", { id }).changes(abort)
      ) {
        seen.push(data.n);
        if (data.n === 2) break;
      }
    })();
    await set(client, id, 1);
    await set(client, id, 2);
    await loop;
    assertEquals(seen.at(-1), 2);
    view.close();
    assertEquals(other.data!.n, 2);
    other.close();
    const reason = new Error("left");
    abort.abort(reason);
    const error = await assertRejects(() =>
      client.open("board", { id }, { signal: abort.signal })
    );
    assert(error === reason);
  },

  async "a view keeps its data while the connection is lost"(t) {
    await using client = connect(t.feedme);
    const id = t.name("board");
    const view = await client.open("board", { id });
    await reveal(client, id, {
      deltas: [{ Operation: "Set", Path: ["list"], Value: [{ id: 1 }] }],
      data: { n: 0, list: [{ id: 1 }] },
    });
    const { list } = view.data!;
    const seen: unknown[] = [];
    view.subscribe(() => {
      const { state, stale, data } = view.getSnapshot();
      seen.push([state, stale, data?.list === list]);
    });
    await client.action("drop", {}).catch(() => {});
    await until(() => seen.length > 0 && !view.stale, "the view is open again");
    assertEquals(
      seen,
      [
        ["opening", true, true],
        ["opening", true, true],
        ["open", false, true],
      ].slice(-seen.length),
    );
    view.close();
  },

  async "an optimistic change is seen at once, and taken back if it is refused"(
    t,
  ) {
    await using client = connect(t.feedme);
    const id = t.name("board");
    const view = await client.open("board", { id });
    const act = (name: string, args: JsonObject) =>
      client.action(name, args, {
        feed: "board",
        args: { id },
        optimistic: (data) => ({ ...data, n: 7 }),
      });
    const refused = act("refuse", { code: "FULL", data: {} });
    assertEquals(view.data!.n, 7);
    await assertRejects(() => refused);
    assertEquals(view.data!.n, 0);
    const done = act("reveal", {
      id,
      name: "set",
      actionData: {},
      deltas: [{ Operation: "Set", Path: ["n"], Value: 7 }],
      data: { n: 7, list: [] },
    });
    assertEquals([view.data!.n, view.getSnapshot().pending], [7, 1]);
    await done;
    assertEquals([view.data!.n, view.getSnapshot().pending], [7, 0]);
    view.close();
  },
};
