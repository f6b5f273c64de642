/**
 * Hooks for Socket.IO servers in session backends. It has the API of
 * `@jamsocket/socketio`, and everything of `./react`.
 *
 * ```ts
 * import { createElement, type ReactElement, useEffect } from "react";
 * import {
 *   type ConnectResponse,
 *   SessionBackendProvider,
 *   SocketIOProvider,
 *   useEventListener,
 *   useReady,
 *   useSend,
 * } from "@feedline/feedline/socketio";
 *
 * function Cursor(): ReactElement {
 *   const ready = useReady();
 *   const send = useSend<{ x: number; y: number }>();
 *   useEffect(() => {
 *     if (ready) send("moved", { x: 1, y: 2 });
 *   }, [ready]);
 *   useEventListener<{ x: number }>("moved", ({ x }) => console.log(x));
 *   return createElement("i");
 * }
 *
 * export function Room(props: { connectResponse: ConnectResponse }): ReactElement {
 *   return createElement(SessionBackendProvider, {
 *     ...props,
 *     children: createElement(SocketIOProvider, {
 *       url: props.connectResponse.url,
 *       children: createElement(Cursor),
 *     }),
 *   });
 * }
 * ```
 *
 * With npm, install `socket.io-client` beside Feedline.
 *
 * @module
 */
// deno-lint-ignore-file no-import-prefix -- See react.ts.
import {
  io,
  type ManagerOptions,
  type Socket,
  type SocketOptions,
} from "npm:socket.io-client@^4.8";
import { FeedlineError } from "../net/errors.ts";
import { report } from "../net/report.ts";
import { useReady } from "./backend.ts";
import { Held } from "./held.ts";
import { useLatest } from "./hooks.ts";
import { type Event, type Message, Outbox } from "./outbox.ts";
import {
  type Context,
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
} from "./react.ts";

export * from "./mod.ts";
export type { Event, Message };

// Their documentation is that of socket.io-client.
/** @ignore */
export type SocketIOOptions = Partial<ManagerOptions & SocketOptions>;
/** @ignore */
export type SocketIOSocket = Socket;

/** What a {@linkcode SocketIOProvider} gives the components in it. */
export interface SocketIOContextValue {
  /** The Socket.IO socket: the same as long as the URL; `null` outside a provider. */
  readonly socket: SocketIOSocket | null;
  /** Replaces the messages that wait for a connection. */
  readonly setEvents: (
    events: Event[] | ((waiting: Event[]) => Event[]),
  ) => void;
}

interface Internal extends SocketIOContextValue {
  readonly send: (event: string, message: unknown) => void;
}

const NONE: Internal = { socket: null, setEvents: () => {}, send: () => {} };
const InternalContext: Context<Internal> = createContext(NONE);

/** The socket of the nearest {@linkcode SocketIOProvider}. */
export const SocketIOContext: Context<SocketIOContextValue> = createContext<
  SocketIOContextValue
>(NONE);

/** How many messages wait for a connection by default. */
const LIMIT = 1_000;

/** Props of a {@linkcode SocketIOProvider}. */
export interface SocketIOProviderProps {
  /**
   * The backend's URL: the `url` of its connect response. The server is at `socket.io/`
   * below it.
   */
  url: string;
  /** The components in it. */
  children?: ReactNode;
  /** Options of socket.io-client. Those of the first render with a URL count. */
  options?: SocketIOOptions | undefined;
  /** How many messages may wait for a connection, 1 or more. @default {1_000} */
  limit?: number | undefined;
  /**
   * Called with each message that was dropped, the oldest one first, because more than
   * `limit` were waiting. Without it, the loss is reported like an uncaught exception.
   */
  onDrop?: ((message: Message) => void) | undefined;
}

/** Where a backend's Socket.IO server is. */
function addressOf(url: string): { origin: string; path: string } {
  const { origin, pathname } = new URL(url, globalThis.location?.href);
  return { origin, path: `${pathname.replace(/\/$/, "")}/socket.io/` };
}

/**
 * Connects the components in it to the Socket.IO server of a backend while the backend
 * of the `SessionBackendProvider` around it is ready: once in StrictMode too, until the
 * component is unmounted or the backend ends.
 *
 * @throws {Error} outside a `SessionBackendProvider`
 * @throws {TypeError} if `url` is not a URL
 * @throws {RangeError} if `limit` is less than 1 or no integer
 */
export function SocketIOProvider(props: SocketIOProviderProps): ReactElement {
  const { url, children, options, limit = LIMIT } = props;
  if (!Number.isInteger(limit) || limit < 1) {
    throw new RangeError(`limit must be an integer, 1 or more; got ${limit}`);
  }
  const ready = useReady();
  const latest = useLatest({ limit, onDrop: props.onDrop });
  const [outbox] = useState(() => new Outbox());
  const [value, held] = useMemo(() => {
    const { origin, path } = addressOf(url);
    // Without a shared manager, and resting until it is held: it costs nothing yet.
    const socket = io(origin, {
      ...options,
      path,
      forceNew: true,
      autoConnect: false,
    });
    const flush = () => {
      for (const { event, message } of outbox.take()) {
        socket.emit(event, message);
      }
    };
    const drop = (dropped: Message[]) => {
      for (const message of dropped) {
        const { onDrop, limit } = latest.current;
        if (onDrop) onDrop(message);
        else {
          report(
            new FeedlineError(
              "OVERFLOW",
              `Dropped ${JSON.stringify(message.event)}: more than ${limit} ` +
                "messages are waiting for the Socket.IO connection",
            ),
          );
        }
      }
    };
    const value: Internal = {
      socket,
      setEvents(events) {
        drop(outbox.update(events, latest.current.limit));
        if (socket.connected) flush();
      },
      send(event, message) {
        if (socket.connected) socket.emit(event, message);
        else drop(outbox.add({ event, message }, latest.current.limit));
      },
    };
    const held = new Held(() => {
      socket.on("connect", flush);
      socket.connect();
    }, () => {
      socket.off("connect", flush);
      socket.disconnect();
    });
    return [value, held];
  }, [url]);
  useEffect(() => ready ? held.hold() : undefined, [ready, held]);
  return createElement(
    InternalContext.Provider,
    { value },
    createElement(SocketIOContext.Provider, { value }, children),
  );
}

function useInternal(hook: string): Internal {
  const value = useContext(InternalContext);
  if (value.socket) return value;
  throw new Error(`${hook} must be used within a SocketIOProvider`);
}

/**
 * A function that sends an event. Without a connection, messages wait for one, up to the
 * provider's `limit`. It stays the same function.
 *
 * @throws {Error} outside a {@linkcode SocketIOProvider}
 */
export function useSend<T = unknown>(): (event: string, msg: T) => void {
  const latest = useLatest(useInternal("useSend"));
  return useCallback(
    (event: string, msg: T) => latest.current.send(event, msg),
    [],
  );
}

/**
 * Calls `callback` with the data of each event of that name. The callback of the newest
 * render is called; it may be an inline function.
 *
 * @throws {Error} outside a {@linkcode SocketIOProvider}
 */
export function useEventListener<T = unknown>(
  event: string,
  callback: (msg: T) => void,
): void {
  const { socket } = useInternal("useEventListener");
  const latest = useLatest(callback);
  useEffect(() => {
    const listen = (msg: T) => latest.current(msg);
    socket!.on(event, listen as (...args: unknown[]) => void);
    return () =>
      void socket!.off(event, listen as (...args: unknown[]) => void);
  }, [socket, event]);
}
