/** What the server sends at the moment of connection, and in which order it is delivered. */
// deno-lint-ignore-file no-explicit-any
import { assertEquals } from "@std/assert";
import { type AGClientSocket, create } from "../../feed/socketcluster/mod.ts";
import { fakeSockets, type FakeWebSocket } from "./fake_socket.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve));

const TOKEN = `h.${btoa('{"name":"ann"}')}.s`;

/** Opens a connection; the server's first packets come in the same turn as its answer. */
async function openWith(
  ...packets: unknown[]
): Promise<{ socket: AGClientSocket<any>; fake: FakeWebSocket }> {
  const { made, WebSocket } = fakeSockets();
  const socket = create<any>({ WebSocket, autoReconnect: false });
  await made[0]!.shakeHands();
  for (const packet of packets) made[0]!.receivePacket(packet);
  return { socket, fake: made[0]! };
}

async function end(socket: AGClientSocket<any>): Promise<void> {
  socket.disconnect();
  socket.closeAllListeners();
  socket.closeAllReceivers();
  socket.closeAllProcedures();
  socket.closeAllChannels();
  await turn();
}

/** Collects what a stream yields. */
function collect(stream: AsyncIterable<any>): any[] {
  const got: any[] = [];
  (async () => {
    for await (const value of stream) got.push(value);
  })();
  return got;
}

Deno.test("inbound - receivers and procedures opened on connect get what came with the handshake", async () => {
  for (const how of ["once", "loop", "loop in a loop"]) {
    const { made, WebSocket } = fakeSockets();
    const socket = create<any>({ WebSocket, autoReconnect: false });
    let messages: any[] = [];
    let calls: any[] = [];
    const listen = () => {
      messages = collect(socket.receiver("hello"));
      calls = collect(socket.procedure("ask"));
    };
    (async () => {
      if (how === "once") {
        await socket.listener("connect").once();
        return listen();
      }
      for await (const _ of socket.listener("connect")) {
        if (how === "loop") listen();
        else (async () => await listen())();
      }
    })();
    await made[0]!.shakeHands();
    made[0]!.receivePacket({ event: "hello", data: 1 });
    made[0]!.receivePacket({ event: "ask", cid: 1, data: 2 });
    made[0]!.receivePacket([{ event: "hello", data: 3 }]);
    await turn();
    made[0]!.receivePacket({ event: "hello", data: 4 });
    await turn();
    assertEquals(messages, [1, 3, 4], how);
    assertEquals(calls.map(({ data }) => data), [2], how);
    await end(socket);
  }
});

Deno.test("inbound - packets that wait keep their order, tokens and answers included", async () => {
  const { socket, fake } = await openWith();
  const order: string[] = [];
  const note = async (name: string, stream: AsyncIterable<any>) => {
    for await (const _ of stream) order.push(name);
  };
  note("authenticate", socket.listener("authenticate"));
  note("hello", socket.receiver("hello"));
  note("channel", socket.subscribe("c"));
  const { cid } = fake.take();
  socket.invoke("x").then(() => order.push("answer"));
  const call = fake.take();
  fake.receivePacket({ event: "hello" });
  fake.receivePacket({ rid: call.cid });
  fake.receivePacket({ rid: cid });
  fake.receivePacket({ event: "#publish", data: { channel: "c", data: 1 } });
  fake.receivePacket({ event: "#setAuthToken", data: { token: TOKEN } });
  await null;
  assertEquals([order, socket.authState], [[], "unauthenticated"]);
  await turn();
  assertEquals(order.toSorted(), [
    "answer",
    "authenticate",
    "channel",
    "hello",
  ]);
  assertEquals(socket.authToken, { name: "ann" });
  await end(socket);
});

Deno.test("inbound - waiting packets are delivered when the connection ends at once", async () => {
  const { socket, fake } = await openWith({ event: "bye", data: 1 });
  const events: unknown[] = [];
  (async () => {
    for await (const data of socket.receiver("bye")) events.push(data);
  })();
  (async () => {
    for await (const { code } of socket.listener("close")) events.push(code);
  })();
  fake.end(4321);
  await turn();
  assertEquals(events, [1, 4321]);
  fake.receivePacket({ event: "bye", data: 2 });
  await turn();
  assertEquals(events, [1, 4321]);
  await end(socket);
});

Deno.test("inbound - deauthenticate() wins over a token that waits", async () => {
  const { socket, fake } = await openWith(
    { event: "#setAuthToken", data: { token: TOKEN } },
  );
  await socket.deauthenticate();
  await turn();
  assertEquals([socket.authState, socket.signedAuthToken], [
    "unauthenticated",
    null,
  ]);
  assertEquals(await socket.auth.loadToken(socket.authTokenName), null);
  assertEquals(fake.take(), { event: "#removeAuthToken" });
  await end(socket);
});

Deno.test("inbound - a flood does not wait without bound", async () => {
  const { socket, fake } = await openWith();
  const consumer = socket.receiver("x").createConsumer();
  for (let i = 0; i < 1000; i++) fake.receivePacket({ event: "x", data: i });
  assertEquals(consumer.getBackpressure(), 0);
  for (let i = 0; i < 500; i++) fake.receivePacket({ event: "x", data: i });
  assertEquals(consumer.getBackpressure(), 1500);
  await consumer.return();
  await end(socket);
});
