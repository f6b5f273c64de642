/**
 * Session backends on Cloudflare by itself: a worker whose backends are its own Durable
 * Objects, or containers.
 *
 * {@linkcode sessionObject} makes a class of objects to one of backends, and
 * {@linkcode DurableSessions} is the engine for the edge route:
 *
 * ```ts ignore
 * import { DurableObject } from "cloudflare:workers";
 * import { Hono } from "hono";
 * import { DurableSessions, sessionObject } from "@feedline/feedline/cloudflare";
 * import { sessionProxy } from "@feedline/feedline/proxy";
 *
 * export const Room = sessionObject(class extends DurableObject {
 *   override fetch(): Response {
 *     return new Response("Hello from a room");
 *   }
 * });
 *
 * const app = new Hono<{ Bindings: { ROOMS: DurableObjectNamespace } }>();
 * app.route("/rooms", sessionProxy({
 *   engine: (c) => new DurableSessions(c.env.ROOMS),
 *   authorize: () => ({ user: "ada" }),
 * }));
 * export default app;
 * ```
 *
 * @module
 */
export { DurableSessions, type DurableSessionsOptions } from "./engine.ts";
export {
  type ObjectClass,
  type SessionObject,
  sessionObject,
  sessionOf,
} from "./object.ts";
export type { SessionHooks, SessionInfo } from "./runner.ts";
export type { SessionObjectOptions } from "./session.ts";
export { acceptHibernating, type AcceptHibernatingOptions } from "./sockets.ts";
export type {
  AlarmInfo,
  HibernatingSocket,
  ObjectState,
  ObjectStorage,
  SessionNamespace,
  SqlValue,
} from "./workers.ts";
export { type VerifiedUser, verifiedUser } from "../verified.ts";
