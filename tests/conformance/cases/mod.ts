/** All areas, in the order of the table. */
import type { Area } from "../suite.ts";
import { backendSocket } from "./backend_socket.ts";
import { cancellation } from "./cancellation.ts";
import { disposal } from "./disposal.ts";
import { durations } from "./durations.ts";
import { feedmeClientArea } from "./feedme_client.ts";
import { feedmeServerArea } from "./feedme_server.ts";
import { listeners } from "./listeners.ts";
import { gate } from "./gate.ts";
import { proxy } from "./proxy.ts";
import { sessionBackend } from "./session_backend.ts";
import { socketCluster } from "./socketcluster.ts";
import { status } from "./status.ts";
import { streams } from "./streams.ts";

export const areas: readonly Area[] = [
  status,
  sessionBackend,
  backendSocket,
  proxy,
  gate,
  feedmeClientArea,
  feedmeServerArea,
  socketCluster,
  streams,
  cancellation,
  disposal,
  durations,
  listeners,
];
