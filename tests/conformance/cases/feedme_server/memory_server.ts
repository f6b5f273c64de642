/** A Feedme server in memory, and what it serves. */
import { z } from "zod";
import type { FeedmeClient } from "../../../../feed/feedme/mod.ts";
import {
  type AcceptOptions,
  defineAction,
  defineFeed,
  FeedmeRejection,
  feedmeServer,
  type FeedmeServerOptions,
} from "../../../../feed/feedme/server/server.ts";
import { assertRejects } from "../../../kit/assert.ts";
import { asyncDispose } from "../../../kit/dispose.ts";
import { connect, connected } from "../feedme.ts";
import { memoryTransport, Raw } from "./memory.ts";

export const room = defineFeed({
  args: z.object({ id: z.string().max(3) }),
  data: z.object({ lines: z.array(z.string()) }),
  authorize: ({ client, args }) => client.user !== "mallory" && args.id !== "x",
  initial: ({ id }) => ({ lines: [`welcome to ${id}`] }),
});
export const count = defineFeed({
  data: z.object({ n: z.number() }),
  actions: { added: z.object({ n: z.number() }) },
  initial: () => ({ n: 0 }),
  digest: true,
});
const say = defineAction({
  args: z.object({ id: z.string(), text: z.string().max(10) }),
  data: z.object({ count: z.number() }),
  authorize: async ({ client }) => {
    await Promise.resolve();
    return client.auth.role === "writer";
  },
  handler({ id, text }, { client, feed }) {
    if (text === "reject") throw new FeedmeRejection("FULL", { seats: 12 });
    if (text === "throw") throw new Error("the password is 1234");
    if (text === "wrong") return { count: "1" as unknown as number };
    const live = feed(room, { id });
    live.update("said", { by: client.user ?? null }, ({ lines }) => ({
      lines: [...lines, text],
    }));
    return { count: live.data.lines.length };
  },
});
const hang = defineAction({ handler: () => new Promise<void>(() => {}) });

const application = { feeds: { room, count }, actions: { say, hang } };
export const ID = { id: "1" };
export const WRITER = { user: "ada", auth: { role: "writer" } };

/** The server, and what its application threw. */
export function start(options: FeedmeServerOptions = {}) {
  const errors: string[] = [];
  const server = feedmeServer(application, {
    onError: (error, { during, name }) =>
      errors.push(`${during} ${JSON.stringify(name)}: ${error}`),
    ...options,
  });
  return {
    server,
    errors,
    /** Our client, connected. */
    async client(options: AcceptOptions = {}): Promise<FeedmeClient> {
      const client = connect(memoryTransport(server, options));
      await connected(client);
      return client;
    },
    raw: (options?: AcceptOptions) => new Raw(server, options).shake(),
    [asyncDispose]: () => server.close(),
  };
}

/** The code and the data of a refusal, as a client gets it. */
export async function refused(asked: Promise<unknown>): Promise<unknown> {
  const error = await assertRejects(() => asked);
  return [error.code, error.serverErrorCode, error.serverErrorData];
}
