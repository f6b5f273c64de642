/**
 * Session backends, from the server's side ({@linkcode Jamsocket},
 * {@linkcode Plane}) and from their users' ({@linkcode SessionBackend}), and live
 * data between the two ({@linkcode feedmeClient}, {@linkcode socketcluster}).
 *
 * A session backend is a process of its own for each document, room or agent,
 * found by key and reached by URL. This module has everything but the edge route
 * (`./proxy`) and the dev platform (`./dev`); bundlers take what is used.
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
export * from "./server.ts";
export {
  BackendEndedError,
  type ReadyOptions,
  SessionBackend,
  type SessionBackendOptions,
} from "./client.ts";
export * from "./feed/mod.ts";
