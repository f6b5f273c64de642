/** Hooks for the backend itself: one provider, and what components ask it. */
import type {
  ConnectResponse,
  SessionBackend,
  SessionBackendOptions,
} from "../client.ts";
import {
  type BackendConnection,
  BackendStore,
  type Connect,
} from "./backend_store.ts";
import {
  type Context,
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useInsertionEffect,
  useMemo,
  useSyncExternalStore,
} from "./react.ts";

/**
 * The backend of the nearest {@linkcode SessionBackendProvider}. `null` outside of one,
 * and while a provider with `connect` waits for its first backend.
 */
export const SessionBackendContext: Context<SessionBackend | null> =
  createContext<SessionBackend | null>(null);

const StoreContext: Context<BackendStore | null> = createContext<
  BackendStore | null
>(null);

/** Props of a {@linkcode SessionBackendProvider}. */
export type SessionBackendProviderProps =
  & {
    /** The components in it. */
    children?: ReactNode;
    /** Options of the `SessionBackend`, such as its `fetch`. */
    options?: SessionBackendOptions | undefined;
  }
  & (
    | {
      /**
       * The response to `connect`. Another `url` or `backend_id` stands for another
       * backend.
       */
      connectResponse: ConnectResponse;
      connect?: undefined;
      respawn?: undefined;
    }
    | {
      connectResponse?: undefined;
      /**
       * Gets a connect response, for example from the edge route. It is called when the
       * provider mounts, and should throw if there is no response. Its `signal` aborts
       * when the provider unmounts first. To connect to another backend, give the
       * provider another `key`.
       */
      connect: Connect;
      /**
       * Whether to call `connect` again after the backend has ended, and after `connect`
       * has failed: at random within a period that grows from 0.5 to 30 s, and at once
       * when the page becomes visible or online.
       * @default {false}
       */
      respawn?: boolean | undefined;
    }
  );

/**
 * Watches one backend for all components in it.
 *
 * It renders its children at once, on a server too. Nothing is requested until it is
 * mounted. It watches the backend once, in StrictMode too, and leaves nothing behind
 * when it is unmounted. The backend itself keeps running.
 *
 * ```ts
 * import { createElement, type ReactElement } from "react";
 * import { SessionBackendProvider, useReady } from "@feedline/feedline/react";
 *
 * function Room(): ReactElement {
 *   return createElement("p", null, useReady() ? "ready" : "starting …");
 * }
 *
 * export function App(): ReactElement {
 *   return createElement(SessionBackendProvider, {
 *     connect: async ({ signal }) => {
 *       const answer = await fetch("/rooms/room-1/connect", { method: "POST", signal });
 *       if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
 *       return await answer.json();
 *     },
 *     respawn: true,
 *     children: createElement(Room),
 *   });
 * }
 * ```
 *
 * @throws {TypeError} during rendering, if `connectResponse` is not a connect response
 */
export function SessionBackendProvider(
  props: SessionBackendProviderProps,
): ReactElement {
  const { connectResponse, children } = props;
  const id = connectResponse &&
    JSON.stringify([connectResponse.url, connectResponse.backend_id]);
  const store = useMemo(() => new BackendStore(props), [id]);
  useInsertionEffect(() => store.update(props));
  const backend = useSyncExternalStore(
    store.subscribe,
    store.getBackend,
    store.getBackend,
  );
  return createElement(
    StoreContext.Provider,
    { value: store },
    createElement(SessionBackendContext.Provider, { value: backend }, children),
  );
}

/** Follows the provider's store, or a backend that the application put into the context. */
function useConnection<T>(
  hook: string,
  pick: (connection: BackendConnection) => T,
): T {
  const backend = useContext(SessionBackendContext);
  const store = useContext(StoreContext);
  const source = backend && !store?.owns(backend) ? backend : store;
  if (!source) throw outside(hook);
  return useSyncExternalStore(
    source.subscribe,
    () => pick(source.getSnapshot()),
    () => pick(source.getServerSnapshot()),
  );
}

function outside(hook: string): Error {
  return new Error(
    `${hook} must be used within a SessionBackendContext / Provider`,
  );
}

/**
 * Whether the backend is ready to receive connections; `false` again when it ends.
 *
 * @throws {Error} outside a {@linkcode SessionBackendProvider}
 */
export function useReady(): boolean {
  return useConnection("useReady", ({ phase }) => phase === "ready");
}

/**
 * The backend; `null` while a provider with `connect` waits for its first one.
 *
 * @throws {Error} outside a {@linkcode SessionBackendProvider}
 */
export function useBackend(): SessionBackend | null {
  const backend = useContext(SessionBackendContext);
  const store = useContext(StoreContext);
  if (!backend && !store) throw outside("useBackend");
  return backend;
}

/**
 * Where the backend is in its life: a `phase`, the newest `state`, and the `error` if
 * connecting failed.
 *
 * ```ts
 * import { createElement, type ReactElement } from "react";
 * import { useBackendState, useReconnect } from "@feedline/feedline/react";
 *
 * export function Status(): ReactElement {
 *   const { phase, state } = useBackendState();
 *   const again = useReconnect();
 *   return phase === "ended" || phase === "failed"
 *     ? createElement("button", { onClick: again }, "Start it again")
 *     : createElement("p", null, state?.status ?? phase);
 * }
 * ```
 *
 * @throws {Error} outside a {@linkcode SessionBackendProvider}
 */
export function useBackendState(): BackendConnection {
  return useConnection("useBackendState", (connection) => connection);
}

/**
 * A function that begins again: it calls the provider's `connect`, or watches the
 * backend of `connectResponse` once more. It stays the same function.
 *
 * @throws {Error} outside a {@linkcode SessionBackendProvider}
 */
export function useReconnect(): () => void {
  const store = useContext(StoreContext);
  if (!store) throw outside("useReconnect");
  return store.reconnect;
}
