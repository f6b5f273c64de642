/**
 * Programs as users of the npm libraries have them, with nothing changed but the
 * import lines and, for SocketCluster, `create<any>`: data that a program gives no
 * type is `any` in `@types/socketcluster-client` and `unknown` here. Checked against each platform's types, with and without
 * `exactOptionalPropertyTypes`. That they run is shown by the tests of each area.
 */
import {
  Jamsocket,
  type JamsocketInitOptions,
} from "@feedline/feedline/server";
import { SessionBackend } from "@feedline/feedline/client";
import type {
  BackendState,
  ConnectRequest,
  ConnectResponse,
} from "@feedline/feedline/types";
import {
  feedmeClient,
  webSocketTransport as wsTransport,
} from "@feedline/feedline/feed/feedme";
import * as socketClusterClient from "@feedline/feedline/feed/socketcluster";

/** A server that spawns, in the manner of @jamsocket/server. */
export async function spawning(user: string): Promise<ConnectResponse> {
  const options: JamsocketInitOptions = { dev: true, port: 8080 };
  const jamsocket = new Jamsocket(options);
  const request: ConnectRequest = {
    key: "room",
    spawn: {
      lifetime_limit_seconds: 3600,
      max_idle_seconds: 300,
      executable: { env: { LEVEL: "debug" }, mount: true },
    },
    user,
    auth: { role: "editor", teams: ["a"] },
  };
  const response = await jamsocket.connect(request);
  const state: BackendState = await jamsocket.status(response.backend_id);
  if (state.status === "terminated") console.log(state.exit_error);
  const stop = await jamsocket.statusStream(
    response.backend_id,
    ({ status, time }) => console.log(status, time),
  );
  stop();
  return response;
}

/** A page that waits, in the manner of @jamsocket/client. */
export async function waiting(response: ConnectResponse): Promise<boolean> {
  const backend = new SessionBackend(response);
  backend.onReady(() => console.log("ready"));
  backend.onTerminated(() => console.log("over"));
  const stop = backend.onStatus((state: BackendState) => {
    if (state.status === "terminating") console.log(state.termination_reason);
  });
  await backend.onReadyPromise;
  const { status } = await backend.status();
  stop();
  backend.destroy();
  return status === "ready" && backend.isReady() && !backend.isTerminated();
}

/** A view of a feed, in the manner of feedme-client. */
export function viewing(url: string): void {
  const client = feedmeClient({
    transport: wsTransport({ url }),
    connectTimeoutMs: 5000,
    connectRetryMs: -1,
    reconnect: true,
  });
  const feed = client.feed("board", { id: "1" });
  feed.on("open", () => console.log(feed.data()));
  feed.on("action", (name, data, now, before) => {
    console.log(name, data, now, before);
  });
  feed.on("close", (err) => console.log(err?.message, err?.serverErrorCode));
  feed.desireOpen();
  client.on("connect", () => {
    client.action("write", { text: "hi" }, (err, data) => {
      if (err) console.log(err.message, err.serverErrorData);
      else console.log(data);
      client.disconnect();
    });
  });
  client.on("disconnect", (err) => console.log(err?.transportError));
  client.on("badServerMessage", (err) => console.log(err.serverMessage));
  client.connect();
}

/** Channels and calls, in the manner of socketcluster-client. */
export async function channels(): Promise<void> {
  // deno-lint-ignore no-explicit-any
  const socket = socketClusterClient.create<any>({
    hostname: "localhost",
    port: 8000,
    ackTimeout: 3000,
    autoReconnectOptions: { initialDelay: 1000, maxDelay: 6000 },
  });
  (async () => {
    for await (const { error } of socket.listener("error")) {
      console.error(error.name, error.message);
    }
  })();
  (async () => {
    for await (const event of socket.listener("connect")) {
      console.log(event.id, event.isAuthenticated, event.authError?.name);
    }
  })();
  (async () => {
    for await (const request of socket.procedure("sum")) {
      if (request.data.bad) request.error(new Error("no"));
      else request.end(request.data.a + request.data.b);
    }
  })();
  (async () => {
    for await (const data of socket.receiver("typing")) console.log(data.who);
  })();
  const channel = socket.subscribe("room", { waitForAuth: true });
  (async () => {
    for await (const message of channel) console.log(message.text);
  })();
  await channel.listener("subscribe").once(30_000);
  try {
    const answer = await socket.invoke("login", { name: "ann" });
    console.log(answer.welcome, socket.authState === socket.AUTHENTICATED);
  } catch (error) {
    console.log((error as Error).name);
  }
  await socket.invokePublish("room", { text: "hello" });
  socket.transmitPublish("room", { text: "hello" });
  socket.transmit("typing", { who: "ann" });
  socket.unsubscribe("room");
  socket.killAllChannels();
  socket.disconnect();
}
