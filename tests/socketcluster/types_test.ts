/**
 * What a TypeScript program written against `@types/socketcluster-client` names,
 * with nothing changed but the import lines. The compiler is the test: nothing in
 * the functions runs.
 *
 * Those types are wrong in a few places, where this package says what happens:
 * `invokePublish` resolves with nothing, not with `{ channel, data }`;
 * `isAuthenticated` is a boolean, not an `AuthStates`; `unsubscribe` returns
 * nothing, not a promise; the tables of close codes are on the class alone; and
 * `pendingReconnectTimeout` is `null` while no attempt is scheduled.
 */
import { assertEquals } from "@std/assert";
import {
  type AGChannel,
  AGClientSocket,
  AuthEngine,
  create,
  factory,
} from "../../feed/socketcluster/mod.ts";

/** Options as an application keeps them in a module of its own. */
const options: AGClientSocket.ClientOptions = {
  hostname: "127.0.0.1",
  port: 8000,
  path: "/socketcluster/",
  secure: false,
  autoConnect: false,
  connectTimeout: 10_000,
  ackTimeout: 10_000,
  pingTimeout: 10_000,
  disconnectOnUnload: true,
  channelPrefix: null,
  autoReconnectOptions: {
    initialDelay: 1000,
    randomness: 500,
    multiplier: 2,
    maxDelay: 30_000,
  } satisfies AGClientSocket.AutoReconnectOptions,
  authEngine: new AuthEngine(),
  codecEngine: null,
  subscriptionRetryOptions: {},
  query: { room: "a" },
  protocolVersion: 1 satisfies AGClientSocket.ProtocolVersions,
  callIdGenerator: (() => 1) satisfies AGClientSocket.CallIdGenerator,
};

/** An engine that keeps tokens elsewhere. */
class RemoteEngine implements AuthEngine.AGAuthEngine {
  saveToken(
    _name: string,
    token: AuthEngine.AuthToken | AuthEngine.SignedAuthToken,
    _options?: { [key: string]: unknown },
  ): Promise<AuthEngine.AuthToken | AuthEngine.SignedAuthToken> {
    return Promise.resolve(token);
  }

  loadToken(): Promise<
    AuthEngine.AuthToken | AuthEngine.SignedAuthToken | null
  > {
    return Promise.resolve(null);
  }

  removeToken(): Promise<
    AuthEngine.AuthToken | AuthEngine.SignedAuthToken | null
  > {
    return Promise.resolve(null);
  }
}

/** Names each event's data, and what the methods answer. */
export async function program(socket: AGClientSocket): Promise<void> {
  const channel: AGChannel = socket.subscribe(
    "news",
    {
      waitForAuth: true,
      priority: 1,
    } satisfies AGClientSocket.SubscribeOptions,
  );
  await channel.listener("subscribe").once();
  console.log(channel.state, channel.isSubscribed());
  await socket.transmit("typing", 1, { ackTimeout: 10 });
  await socket.invoke("sum", [1, 2], { ackTimeout: 10 });
  await channel.transmitPublish("text");
  await socket.invokePublish("news", "text");
  for await (const data of channel) console.log(data);

  const status: AGClientSocket.AuthStatus = await socket.authenticate("h.p.s");
  console.log(status.isAuthenticated, status.authError?.message);
  const token = socket.authToken;
  if (token) console.log(token.iat);
  const states: [AGClientSocket.States, AGClientSocket.AuthStates] = [
    socket.state,
    socket.authState,
  ];
  console.log(states, socket.protocolVersion);

  const connect: AGClientSocket.ConnectData = await socket.listener("connect")
    .once();
  connect.processPendingSubscriptions();
  const close: AGClientSocket.CloseData = await socket.listener("close").once();
  console.log(close.code, close.reason);
  const change: AGClientSocket.SubscribeStateChangeData = await socket
    .listener("subscribeStateChange").once();
  console.log(change.channel, change.oldChannelState, change.newChannelState);
  const failed: AGClientSocket.SubscribeFailData = await socket
    .listener("subscribeFail").once();
  console.log(failed.error.name, failed.channel, failed.subscriptionOptions);
  const kicked: AGClientSocket.KickOutData = await socket.listener("kickOut")
    .once();
  console.log(kicked.channel, kicked.message);
  const login: AGClientSocket.AuthenticateData = await socket
    .listener("authenticate").once();
  console.log(login.signedAuthToken, login.authToken);
  const logout: AGClientSocket.DeauthenticateData = await socket
    .listener("deauthenticate").once();
  console.log(logout.oldSignedAuthToken, logout.oldAuthToken);
  const authState: AGClientSocket.AuthStateChangeData = await socket
    .listener("authStateChange").once();
  console.log(authState.oldAuthState, authState.newAuthState);
  const left: AGClientSocket.UnsubscribeData = await socket
    .listener("unsubscribe").once();
  const asked: AGClientSocket.SubscribeData = await socket
    .listener("subscribeRequest").once();
  console.log(left.channel, asked.channel);
  for await (const { error } of socket.listener("error")) {
    console.error(error.name, error.message, error.code, error.sent);
  }
}

Deno.test("types - a program written against @types/socketcluster-client compiles", () => {
  const socket: AGClientSocket = create(options);
  assertEquals(socket.uri(), "ws://127.0.0.1:8000/socketcluster/?room=a");
  const remote = factory.create({
    autoConnect: false,
    authEngine: new RemoteEngine(),
    codecEngine: null,
  });
  assertEquals(remote.auth.constructor, RemoteEngine);
  // Options in a variable may have more than the type knows.
  const more = { hostname: "a", autoConnect: false, rejectUnauthorized: false };
  assertEquals(create(more).uri(), "ws://a/socketcluster/");
  assertEquals(new AGClientSocket(options).protocolVersion, 1);
});
