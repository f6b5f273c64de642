/** A list that everyone can add to, served by any number of processes. */
import { defineAction, feedmeServer } from "../../feed/feedme/server/server.ts";
import { z } from "zod";
import { type ActionLog, SharedFeeds } from "./shared.ts";

const line = z.object({ id: z.string(), text: z.string().max(1_000) });
const data = z.object({ lines: z.array(line) });

/** The page's types: `feedmeClient<ListApi>(…)`. */
export interface ListApi {
  actions: { add: { args: z.infer<typeof line> & { list: string } } };
  feeds: { list: { args: { list: string }; data: z.infer<typeof data> } };
}

export function serveLists(log: ActionLog) {
  const shared = new SharedFeeds(log);
  const list = shared.define({
    name: "list",
    args: z.object({ list: z.string().max(40) }),
    data,
    empty: { lines: [] },
    reduce({ lines }, entry) {
      const added = entry.data as z.infer<typeof line>;
      // An action that is sent again after a lost connection counts once.
      if (lines.some(({ id }) => id === added.id)) return { lines };
      return { lines: [...lines, added] };
    },
  });
  const add = defineAction({
    args: line.extend({ list: z.string().max(40) }),
    handler: ({ list, ...line }) => shared.act("list", { list }, "added", line),
  });
  const server = feedmeServer({ feeds: { list }, actions: { add } }, {
    onChange: shared.changed,
  });
  shared.server = server;
  return { server, shared };
}
