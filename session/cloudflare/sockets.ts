/** WebSockets that hibernate: open for their clients while the object is out of memory. */
import { verifiedUser } from "../verified.ts";
import type { HibernatingSocket, ObjectState } from "./workers.ts";

/** The longest tag of a WebSocket, in characters. */
const MAX_TAG = 256;
const USER = "session-user:";
const ANONYMOUS = "session-anonymous";

/** Options of {@linkcode acceptHibernating}. */
export interface AcceptHibernatingOptions {
  /** The subprotocol to choose. */
  protocol?: string | undefined;
  /** Tags for `ctx.getWebSockets(tag)`: at most 9. */
  tags?: readonly string[] | undefined;
}

/**
 * Accepts a WebSocket in an object so that it hibernates: the runtime may drop the object
 * from memory while its clients stay connected, and calls `webSocketMessage` when one of
 * them sends something.
 *
 * It notes whose socket it is, so that `revoke({ user, backendId })` closes those of this
 * user. Sockets that you pass to `ctx.acceptWebSocket` yourself are closed by every
 * revocation, as the owner of each is unknown.
 *
 * @throws {TypeError} if the runtime is not Workers
 */
export function acceptHibernating(
  ctx: Pick<ObjectState, "acceptWebSocket">,
  request: Request,
  { protocol, tags = [] }: AcceptHibernatingOptions = {},
): { socket: HibernatingSocket; response: Response } {
  const Pair = Reflect.get(globalThis, "WebSocketPair") as
    | { new (): { 0: unknown; 1: HibernatingSocket } }
    | undefined;
  if (!Pair) {
    throw new TypeError("acceptHibernating needs the Workers runtime");
  }
  const { 0: client, 1: socket } = new Pair();
  const { user } = verifiedUser(request.headers);
  ctx.acceptWebSocket(socket, [tagOf(user), ...tags]);
  const init = {
    status: 101,
    webSocket: client,
    headers: protocol ? { "sec-websocket-protocol": protocol } : {},
  } as ResponseInit;
  return { socket, response: new Response(null, init) };
}

/** Closes all: their backend has ended. */
export function closeSockets(ctx: ObjectState): void {
  for (const socket of ctx.getWebSockets()) {
    close(socket, 1001, "the backend has ended");
  }
}

/** Closes those of a user, or all if `user` is `undefined`. */
export function closeSocketsOf(
  ctx: ObjectState,
  user: string | undefined,
): void {
  for (const socket of ctx.getWebSockets()) {
    const owner = ctx.getTags(socket).find((tag) =>
      tag === ANONYMOUS || tag.startsWith(USER)
    );
    if (user === undefined || !owner || owner === tagOf(user)) {
      close(socket, 4403, "access was revoked");
    }
  }
}

/** Whether the runtime leaves it to the object to answer a close frame, as old dates do. */
export function answerClose(
  socket: HibernatingSocket,
  code: number,
  reason: string,
): void {
  if (code === 1005) close(socket);
  else close(socket, code, reason);
}

function close(
  socket: HibernatingSocket,
  code?: number,
  reason?: string,
): void {
  try {
    socket.close(code, reason);
  } catch {
    // Closed already, or lost.
  }
}

/** The same for two users only if their names are long and begin alike: both are closed. */
function tagOf(user: string | undefined): string {
  return user === undefined ? ANONYMOUS : (USER + user).slice(0, MAX_TAG);
}
