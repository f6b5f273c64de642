/** A Feedme server in memory, and what it serves. */
import type { FeedmeClient } from "../../../../feed/feedme/mod.ts";
import {
  type AcceptOptions,
  feedmeServer,
  type FeedmeServerOptions,
} from "../../../../feed/feedme/server/server.ts";
import { assertRejects } from "../../../kit/assert.ts";
import { application } from "../../../kit/feedme_application.ts";
import { asyncDispose } from "../../../kit/dispose.ts";
import { connect, connected } from "../feedme.ts";
import { memoryTransport, Raw } from "./memory.ts";

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
