/** An event target with the events of a `BackendSocket`, and with its `on…` handlers. */
import type { ListenOptions, SocketEventMap } from "./events.ts";

type Handler<E> = ((this: WebSocket, event: E) => unknown) | null;

/**
 * Whether this platform's `EventTarget` calls a handler such as `onopen` by itself, as
 * workerd's does; elsewhere that is up to the object.
 */
function callsHandlers(): boolean {
  let called = false;
  const target = Object.assign(new EventTarget(), {
    onprobe: () => called = true,
  });
  target.dispatchEvent(new Event("probe"));
  return called;
}

// React Native had no `EventTarget` for a long time; importing this must not fail there.
const Target: typeof EventTarget = globalThis.EventTarget ??
  (class {} as unknown as typeof EventTarget);

/** The part of a `BackendSocket` that knows its listeners. It has no other subclass. */
export class SocketEventTarget extends Target {
  readonly #handlers = new Map<keyof SocketEventMap, Handler<never>>();

  #handler<K extends keyof SocketEventMap>(
    type: K,
  ): Handler<SocketEventMap[K]> {
    return (this.#handlers.get(type) ?? null) as Handler<SocketEventMap[K]>;
  }

  #setHandler<K extends keyof SocketEventMap>(
    type: K,
    handler: Handler<SocketEventMap[K]>,
  ): void {
    // A handler keeps its place among the listeners when it is replaced.
    if (!this.#handlers.has(type) && !callsHandlers()) {
      this.addEventListener(type, (event) => {
        this.#handler(type)?.call(this as unknown as WebSocket, event);
      });
    }
    this.#handlers.set(type, handler as Handler<never>);
  }

  /** Called with each `open` event. */
  get onopen(): Handler<Event> {
    return this.#handler("open");
  }
  set onopen(handler: Handler<Event>) {
    this.#setHandler("open", handler);
  }

  /** Called with each `message` event. */
  get onmessage(): Handler<MessageEvent> {
    return this.#handler("message");
  }
  set onmessage(handler: Handler<MessageEvent>) {
    this.#setHandler("message", handler);
  }

  /** Called with the `error` event. */
  get onerror(): Handler<Event> {
    return this.#handler("error") as Handler<Event>;
  }
  set onerror(handler: Handler<Event>) {
    this.#setHandler("error", handler);
  }

  /** Called with the `close` event. */
  get onclose(): Handler<CloseEvent> {
    return this.#handler("close");
  }
  set onclose(handler: Handler<CloseEvent>) {
    this.#setHandler("close", handler);
  }

  /** Adds a listener for one of the events of {@linkcode SocketEventMap}. */
  override addEventListener<K extends keyof SocketEventMap>(
    type: K,
    listener: (this: WebSocket, event: SocketEventMap[K]) => unknown,
    options?: boolean | ListenOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: ((event: Event) => unknown) | {
      handleEvent(event: Event): unknown;
    } | null,
    options?: boolean | ListenOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: unknown,
    options?: boolean | ListenOptions,
  ): void {
    super.addEventListener(type, listener as EventListener, options);
  }

  /** Removes a listener. */
  override removeEventListener<K extends keyof SocketEventMap>(
    type: K,
    listener: (this: WebSocket, event: SocketEventMap[K]) => unknown,
    options?: boolean | { capture?: boolean },
  ): void;
  override removeEventListener(
    type: string,
    listener: ((event: Event) => unknown) | {
      handleEvent(event: Event): unknown;
    } | null,
    options?: boolean | { capture?: boolean },
  ): void;
  override removeEventListener(
    type: string,
    listener: unknown,
    options?: boolean | { capture?: boolean },
  ): void {
    super.removeEventListener(type, listener as EventListener, options);
  }
}
