/**
 * This library's server with the application of a recorded scenario. It stands
 * for the lab's wire too: it notes what crosses, and rewrites, holds back or
 * adds what the lab did.
 */
import { assertThrows } from "@std/assert";
import { z } from "zod";
import type {
  FeedmeDialect,
  FeedmeSocket,
} from "../../feed/feedme/server/served_socket.ts";
import {
  type ActionDefinition,
  defineAction,
  defineFeed,
  type FeedDefinition,
  FeedmeRejection,
} from "../../feed/feedme/server/define.ts";
import type { Delta } from "../../feed/feedme/wire/protocol.ts";
import { feedmeServer } from "../../feed/feedme/server/server.ts";
import type { Scenario, ServerCommand } from "../feedme/scenarios.ts";

type Plan = object | [string, object] | "hold" | "echo" | undefined;
// deno-lint-ignore no-explicit-any
type Any = any;

/** Feeds and actions that scenarios mention without a plan. */
const NAMES = { feeds: ["f", "g"], actions: ["x", "ok", "nope"] };

export function startRecordedServer(
  scenario: Scenario,
  dialect: FeedmeDialect,
) {
  const { server: plans = {}, wire = {} } = scenario;
  const frames: string[] = [];
  const held: PromiseWithResolvers<Any>[] = [];
  const hold = () => {
    const waiting = Promise.withResolvers<Any>();
    held.push(waiting);
    return waiting.promise;
  };
  const answer = (plan: Plan, args: object): Any => {
    if (plan === "hold") return hold();
    if (plan === "echo") return { echo: args };
    if (Array.isArray(plan)) throw new FeedmeRejection(plan[0], plan[1]);
    return plan ?? {};
  };
  const feeds: Record<string, FeedDefinition<Any, Any, Any>> = {};
  const feedPlans: Record<string, Plan> = plans.feeds ?? {};
  for (const name of new Set([...NAMES.feeds, ...Object.keys(feedPlans)])) {
    feeds[name] = defineFeed<Any, Any, Any>({
      args: z.record(z.string(), z.string()),
      data: z.looseObject({}),
      initial: (args) => answer(feedPlans[name], args),
      digest: scenario.name.includes("FeedMd5"),
      ...(plans.holdClose && { onClose: () => hold() }),
    });
  }
  const actions: Record<string, ActionDefinition<Any, Any>> = {};
  const actionPlans: Record<string, Plan> = plans.actions ?? {};
  for (const name of new Set([...NAMES.actions, ...Object.keys(actionPlans)])) {
    actions[name] = defineAction<Any, Any>({
      args: z.looseObject({}),
      data: z.looseObject({}),
      handler: (args) => {
        if (plans.deaf) throw new Error("There is nobody to do this");
        return answer(actionPlans[name], args);
      },
    });
  }
  const server = feedmeServer({ feeds, actions }, {
    dialect,
    onError: () => {},
  });

  let last: WebSocket | undefined;
  /** A socket with the lab in it. */
  const tapped = (socket: WebSocket): FeedmeSocket => {
    const waiting: string[] = [];
    const tap: FeedmeSocket = {
      onmessage: null,
      onclose: null,
      send(text) {
        frames.push(`S>C ${text}`);
        socket.send(text);
        if (wire.until && text.includes(wire.until)) {
          for (const data of waiting.splice(0)) tap.onmessage!({ data });
        }
      },
      close: (code, reason) => socket.close(code, reason),
    };
    socket.onmessage = ({ data }) => {
      frames.push(`C>S ${data}`);
      if (plans.handshake === "never") return;
      const text = wire.rewrite ? data.replace(...wire.rewrite) : data;
      if (wire.hold && text.includes(wire.hold)) waiting.push(text);
      else tap.onmessage!({ data: text });
    };
    socket.onclose = (event) => tap.onclose!(event);
    return tap;
  };
  const http = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request, {
        protocol: "feedme",
      });
      last = socket;
      server.accept(tapped(socket));
      return response;
    },
  );

  const inject = (text: string) => {
    frames.push(`S>C ${text}`);
    last!.send(text);
  };
  const order = (command: ServerCommand): void => {
    switch (command.do) {
      case "respond": {
        const response = held.shift()!;
        const [first, second] = command.args as [Any, Any];
        if (command.as !== "failure") response.resolve(first);
        else response.reject(new FeedmeRejection(first, second));
        break;
      }
      case "action": {
        const {
          feedName,
          feedArgs,
          feedDeltas,
          actionName,
          actionData,
          feedMd5,
        } = command.message as Any;
        const live = server.feed(feeds[feedName]!, feedArgs);
        const apply = () =>
          live.apply(actionName, actionData, feedDeltas as Delta[]);
        if (actionName !== "Bad") return apply();
        // The server makes neither a delta that does not fit nor a wrong digest.
        if (!feedMd5) assertThrows(apply, TypeError, "does not fit");
        inject(JSON.stringify({
          MessageType: dialect === "npm" ? "ActionRevelation" : "FeedAction",
          ActionName: actionName,
          ActionData: actionData,
          FeedName: feedName,
          FeedArgs: feedArgs,
          FeedDeltas: feedDeltas,
          ...(feedMd5 && { FeedMd5: feedMd5 }),
        }));
        break;
      }
      case "terminate": {
        const { feedName, feedArgs, errorCode, errorData } = command
          .message as Any;
        server.feed(feeds[feedName]!, feedArgs).terminate(errorCode, errorData);
        break;
      }
      case "drop":
        for (const client of server.clients) client.close();
        break;
    }
  };
  return {
    url: `ws://127.0.0.1:${(http.addr as Deno.NetAddr).port}`,
    frames,
    order,
    inject,
    async [Symbol.asyncDispose]() {
      for (const { resolve } of held) resolve({});
      await server.close();
      await http.shutdown();
    },
  };
}
