/**
 * Cloudflare by itself: an edge route, and session backends that are Durable Objects of
 * the same worker. Each poll is one object, wherever its voters are, and serves them a
 * feed. Run `npx wrangler dev` in this folder; a page connects to
 * `/polls/drinks/backend/`.
 *
 * The object saves votes in its storage, so a poll outlives the object. Its
 * sockets do not hibernate: a feed stays in memory while a client has it open.
 */
import { Hono } from "@hono/hono";
import {
  DurableSessions,
  sessionObject,
  verifiedUser,
} from "@feedline/feedline/cloudflare";
import { sessionProxy } from "@feedline/feedline/proxy";
import {
  type ApiOf,
  defineAction,
  defineFeed,
  type FeedmeServer,
  feedmeServer,
} from "@feedline/feedline/feed/feedme/server";
import { z } from "zod";
import { type ObjectState, webSocketPair } from "./workers.ts";

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

/** One poll: serves its voters, who reach it through the edge route below. */
class PollObject {
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
    const { user } = verifiedUser(request.headers);
    this.#server.accept(socket, { user, subprotocols: offered });
    return response;
  }

  /** The poll ends, on request, or after an hour without use. */
  sessionEnd(): Promise<void> {
    return this.#server.close();
  }
}

export class Poll extends sessionObject(PollObject, { maxIdle: 3_600_000 }) {}

const polls = sessionProxy({
  engine: (c) => new DurableSessions(c.env.POLLS),
  // An application would look up who sends the request.
  authorize: (_, name) =>
    /^[a-z0-9-]{1,40}$/.test(name) ? { anonymous: true } : null,
});

export default new Hono().route("/polls", polls);
