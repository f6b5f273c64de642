/** Which platform a status address belongs to. */
import type { StatusDialect } from "./dialect.ts";
import { jamsocketStatus } from "./jamsocket.ts";
import { isPlaneStatusUrl, planeStatus } from "./plane.ts";

/**
 * The dialect in which the status at `statusUrl` is told. The edge route, the dev
 * platform and unknown platforms speak Jamsocket's.
 */
export function dialectOf(statusUrl: string): StatusDialect {
  return isPlaneStatusUrl(statusUrl) ? planeStatus : jamsocketStatus;
}
