/** The SocketCluster client, with `socketcluster-server` from npm and with peers that err. */
import type { Area } from "../suite.ts";
import { BLOCKED, calls } from "./socketcluster/calls.ts";
import { channels } from "./socketcluster/channels.ts";
import { connections } from "./socketcluster/connections.ts";
import { tokens } from "./socketcluster/tokens.ts";

export const socketCluster: Area = {
  name: "SocketCluster client",
  cases: { ...calls, ...channels, ...tokens, ...connections },
  exceptions: {
    [BLOCKED]: { workerd: "its clock stands still while code runs" },
  },
};
