/** Makes a class of Durable Objects, or of containers, to one of session backends. */
import { answerCall, isCall } from "./api.ts";
import { containerRunner, isContainer } from "./container.ts";
import { objectRunner, type SessionHooks, type SessionInfo } from "./runner.ts";
import { ObjectSession, type SessionObjectOptions } from "./session.ts";
import { answerClose } from "./sockets.ts";
import type {
  AlarmInfo,
  HibernatingSocket,
  ObjectState,
  ServingObject,
} from "./workers.ts";

/** A class that {@linkcode sessionObject} takes. */
// deno-lint-ignore no-explicit-any -- TypeScript wants it so of the base of a mixin
export type ObjectClass = new (...args: any[]) => object;

/** What {@linkcode sessionObject} adds to a class. */
export interface SessionObject {
  /**
   * Responds to the calls of `DurableSessions`, and lets requests in whose path begins
   * with a connection token.
   */
  fetch(request: Request): Promise<Response>;
  /** Ends a backend whose time is over, and calls the alarm of the class itself. */
  alarm(info?: AlarmInfo): Promise<void>;
}

const sessions = new WeakMap<object, ObjectSession>();

/**
 * The backend that runs in an object: call it with `this`, in any method of a class that
 * is given to {@linkcode sessionObject}. Not in its constructor.
 *
 * @throws {TypeError} if `object` runs no backend
 */
export function sessionOf(object: object): SessionInfo {
  const info = sessions.get(object)?.info;
  if (!info) {
    throw new TypeError(
      "sessionOf needs an object of a class that sessionObject made, with a backend that was spawned; it cannot be called in a constructor",
    );
  }
  return info;
}

/**
 * Makes a class of Durable Objects to one of session backends, for
 * {@linkcode DurableSessions}: each key is one object.
 *
 * The class serves requests in `fetch`, as any Durable Object does, behind the gate: the
 * path is the one within the backend, and the `x-verified-*` headers say who asks. It
 * may have the methods of {@linkcode SessionHooks}. Export the class that is returned:
 *
 * ```ts ignore
 * import { DurableObject } from "cloudflare:workers";
 * import { sessionObject, verifiedUser } from "@feedline/feedline/cloudflare";
 *
 * export const Room = sessionObject(class extends DurableObject {
 *   override fetch(request: Request): Response {
 *     return new Response(`Hello ${verifiedUser(request.headers).user}`);
 *   }
 * }, { maxIdle: 600_000 });
 * ```
 *
 * States and tokens are in the object's SQLite: they survive its eviction. A backend that
 * ends drops the object's memory, while what you stored stays for the key's next backend.
 * A limit of time uses the object's alarm. A class may set alarms too; its `alarm` method
 * is then also called at other times, and must check what is due.
 *
 * A `Container` of `@cloudflare/containers` works as well: a backend is ready when its
 * ports are, and ends when the container stops, with its exit code.
 */
export function sessionObject<Base extends ObjectClass>(
  Base: Base,
  options: SessionObjectOptions = {},
  // deno-lint-ignore no-explicit-any -- so that the class can be extended
): Base & (new (...args: any[]) => SessionObject) {
  // Its methods, all optional, on a class whose own type has unknown ones.
  // deno-lint-ignore no-explicit-any -- TypeScript wants it so of the base of a mixin
  const Serving = Base as new (...args: any[]) => ServingObject & SessionHooks;
  class Session extends Serving {
    readonly #session: ObjectSession;

    // deno-lint-ignore no-explicit-any -- TypeScript wants it so of a mixin
    constructor(...args: any[]) {
      super(...args);
      const ctx: ObjectState = args[0];
      const runner = isContainer(this)
        ? containerRunner(this, ctx, {
          onStop: (ended) => this.#session.exited(ended),
          onIdle: () => this.#session.terminate("soft", "swept"),
        })
        : objectRunner(this);
      this.#session = new ObjectSession({
        ctx,
        runner,
        serve: (request) =>
          super.fetch?.(request) ??
            new Response("this backend serves no requests\n", { status: 404 }),
        ownAlarm: super.alarm &&
          (async (info) => await super.alarm!(info)),
        options,
      });
      sessions.set(this, this.#session);
    }

    override fetch(request: Request): Promise<Response> {
      return isCall(new URL(request.url))
        ? answerCall(this.#session, request)
        : this.#session.fetch(request);
    }

    override alarm(info?: AlarmInfo): Promise<void> {
      return this.#session.alarm(info);
    }

    override async webSocketClose(
      socket: HibernatingSocket,
      code: number,
      reason: string,
      wasClean: boolean,
    ): Promise<void> {
      await super.webSocketClose?.(socket, code, reason, wasClean);
      answerClose(socket, code, reason);
      this.#session.socketClosed();
    }

    override async webSocketError(
      socket: HibernatingSocket,
      error: unknown,
    ): Promise<void> {
      await super.webSocketError?.(socket, error);
      this.#session.socketClosed();
    }
  }
  // deno-lint-ignore no-explicit-any -- as above
  return Session as unknown as Base & (new (...args: any[]) => SessionObject);
}
