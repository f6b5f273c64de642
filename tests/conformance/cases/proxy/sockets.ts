/** The edge route that this runtime serves, before a session backend: WebSockets. */
import { verifiedUser } from "../../../../mod.ts";
import { assert, assertEquals } from "../../../kit/assert.ts";
import { asyncDispose } from "../../../kit/dispose.ts";
import { until } from "../../../kit/wait.ts";
import { type Area, isPage, type Test } from "../../suite.ts";
import { connect, counts, ended, leave, shared } from "../rooms.ts";

/** A WebSocket, and what became of it. */
interface Opened extends AsyncDisposable {
  socket: WebSocket;
  messages: (string | ArrayBuffer)[];
  /** The code and reason that it ended with. */
  closed: Promise<[number, string]>;
}

/** Opens a socket to the backend of a room; rejects with the code if it is refused. */
async function open(
  t: Test,
  path: string,
  protocols: string[] = [],
  room: string = shared(t),
): Promise<Opened> {
  const url = `${t.edge.replace("http", "ws")}/rooms/${room}/backend/${path}`;
  return await opened(new WebSocket(url, protocols));
}

/** Resolves once it is open. */
export async function opened(socket: WebSocket): Promise<Opened> {
  socket.binaryType = "arraybuffer";
  const messages: (string | ArrayBuffer)[] = [];
  socket.onmessage = ({ data }) => messages.push(data);
  const closed = new Promise<[number, string]>((resolve) => {
    socket.onclose = ({ code, reason }) => resolve([code, reason]);
    socket.onerror = (event) => {
      // Where it is not prevented it ends a Deno process.
      event.preventDefault?.();
      // Node 22 does not tell that a socket which never opened has closed:
      // https://github.com/nodejs/undici/issues/3546
      if (socket.readyState === WebSocket.CONNECTING) resolve([1006, ""]);
    };
  });
  await Promise.race([
    new Promise((resolve) => socket.onopen = resolve),
    closed.then(([code]) => Promise.reject(new Error(`refused (${code})`))),
  ]);
  return {
    socket,
    messages,
    closed,
    async [asyncDispose]() {
      socket.close();
      await closed;
    },
  };
}

export const socketCases: Area["cases"] = {
  async "text and bytes cross a WebSocket in order"(t) {
    await using client = await open(t, "ws");
    const { socket, messages } = client;
    const sent: (string | Uint8Array<ArrayBuffer>)[] = [];
    for (let index = 0; index < 200; index++) {
      sent.push(index % 2 ? `grün ✓ ${index}` : Uint8Array.of(index, 0, 255));
    }
    sent.push("", new Uint8Array(0), "x".repeat(70_000));
    for (const message of sent) socket.send(message);
    await until(() => messages.length === sent.length, "all came back");
    assertEquals(
      messages.map((data) => typeof data),
      sent.map((data) => typeof data),
    );
    assertEquals(
      messages.map((data) =>
        typeof data === "string" ? data : new Uint8Array(data)
      ),
      sent,
    );
  },

  async "a backend may send first, and knows the user"(t) {
    await using client = await open(t, "hello");
    await until(() => client.messages.length > 0, "it spoke");
    const headers = JSON.parse(client.messages[0] as string);
    const { user, auth } = verifiedUser(new Headers(headers));
    assertEquals([user, auth], ["ada", { seat: "grün ✓" }]);
    assertEquals([headers.cookie, headers.authorization], [
      undefined,
      undefined,
    ]);
  },

  async "the backend chooses the subprotocol"(t) {
    await using client = await open(t, "ws?choose=b", ["a", "b", "c"]);
    assertEquals(client.socket.protocol, "b");
    await using plain = await open(t, "ws");
    // workerd says null where the standard has the empty string:
    // https://github.com/cloudflare/workerd/blob/main/src/workerd/api/web-socket.h
    assertEquals(plain.socket.protocol, t.runtime === "workerd" ? null : "");
  },

  async "without the backend's choice there is no subprotocol"(t) {
    const choice = await open(t, "ws", ["a", "b"]).then(
      async (client) => {
        await client[asyncDispose]();
        return client.socket.protocol;
      },
      () => "refused",
    );
    // The standard has a client refuse that:
    // https://websockets.spec.whatwg.org/#concept-websocket-establish
    // Deno and workerd do not, nor do these two:
    // - Firefox ("none returned"): https://searchfox.org/mozilla-central/source/netwerk/protocol/websocket/WebSocketChannel.cpp
    // - WebKitGTK's libsoup, which looks at a choice that was made and at no other:
    //   https://gitlab.gnome.org/GNOME/libsoup/-/blob/master/libsoup/websocket/soup-websocket.c
    const lenient = { deno: "", workerd: null, firefox: "", webkit: "" };
    assertEquals(
      choice,
      t.runtime in lenient ? Reflect.get(lenient, t.runtime) : "refused",
    );
  },

  async "a backend's close code and reason reach the client"(t) {
    const codes = [1000, 1001, 1002, 1003, 1008, 1009, 1011, 1012, 1013, 3000];
    for (
      const [code, reason] of [
        ...codes.map((code) => [code, "bye"] as const),
        [4001, "grün ✓"],
        [4002, "é".repeat(61)],
        [4999, ""],
      ] as const
    ) {
      const query = new URLSearchParams({ code: String(code), reason });
      const client = await open(t, `close?${query}`);
      // WebKitGTK's libsoup does not know these two.
      const lost = t.runtime === "webkit" && (code === 1012 || code === 1013);
      assertEquals(await client.closed, lost ? [1006, ""] : [code, reason]);
    }
    const client = await open(t, "close");
    // Bun's `ServerWebSocket.close()` sends 1000 where it is given no code.
    const bare = t.runtime === "bun" ? 1000 : 1005;
    assertEquals(await client.closed, [bare, ""]);
  },

  async "a client's close code and reason reach the backend"(t) {
    for (
      const [code, reason] of [
        [1000, t.name("bye")],
        [3001, t.name("grün ✓")],
        [4999, t.name("bye")],
      ] as const
    ) {
      const { socket, closed } = await open(t, "ws");
      socket.close(code, reason);
      await closed;
      await until(
        async () =>
          (await counts(t)).closed.some(([, said]) => said === reason),
        "the backend knows",
      );
      const all = (await counts(t)).closed;
      assertEquals(all.filter(([, said]) => said === reason), [[code, reason]]);
    }
  },

  async "a message above the limit closes a WebSocket"(t) {
    await using client = await open(t, "ws");
    client.socket.send(new Uint8Array(100_000));
    await until(() => client.messages.length === 1, "as long as may be");
    client.socket.send(new Uint8Array(100_001));
    if (t.runtime === "workerd") {
      // It passes sockets on by itself, and no limit of the edge counts.
      await until(() => client.messages.length === 2, "passed on");
      return;
    }
    assertEquals((await client.closed)[0], 1009);
    // 1009, moved by 3000: the sockets on the way, the dev platform's at the
    // latest, send what https://websockets.spec.whatwg.org/#dom-websocket-close
    // lets them send.
    await until(
      async () => (await counts(t)).closed.some(([code]) => code === 4009),
      "the backend knows",
    );
  },

  async "after a backend has ended, the next WebSocket has a new one"(t) {
    const room = t.name("room");
    const { status_url } = await connect(t, room);
    const first = await open(t, "ws", [], room);
    await leave(t, room);
    await first.closed;
    await ended(status_url);
    await using second = await open(t, "ws", [], room);
    second.socket.send("there");
    await until(() => second.messages.length === 1, "it is there");
    await leave(t, room);
  },

  async "a WebSocket without access is refused"(t) {
    for (const [room, path] of [["closed", "ws"], [shared(t), "..%2fws"]]) {
      let refused = false;
      await open(t, path!, [], room).catch(() => refused = true);
      assert(refused, `refused: ${room}/${path}`);
    }
  },

  async "a WebSocket of a page of another origin is refused"(t) {
    const url = `${t.edge}/rooms/${shared(t)}/backend/ws`;
    const origin = "https://elsewhere.example";
    if (t.runtime === "workerd") {
      // Its constructor takes no headers; its `fetch` opens sockets too.
      const answer = await fetch(url, {
        headers: { upgrade: "websocket", origin },
      });
      assertEquals(answer.status, 403);
      await answer.text();
      return;
    }
    // A page's own origin is a foreign one at this address.
    const target = isPage(t)
      ? new WebSocket(
        url.replace("http", "ws").replace("127.0.0.1", "localhost"),
      )
      // Deno, Bun and Node take headers here.
      : new WebSocket(url.replace("http", "ws"), {
        headers: { origin },
      } as unknown as string[]);
    let refused = false;
    await opened(target).catch(() => refused = true);
    assert(refused, "refused");
  },
};
