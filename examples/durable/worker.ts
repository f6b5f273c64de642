/**
 * Serves feeds from Durable Objects: each poll is one object, wherever its voters
 * are. Run `npx wrangler dev` in this folder.
 *
 * The object saves votes in its storage, so a poll outlives the object. Its
 * sockets do not hibernate: a feed stays in memory while a client has it open.
 */
import {
  type ApiOf,
  defineAction,
  defineFeed,
  type FeedmeServer,
  feedmeServer,
} from "@feedline/feedline/feed/feedme/server";
import { z } from "zod";
import { type ObjectState, type Polls, webSocketPair } from "./workers.ts";

const OPTIONS = ["tea", "coffee", "water"] as const;
const Votes = z.object({ votes: z.record(z.enum(OPTIONS), z.int()) });

function application({ storage }: ObjectState) {
  const poll = defineFeed({
    data: Votes,
    initial: async () => ({
      votes: Votes.shape.votes.parse(
        await storage.get("votes") ?? { tea: 0, coffee: 0, water: 0 },
      ),
    }),
  });
  const vote = defineAction({
    args: z.object({ option: z.enum(OPTIONS) }),
    async handler({ option }, { feed }) {
      const live = feed(poll);
      await live.loaded();
      live.update("voted", { option }, ({ votes }) => ({
        votes: { ...votes, [option]: votes[option] + 1 },
      }));
      // Saved before the voter gets the response.
      await storage.put("votes", live.data.votes);
    },
  });
  return { feeds: { poll }, actions: { vote } };
}

/** What a page may ask for: `feedmeClient<PollApi>(…)`. */
export type PollApi = ApiOf<ReturnType<typeof application>>;

/** One poll. */
export class Poll {
  readonly #server: FeedmeServer;

  constructor(state: ObjectState) {
    this.#server = feedmeServer(application(state));
  }

  fetch(request: Request): Response {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return new Response("a WebSocket is expected here", { status: 426 });
    }
    const offered = request.headers.get("sec-websocket-protocol") ?? "";
    const { socket, response } = webSocketPair(
      offered.split(/, ?/).includes("feedme") ? "feedme" : undefined,
    );
    this.#server.accept(socket, { subprotocols: offered });
    return response;
  }
}

export default {
  fetch(request: Request, env: { POLLS: Polls }): Response | Promise<Response> {
    const [, name] = /^\/polls\/([a-z0-9-]{1,40})$/.exec(
      new URL(request.url).pathname,
    ) ?? [];
    if (!name) return new Response("no such poll", { status: 404 });
    return env.POLLS.get(env.POLLS.idFromName(name)).fetch(request);
  },
};
