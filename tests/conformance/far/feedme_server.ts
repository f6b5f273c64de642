/**
 * `feedme-server-core` from npm, told what to do by its clients: each board
 * `{ id }`, with or without further arguments, is a feed of its own, and actions
 * say what happens on it.
 */
// deno-lint-ignore-file no-explicit-any
import feedmeServerCore from "feedme-server-core";
import feedmeTransportWs from "feedme-transport-ws/server.js";

/** What actions do; each is answered with success unless it says otherwise. */
const actions: Record<
  string,
  (server: any, args: any, request: any, response: any) => void
> = {
  echo: (_server, args, _request, response) => response.success(args),
  refuse: (_server, { code, data }, _request, response) =>
    response.failure(code, data),
  ignore: () => {},
  /** Publishes an action on a board, which then has `data`. */
  reveal(server, params, _request, response) {
    const { id, args, name, actionData, deltas, data, md5 } = params;
    boards.set(id, data);
    server.actionRevelation({
      actionName: name,
      actionData,
      feedName: "board",
      feedArgs: { id, ...args },
      feedDeltas: deltas,
      ...(md5 ? { feedData: data } : {}),
    });
    response.success({});
  },
  terminate(server, { id, code, data }, _, response) {
    server.feedTermination({
      feedName: "board",
      feedArgs: { id },
      errorCode: code,
      errorData: data,
    });
    response.success({});
  },
  drop: (server, _args, { clientId }) => server.disconnect(clientId),
};

/** The data of the boards that actions changed. */
const boards = new Map<string, object>();

/** Starts it on a port of the system's choice; its address. */
export async function startFeedmeServer(): Promise<string> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const server = feedmeServerCore({
    transport: feedmeTransportWs({ port, host: "127.0.0.1" }),
  });
  server.on("action", (request: any, response: any) => {
    const action = Object.hasOwn(actions, request.actionName)
      ? actions[request.actionName]
      : undefined;
    if (action) action(server, request.actionArgs, request, response);
    else response.failure("UNKNOWN_ACTION", {});
  });
  server.on("feedOpen", ({ feedName, feedArgs }: any, response: any) => {
    if (feedName !== "board") return response.failure("UNKNOWN_FEED", {});
    response.success(boards.get(feedArgs.id) ?? { n: 0, list: [] });
  });
  await new Promise((resolve) => {
    server.on("start", resolve);
    server.start();
  });
  return `ws://127.0.0.1:${port}`;
}
