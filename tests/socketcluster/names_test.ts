/** Names that are not text: refused by the server, or read as text, as upstream does. */
// deno-lint-ignore-file no-explicit-any
import { assertEquals } from "@std/assert";
import { create } from "../../feed/socketcluster/mod.ts";
import { fakeSockets } from "./fake_socket.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("names - a channel whose name is a number is refused by the server", async () => {
  const { made, WebSocket } = fakeSockets();
  const socket = create({ WebSocket });
  await made[0]!.shakeHands();
  await turn();
  const fake = made[0]!;
  const failed = socket.listener("subscribeFail").once();
  const channel = socket.subscribe(123 as any);
  assertEquals([channel.state, socket.isSubscribed(123 as any, true)], [
    "pending",
    true,
  ]);
  const { data, cid } = fake.take();
  assertEquals(data, { channel: 123 });
  const message = "Subscribe channel name was malformatted";
  fake.receivePacket({ rid: cid, error: { message } });
  const { error, channel: name } = await failed;
  assertEquals([error.message, name, channel.state], [
    message,
    123,
    "unsubscribed",
  ]);
  socket.invokePublish(123 as any, 1).catch(() => {});
  assertEquals(fake.take().data, { channel: 123, data: 1 });
  socket.disconnect();
});

Deno.test("names - a number is the same name as its text", async () => {
  const { made, WebSocket } = fakeSockets();
  const socket = create<any>({ WebSocket, channelPrefix: "p:" });
  await made[0]!.shakeHands();
  await turn();
  const fake = made[0]!;
  const got: unknown[] = [];
  const collect = async (name: string, stream: AsyncIterable<any>) => {
    for await (const data of stream) got.push([name, data]);
  };
  collect("channel", socket.subscribe(7 as any));
  const { data, cid } = fake.take();
  assertEquals(data, { channel: "p:7" });
  fake.receivePacket({ rid: cid });
  assertEquals([socket.isSubscribed("7"), socket.isSubscribed(7 as any)], [
    true,
    true,
  ]);
  collect("receiver", socket.receiver(8 as any));
  collect("listener", socket.listener(9 as any));
  collect("procedure", socket.procedure(10 as any));
  fake.receivePacket({ event: "#publish", data: { channel: "p:7", data: 1 } });
  fake.receivePacket({ event: "8", data: 2 });
  fake.receivePacket({ event: "10", data: 3, cid: 1 });
  socket.emit("9", 4);
  await turn();
  assertEquals(
    got.map(([name, data]: any) => [name, data?.data ?? data]).toSorted(),
    [["channel", 1], ["listener", 4], ["procedure", 3], ["receiver", 2]],
  );
  socket.unsubscribe(7 as any);
  assertEquals(fake.take(), { event: "#unsubscribe", data: "p:7" });
  socket.disconnect();
  socket.killAllListeners();
  socket.killAllReceivers();
  socket.killAllProcedures();
  socket.killAllChannels();
});
