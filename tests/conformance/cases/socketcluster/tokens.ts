/** Who the socket is: tokens, and where they are kept. */
import {
  localStorageAuth,
  MemoryAuth,
} from "../../../../feed/socketcluster/mod.ts";
import { assert, assertEquals, assertRejects } from "../../../kit/assert.ts";
import { until } from "../../../kit/wait.ts";
import { type Area, isPage } from "../../suite.ts";
import { control, doom, open } from "./far.ts";

/** Where the runtime keeps things by itself; not all have it. */
function storage(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}

export const tokens: Area["cases"] = {
  async "a token logs in until deauthenticate()"(t) {
    await using socket = open(t);
    const token = await control(socket, "sign", {
      payload: { username: "ann" },
    });
    const told = socket.listener("authenticate").once(30_000);
    assertEquals(await socket.authenticate(token), {
      isAuthenticated: true,
      authError: null,
    });
    assertEquals((await told).authToken.username, "ann");
    assertEquals([socket.authState, socket.authToken?.username], [
      "authenticated",
      "ann",
    ]);
    assertEquals(await socket.auth.loadToken(socket.authTokenName), token);
    // The next connection begins with it.
    socket.disconnect();
    assertEquals(socket.authState, "authenticated");
    const connected = socket.listener("connect").once(30_000);
    socket.connect();
    assertEquals((await connected).isAuthenticated, true);
    const out = socket.listener("deauthenticate").once(30_000);
    await socket.deauthenticate();
    assertEquals((await out).oldSignedAuthToken, token);
    assertEquals([socket.authState, socket.signedAuthToken], [
      "unauthenticated",
      null,
    ]);
    assertEquals(await socket.auth.loadToken(socket.authTokenName), null);
    const again = socket.listener("connect").once(30_000);
    socket.reconnect();
    const { isAuthenticated, authToken } = await again;
    assertEquals([isAuthenticated, authToken], [false, null]);
  },

  async "the server logs a client in, and waiting subscriptions follow"(t) {
    await using socket = open(t);
    const channel = socket.subscribe(t.name("private"), { waitForAuth: true });
    await socket.listener("connect").once(30_000);
    assertEquals(channel.state, "pending");
    await control(socket, "login", { payload: { username: "ann" } });
    await until(() => channel.state === "subscribed", "it is subscribed");
    assertEquals(socket.authToken?.username, "ann");
    const kept = () => socket.auth.loadToken(socket.authTokenName);
    assertEquals(await kept(), socket.signedAuthToken);
    // The next connection begins with the token.
    const again = socket.listener("connect").once(30_000);
    doom(socket, "terminate");
    assertEquals((await again).isAuthenticated, true);
    await until(() => channel.state === "subscribed", "it is so again");
    // Another user, with confirmed delivery.
    const options = { rejectOnFailedDelivery: true };
    await control(socket, "login", { payload: { username: "ben" }, options });
    assertEquals(socket.authToken?.username, "ben");
    const removed = socket.listener("removeAuthToken").once(30_000);
    await control(socket, "logout", options);
    await removed;
    assertEquals([socket.authState, socket.authToken, await kept()], [
      "unauthenticated",
      null,
      null,
    ]);
    assertEquals(channel.state, "subscribed");
  },

  async "a rejected token is not kept"(t) {
    await using socket = open(t);
    const sign = (payload: object, key?: string) =>
      control(socket, "sign", { payload, key });
    const kept = () => socket.auth.loadToken(socket.authTokenName);

    const now = Math.floor(Date.now() / 1000);
    const { isAuthenticated, authError } = await socket.authenticate(
      await sign({ username: "banned" }),
    );
    assertEquals([isAuthenticated, authError?.name], [false, "BannedError"]);
    assertEquals(await kept(), null, "of a banned user");

    const valid = await sign({ username: "ann" });
    for (const payload of [{ username: "banned" }, { nbf: now + 1000 }]) {
      await socket.authenticate(valid);
      const token = await sign(payload);
      const { isAuthenticated, authError } = await socket.authenticate(token);
      assertEquals([isAuthenticated, authError instanceof Error], [
        false,
        true,
      ]);
      assert(await kept() !== token, "it is not kept");
      assertEquals([socket.authState, socket.signedAuthToken], [
        "unauthenticated",
        null,
      ]);
    }

    const expired = await sign({ exp: now - 100 });
    const forged = await sign({ username: "ann" }, "another key");
    for (
      const [token, name] of [
        [expired, "AuthTokenExpiredError"],
        [forged, "AuthTokenInvalidError"],
        ["not a token", "AuthTokenInvalidError"],
      ] as const
    ) {
      await socket.authenticate(valid);
      const removed = socket.listener("removeAuthToken").once(30_000);
      const error = await assertRejects(() => socket.authenticate(token));
      assertEquals([error.name, error.isBadToken], [name, true]);
      await removed;
      assertEquals(await kept(), null, name);
      assertEquals([socket.authState, socket.signedAuthToken], [
        "unauthenticated",
        null,
      ]);
    }
  },

  async "tokens are in memory unless the application says otherwise"(t) {
    await using socket = open(t);
    await control(socket, "login", { payload: { username: "ann" } });
    await until(() => socket.authState === "authenticated", "it is logged in");
    assertEquals(storage()?.getItem(socket.authTokenName) ?? null, null);
    await using other = open(t);
    const { isAuthenticated } = await other.listener("connect").once(30_000);
    assertEquals(isAuthenticated, false);
  },

  async "tokens are kept wherever a map of the application keeps them"(t) {
    const authEngine = new MemoryAuth(new Map());
    {
      await using socket = open(t, { authEngine, authTokenName: "mine" });
      await control(socket, "login", { payload: { username: "ann" } });
      await until(() => socket.authState === "authenticated", "logged in");
    }
    await using socket = open(t, { authEngine, authTokenName: "mine" });
    const { isAuthenticated } = await socket.listener("connect").once(30_000);
    assertEquals([isAuthenticated, socket.authToken?.username], [true, "ann"]);
  },

  async "localStorageAuth keeps tokens where there is a localStorage"(t) {
    const authTokenName = t.name("token");
    const options = () => ({ authEngine: localStorageAuth(), authTokenName });
    const kept = storage();
    if (isPage(t)) assert(kept, "a page has a localStorage");
    try {
      {
        await using socket = open(t, options());
        await control(socket, "login", { payload: { username: "ann" } });
        await until(() => socket.authState === "authenticated", "logged in");
        if (kept) {
          assertEquals(kept.getItem(authTokenName), socket.signedAuthToken);
        }
        // The same engine knows it in any case.
        assertEquals(
          await socket.auth.loadToken(authTokenName),
          socket.signedAuthToken,
        );
      }
      // Another page load: only a localStorage has it still.
      await using socket = open(t, options());
      const { isAuthenticated } = await socket.listener("connect").once(30_000);
      assertEquals(isAuthenticated, kept !== undefined);
      await socket.deauthenticate();
    } finally {
      assertEquals(kept?.getItem(authTokenName) ?? null, null);
      kept?.removeItem(authTokenName);
    }
  },

  async "packets right after the handshake are not lost"(t) {
    for (let i = 0; i < 10; i++) {
      await using socket = open(t, { query: { greet: 1 } });
      const hello = socket.receiver("hello").once(30_000);
      await socket.listener("authenticate").once(30_000);
      assertEquals(await hello, { nice: true });
      assertEquals(socket.authToken?.username, "greeted");
    }
  },
};
