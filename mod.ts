/**
 * Session backends for servers ({@linkcode Jamsocket}, {@linkcode Plane}) and for
 * clients ({@linkcode SessionBackend}), and live data between the two
 * ({@linkcode feedme}, {@linkcode socketcluster}).
 *
 * A session backend is a process dedicated to one document, room or agent, found by
 * key and reached by URL. This module contains everything except the edge route
 * (`./proxy`), the Feedme server (`./feed/feedme/server`) and the dev platform
 * (`./dev`). Bundlers drop the parts that you do not use.
 *
 * ```ts ignore
 * import { Jamsocket, SessionBackend } from "@feedline/feedline";
 *
 * const jamsocket = new Jamsocket({ dev: true });
 * await using backend = new SessionBackend(
 *   await jamsocket.connect({ key: "room-1" }),
 * );
 * await backend.ready();
 * ```
 *
 * @module
 */
export {
  type EngineOptions,
  Jamsocket,
  type JamsocketDevInitOptions,
  type JamsocketHostedInitOptions,
  type JamsocketInitOptions,
  type JamsocketOwnInitOptions,
  type OnStatusCallback,
  Plane,
  type PlaneExecutable,
  type PlaneInitOptions,
  type PlaneSpawnOptions,
  type Revocable,
  type RunningBackend,
  type SessionEngine,
  type StatusStreamOptions,
  type TerminateOptions,
  type VerifiedUser,
  verifiedUser,
} from "./server.ts";
export {
  asyncDispose,
  BackendEndedError,
  type BackendSocket,
  type BackendSocketOptions,
  type ReadyOptions,
  SessionBackend,
  type SessionBackendOptions,
  type SocketConstructorOptions,
} from "./client.ts";
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
  type SpawnOptions,
  type TerminationKind,
  type TerminationReason,
  type UnsubscribeFn,
} from "./types.ts";
export { feedme, socketcluster } from "./feed/mod.ts";
