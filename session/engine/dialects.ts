/** Finds the dialect that belongs to a status URL. */
import type { StatusDialect } from "./dialect.ts";
import { jamsocketStatus } from "./jamsocket.ts";
import { isPlaneStatusUrl, planeStatus } from "./plane.ts";

/**
 * The dialect of the status at `statusUrl`. The edge route, the dev platform and
 * unknown platforms use Jamsocket's.
 */
export function dialectOf(statusUrl: string): StatusDialect {
  return isPlaneStatusUrl(statusUrl) ? planeStatus : jamsocketStatus;
}
