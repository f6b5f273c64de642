/** A channel of a SocketCluster socket as one component sees it. */
import type {
  AGClientSocket,
  ChannelState,
} from "../feed/socketcluster/mod.ts";
import type { Store } from "../net/listeners.ts";
import { notify } from "../net/report.ts";
import { Held } from "./held.ts";

/** What `useChannel` returns; never modified. */
export interface ChannelView<T> {
  /** Whether the server has confirmed the subscription. */
  readonly state: ChannelState;
  /** The newest messages, oldest first: `limit` at most. */
  readonly messages: readonly T[];
  /** Why the server refused the subscription last; undefined once it is subscribed. */
  readonly error: Error | undefined;
}

/** A channel before the first message. */
export const EMPTY: ChannelView<never> = {
  state: "unsubscribed",
  messages: [],
  error: undefined,
};

// deno-lint-ignore no-explicit-any -- Sockets of every application are kept alike.
type AnySocket = AGClientSocket<any>;

const sockets = new WeakMap<AnySocket, Map<string, Held>>();

/** The subscription of all components to a channel; one that was there before stays. */
function subscription(socket: AnySocket, name: string): Held {
  let channels = sockets.get(socket);
  if (!channels) sockets.set(socket, channels = new Map());
  let held = channels.get(name);
  if (!held) {
    let own = false;
    held = new Held(() => {
      own = !socket.isSubscribed(name, true);
      if (own) socket.subscribe(name);
    }, () => {
      channels.delete(name);
      if (own) socket.unsubscribe(name);
    });
    channels.set(name, held);
  }
  return held;
}

/** Follows one channel while somebody subscribes. */
export class ChannelStore<T> implements Store<ChannelView<T>> {
  #view: ChannelView<T> = EMPTY;
  readonly #held: Held;

  /**
   * @param socket never connected or closed here
   * @param onMessage called with each message
   * @param limit how many messages to keep
   */
  constructor(
    socket: AnySocket,
    name: string,
    onMessage: (message: T) => void,
    limit: () => number,
  ) {
    let stop: () => void;
    this.#held = new Held(() => {
      const release = subscription(socket, name).hold();
      const channel = socket.channel(name);
      const look = () => {
        const { state } = channel;
        this.#tell(
          state === "subscribed" ? { state, error: undefined } : { state },
        );
      };
      const consumers = [
        follow<T>(channel, (message) => {
          onMessage(message);
          const most = limit();
          if (most === 0) return;
          const messages = [...this.#view.messages, message].slice(-most);
          this.#tell({ messages });
        }),
        follow(channel.listener("subscribeStateChange"), look),
        follow(
          channel.listener("subscribeFail"),
          ({ error }) => this.#tell({ error }),
        ),
      ];
      look();
      stop = () => {
        for (const consumer of consumers) consumer.kill();
        release();
      };
    }, () => stop());
  }

  readonly getSnapshot = (): ChannelView<T> => this.#view;

  readonly subscribe = (listener: () => void): () => void =>
    this.#held.hold(listener);

  #tell(change: Partial<ChannelView<T>>): void {
    this.#view = { ...this.#view, ...change };
    this.#held.notify();
  }
}

/** Calls back with each value of a stream until the consumer is killed. */
function follow<T>(
  stream: { createConsumer(): AsyncIterable<T> & { kill(): void } },
  listener: (value: T) => void,
): { kill(): void } {
  const consumer = stream.createConsumer();
  (async () => {
    for await (const value of consumer) notify(listener, value);
  })();
  return consumer;
}
