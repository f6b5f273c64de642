/** The SocketCluster client, with `socketcluster-server` from npm. */
// deno-lint-ignore-file no-explicit-any
import {
  type AGClientSocket,
  type ClientOptions,
  create,
} from "../../../feed/socketcluster/mod.ts";
import { same } from "../check.ts";
import type { Area, Test } from "../suite.ts";

/** A socket of the server. */
export function open(
  { socketcluster }: Test,
  options: ClientOptions = {},
): AGClientSocket<any> {
  return create<any>({
    hostname: "127.0.0.1",
    port: socketcluster,
    reconnect: "eager",
    ...options,
  });
}

export const socketCluster: Area = {
  name: "SocketCluster client",
  cases: {
    async "a call is answered"(t) {
      await using socket = open(t);
      same(await socket.invoke("echo", { text: "ä€" }), { text: "ä€" });
    },
  },
};
