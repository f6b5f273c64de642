/** Optimistic actions between our client and our server: seen once, at every moment. */
import { assertEquals } from "@std/assert";
import { z } from "zod";
import { feedmeClient, webSocketTransport } from "../../feed/feedme/mod.ts";
import {
  type ApiOf,
  defineAction,
  defineFeed,
  feedmeServer,
} from "../../feed/feedme/server/server.ts";
import { actionOf, openOf } from "../kit/feedme_messages.ts";
import { delay, settled, until } from "../kit/wait.ts";
import { FakeSocket } from "./fake_socket.ts";

const line = z.object({ by: z.string(), text: z.string() });
const list = defineFeed({
  data: z.object({ lines: z.array(line) }),
  initial: () => ({ lines: [] }),
});
const late = Promise.withResolvers<void>();
const add = defineAction({
  args: line,
  // Responds long after it has revealed.
  async handler(line, { feed }) {
    await delay(1);
    feed(list).update(
      "added",
      {},
      ({ lines }) => ({ lines: [...lines, line] }),
    );
    await delay(5);
  },
});
const leave = defineAction({
  handler(_args, { feed }) {
    late.promise.then(() =>
      feed(list).update("later", {}, ({ lines }) => ({ lines }))
    );
  },
});
const application = { feeds: { list }, actions: { add, leave } };
type Api = ApiOf<typeof application>;

Deno.test("optimistic: three people write at once, and see every line of theirs exactly once", async () => {
  const server = feedmeServer(application);
  const http = Deno.serve({ port: 0, onListen() {} }, (request) => {
    const subprotocols = request.headers.get("sec-websocket-protocol");
    const { socket, response } = Deno.upgradeWebSocket(request, {
      protocol: "feedme",
    });
    server.accept(socket, { subprotocols });
    return response;
  });
  const faults: string[] = [];
  const join = async (name: string) => {
    const client = feedmeClient<Api>({
      transport: webSocketTransport({
        url: `ws://127.0.0.1:${http.addr.port}/`,
      }),
    });
    const view = await client.open("list");
    let written = 0;
    const mine = () =>
      view.data!.lines.filter(({ by }) => by === name).map(({ text }) => text);
    view.subscribe(() => {
      const { state, data } = view.getSnapshot();
      if (state !== "open") return;
      const texts = data.lines.filter(({ by }) => by === name)
        .map(({ text }) => text);
      // Never twice, never gone.
      if (new Set(texts).size !== texts.length || texts.length !== written) {
        faults.push(`${name} ${written}: ${texts}`);
      }
    });
    const write = async () => {
      const acting: Promise<unknown>[] = [];
      for (let n = 0; n < 50; n++) {
        written++;
        acting.push(client.action("add", { by: name, text: `${n}` }, {
          feed: "list",
          optimistic: ({ lines }, line) => ({ lines: [...lines, line] }),
        }));
        if (n % 3 === 0) await delay(1);
      }
      await Promise.all(acting);
    };
    return { client, view, write, mine };
  };
  const people = await Promise.all(["ann", "bob", "cat"].map(join));
  await Promise.all(people.map(({ write }) => write()));
  await until(() =>
    people.every(({ view }) => view.data!.lines.length === 150)
  );
  assertEquals(faults, []);
  for (const { view, mine } of people) {
    assertEquals(view.data, people[0]!.view.data);
    assertEquals(view.getSnapshot().pending, 0);
    assertEquals(mine().length, 50);
  }
  for (const { client } of people) await client.close();
  await server.close();
  await http.shutdown();
});

Deno.test("optimistic: the server marks what an action causes, for its client, until it is answered", async () => {
  const server = feedmeServer(application);
  const join = async (subprotocols: string) => {
    const socket = new FakeSocket();
    server.accept(socket, { subprotocols });
    await socket.shake();
    await socket.ask(openOf("list"));
    return socket;
  };
  const ours = await join("feedme, feedme+alive");
  const other = await join("feedme, feedme+alive");
  const foreign = await join("feedme");
  const actions = ({ sent }: FakeSocket) =>
    sent.filter(({ MessageType }) => MessageType === "FeedAction");
  const marks = (socket: FakeSocket) => {
    const found = actions(socket).map(({ CallbackId }) => CallbackId);
    socket.sent.length = 0;
    return found;
  };
  const said = { by: "ann", text: "a" };
  ours.receive(actionOf("add", said, '"7"'));
  foreign.receive(actionOf("add", said, "8"));
  for (const socket of [ours, other, foreign]) {
    await until(
      () => actions(socket).length === 2,
      "both actions are revealed",
    );
  }
  assertEquals(marks(ours).sort(), ['"7"', undefined]);
  assertEquals(marks(other), [undefined, undefined]);
  assertEquals(marks(foreign), [undefined, undefined]);
  await ours.ask(actionOf("leave", {}, "9"));
  late.resolve();
  await settled();
  assertEquals(marks(ours), [undefined]);
  server.feed(list).update("set", {}, { lines: [] });
  assertEquals(marks(ours), [undefined]);
  await server.close();
});
