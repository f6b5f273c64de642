/** The gate that this runtime serves, in front of a session backend. */
import { verifiedUser } from "../../../mod.ts";
import { assert, assertEquals, assertRejects } from "../../kit/assert.ts";
import { asyncDispose } from "../../kit/dispose.ts";
import { until } from "../../kit/wait.ts";
import type { GateOrders } from "../servers/gate.ts";
import type { Area, Test } from "../suite.ts";
import { ask } from "./rooms.ts";
import { opened } from "./proxy/sockets.ts";

async function order<Name extends keyof GateOrders>(
  t: Test,
  name: Name,
  body: GateOrders[Name],
  // deno-lint-ignore no-explicit-any
): Promise<any> {
  const answer = await fetch(`${t.edge}/gate/${name}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  return await answer.json();
}

/** The port of the backend that the cases share, which is its id at this gate. */
async function port(t: Test): Promise<string> {
  return (await (await ask(t, "")).json()).port;
}

/** A URL of the gate that leads to the backend. */
async function issue(
  t: Test,
  identity: Omit<GateOrders["issue"], "backendId"> = {},
): Promise<{ url: string; token: string; secret: string; backendId: string }> {
  const backendId = await port(t);
  const issued = await order(t, "issue", { backendId, ...identity });
  return { ...issued, backendId, url: `${t.edge}/${issued.token}/` };
}

const socket = (url: string, path: string, protocols: string[] = []) =>
  opened(new WebSocket(url.replace("http", "ws") + path, protocols));

async function code(url: string): Promise<number> {
  const answer = await fetch(url);
  await answer.text();
  return answer.status;
}

/** A stream of the backend, once its first event has come. */
async function stream(url: string) {
  const answer = await fetch(`${url}ticks`);
  const reader = answer.body!.getReader();
  await reader.read();
  const ended = (async () => {
    while (!(await reader.read()).done);
  })();
  // On workerd, cancelling a stream breaks off what reads it.
  ended.catch(() => {});
  return { reader, ended };
}

export const gate: Area = {
  name: "gate",
  cases: {
    async "the backend learns who comes, whatever the client claims"(t) {
      const identity = { user: "Zoë 🦊", auth: { seat: "grün ✓" } };
      const { url, token, secret, backendId } = await issue(t, identity);
      const claims = {
        "x-verified-username": "mallory",
        "x-verified-anything": "else",
        "x_verified_secret": "guessed",
      };
      const answer = await fetch(`${url}a/b%20c?d=e`, { headers: claims });
      assertEquals(answer.headers.get("x-plane-backend-id"), backendId);
      const { path, headers } = await answer.json();
      assertEquals(path, "/a/b%20c?d=e");
      const expected = (path: string) => ({
        ...identity,
        secret,
        path: `/${token}${path}`,
        backendId,
      });
      assertEquals(verifiedUser(new Headers(headers)), expected("/a/b%20c"));
      assertEquals(
        Object.keys(headers).filter((name) => /x.verified/.test(name)).sort(),
        ["backend", "path", "secret", "user-data", "username"]
          .map((name) => `x-verified-${name}`),
      );
      await using client = await socket(url, "hello");
      await until(() => client.messages.length > 0, "it spoke");
      const seen = JSON.parse(client.messages[0] as string);
      assertEquals(verifiedUser(new Headers(seen)), expected("/hello"));
    },

    async "bodies and messages cross, and the backend chooses the subprotocol"(
      t,
    ) {
      const { url } = await issue(t);
      const body = "grün ✓ ".repeat(10_000);
      const echo = await fetch(`${url}echo`, { method: "POST", body });
      assertEquals(await echo.text(), body);
      await using client = await socket(url, "ws?choose=b", ["a", "b"]);
      assertEquals(client.socket.protocol, "b");
      client.socket.send("text");
      client.socket.send(Uint8Array.of(0, 255));
      await until(() => client.messages.length === 2, "both came back");
      const [text, bytes] = client.messages;
      assertEquals(text, "text");
      assertEquals([...new Uint8Array(bytes as ArrayBuffer)], [0, 255]);
    },

    async "only tokens of this gate pass"(t) {
      const { token } = await issue(t);
      const [header, claims, signature] = token.split(".");
      const other = btoa('{"alg":"HS256","kid":"elsewhere"}')
        .replace(/=+$/, "");
      for (
        const [wrong, expected] of [
          ["x", 401],
          [`${token}x`, 401],
          [token.slice(0, -1), 401],
          [`${header}.${claims}.`, 401],
          [`${header}.${claims}x.${signature}`, 401],
          [`${btoa('{"alg":"none"}').replace(/=+$/, "")}.${claims}.`, 401],
          [`${other}.${claims}.${signature}`, 410],
        ] as const
      ) {
        const answer = await fetch(`${t.edge}/${wrong}/`);
        const text = await answer.text();
        assertEquals([wrong, answer.status], [wrong, expected]);
        assert(!text.includes(wrong) || wrong === "x");
        assertEquals(answer.headers.get("x-plane-backend-id"), null);
      }
      await assertRejects(() => socket(`${t.edge}/${token}x/`, "ws"));
    },

    async "a revoked user's sockets and streams end, those of others go on"(t) {
      const user = t.name("ada");
      const { url, backendId } = await issue(t, { user });
      const bob = await issue(t, { user: t.name("bob") });
      const client = await socket(url, "ws");
      await using other = await socket(bob.url, "ws");
      const ticks = await stream(url);
      await order(t, "revoke", { user });
      assertEquals(await client.closed, [4403, "access was revoked"]);
      await ticks.ended;
      assertEquals(await code(url), 410);
      await assertRejects(() => socket(url, "ws"));
      other.socket.send("still here");
      await until(() => other.messages.length === 1, "bob's message came back");
      assertEquals(await code(bob.url), 200);
      // Who is let in again gets a token that works.
      const again = await issue(t, { user });
      assertEquals(await code(again.url), 200);
      await order(t, "revoke", { backendId, user });
      assertEquals([await code(again.url), await code(bob.url)], [410, 200]);
    },

    async "a backend's tokens are revoked together"(t) {
      const { url, backendId } = await issue(t, { user: t.name("ada") });
      const nobody = await issue(t);
      const client = await socket(nobody.url, "ws");
      await order(t, "revoke", { backendId });
      assertEquals(await client.closed, [4403, "access was revoked"]);
      assertEquals([await code(url), await code(nobody.url)], [410, 410]);
      assertEquals(await code((await issue(t)).url), 200);
    },

    async "a secret rotates without a cut"(t) {
      const old = await issue(t);
      await using client = await socket(old.url, "ws");
      await order(t, "rotate", { keys: ["second", "first"] });
      const { url } = await issue(t);
      assertEquals([await code(old.url), await code(url)], [200, 200]);
      await order(t, "rotate", { keys: ["second"] });
      assertEquals([await code(old.url), await code(url)], [410, 200]);
      client.socket.send("still here");
      await until(() => client.messages.length === 1, "it came back");
      await order(t, "rotate", { keys: ["first"] });
    },

    async "requests, streams and sockets count until they end"(t) {
      const { url, backendId } = await issue(t);
      const counted = async (open: number) =>
        await until(
          async () => (await order(t, "count", { backendId })).open === open,
          `${open} connections`,
        );
      await counted(0);
      const client = await socket(url, "ws");
      await counted(1);
      const ticks = await stream(url);
      await counted(2);
      assertEquals(await code(url), 200);
      const head = await fetch(url, { method: "HEAD" });
      assertEquals([head.status, await head.text()], [200, ""]);
      await counted(2);
      await ticks.reader.cancel();
      await counted(1);
      await client[asyncDispose]();
      await counted(0);
    },
  },
};
