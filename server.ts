/**
 * The server side, which holds the API token: spawns session backends, follows
 * their status and ends them, on {@linkcode Jamsocket} or on your own
 * {@linkcode Plane}.
 *
 * ```ts ignore
 * import { Jamsocket } from "@feedline/feedline/server";
 *
 * const jamsocket = new Jamsocket({ dev: true });
 * const { url, status_url } = await jamsocket.connect({ key: "room-1" });
 * ```
 *
 * @module
 */
// Listed by name: `export *` would pull in the schemas, and zod with them.
export {
  type ApiError,
  type BackendState,
  type BackendStatus,
  type CallOptions,
  type ConnectOptions,
  type ConnectRequest,
  type ConnectResponse,
  FeedlineError,
  type FeedlineErrorCode,
  HTTPError,
  isBackendState,
  isConnectResponse,
  isFeedlineError,
  isHTTPError,
  type PlaneExecutable,
  type PlaneSpawnOptions,
  type Revocable,
  type RunningBackend,
  type SessionEngine,
  type SpawnOptions,
  type StatusStreamOptions,
  type TerminateOptions,
  type TerminationKind,
  type TerminationReason,
  type UnsubscribeFn,
} from "./types.ts";
export type {
  EngineOptions,
  HTTPEngine,
  OnStatusCallback,
} from "./session/engine/http_engine.ts";
export {
  Jamsocket,
  type JamsocketDevInitOptions,
  type JamsocketHostedInitOptions,
  type JamsocketInitOptions,
  type JamsocketOwnInitOptions,
} from "./session/engine/jamsocket.ts";
export { Plane, type PlaneInitOptions } from "./session/engine/plane.ts";
export type {
  PlaneClusterState,
  PlaneControllerStatus,
  PlaneDrone,
  PlaneNode,
} from "./session/engine/plane_controller.ts";
export { type VerifiedUser, verifiedUser } from "./session/verified.ts";
