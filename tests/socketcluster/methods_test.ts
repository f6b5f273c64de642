/** The whole interface of socketcluster-client, name by name, and its types. */
// deno-lint-ignore-file no-explicit-any
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AGChannel,
  AGClientSocket,
  create,
  factory,
  version,
} from "../../feed/socketcluster/mod.ts";
import { fakeSockets } from "./fake_socket.ts";

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

const PROPERTIES = words(`
  id clientId version state authState authToken signedAuthToken
  pendingReconnect pendingReconnectTimeout connectAttempts protocolVersion
  pingTimeout pingTimeoutDisabled connectTimeout ackTimeout channelPrefix
  authTokenName wsOptions options auth codec transport isBatching
  isBufferingBatch batchOnHandshake batchOnHandshakeDuration
  preparingPendingSubscriptions CONNECTING OPEN CLOSED AUTHENTICATED
  UNAUTHENTICATED SUBSCRIBED PENDING UNSUBSCRIBED
`);

const METHODS = words(`
  connect disconnect reconnect transmit invoke transmitPublish invokePublish
  send authenticate deauthenticate getState getAuthToken getSignedAuthToken
  uri getBytesReceived encode decode encodeBase64 decodeBase64 emit
  removeListener startBatch flushBatch cancelBatch startBatching stopBatching
  cancelBatching subscribe unsubscribe channel subscriptions isSubscribed
  getChannelState getChannelOptions processPendingSubscriptions
  getBackpressure
  listener closeListener closeAllListeners killListener killAllListeners
  killListenerConsumer getListenerConsumerStats getListenerConsumerStatsList
  getAllListenersConsumerStatsList getListenerBackpressure
  getAllListenersBackpressure getListenerConsumerBackpressure
  hasListenerConsumer hasAnyListenerConsumer getListenerConsumerCount
  getAllListenersConsumerCount
  receiver closeReceiver closeAllReceivers killReceiver killAllReceivers
  killReceiverConsumer getReceiverConsumerStats getReceiverConsumerStatsList
  getAllReceiversConsumerStatsList getReceiverBackpressure
  getAllReceiversBackpressure getReceiverConsumerBackpressure
  hasReceiverConsumer hasAnyReceiverConsumer
  procedure closeProcedure closeAllProcedures killProcedure killAllProcedures
  killProcedureConsumer getProcedureConsumerStats
  getProcedureConsumerStatsList getAllProceduresConsumerStatsList
  getProcedureBackpressure getAllProceduresBackpressure
  getProcedureConsumerBackpressure hasProcedureConsumer
  hasAnyProcedureConsumer
  closeChannel closeAllChannels killChannel killAllChannels
  getChannelBackpressure getAllChannelsBackpressure
  channelCloseOutput closeAllChannelOutputs channelKillOutput
  killAllChannelOutputs killChannelOutputConsumer
  getChannelOutputConsumerStats channelGetOutputConsumerStatsList
  getAllChannelOutputsConsumerStatsList channelGetOutputBackpressure
  getAllChannelOutputsBackpressure getChannelOutputConsumerBackpressure
  channelHasOutputConsumer hasAnyChannelOutputConsumer
  channelCloseListener channelCloseAllListeners closeAllChannelListeners
  channelKillListener channelKillAllListeners killAllChannelListeners
  killChannelListenerConsumer getChannelListenerConsumerStats
  channelGetListenerConsumerStatsList
  channelGetAllListenersConsumerStatsList
  getAllChannelListenersConsumerStatsList channelGetListenerBackpressure
  channelGetAllListenersBackpressure getAllChannelListenersBackpressure
  getChannelListenerConsumerBackpressure channelHasListenerConsumer
  channelHasAnyListenerConsumer hasAnyChannelListenerConsumer
`);

const CHANNEL_METHODS = words(`
  subscribe unsubscribe isSubscribed transmitPublish invokePublish listener
  next once createConsumer close closeOutput closeListener closeAllListeners
  kill killOutput killListener killAllListeners killOutputConsumer
  killListenerConsumer getBackpressure getOutputBackpressure
  getListenerBackpressure getAllListenersBackpressure getOutputConsumerStats
  getListenerConsumerStats getOutputConsumerStatsList
  getListenerConsumerStatsList getAllListenersConsumerStatsList
  getOutputConsumerBackpressure getListenerConsumerBackpressure
  hasOutputConsumer hasListenerConsumer hasAnyListenerConsumer
`);

Deno.test("methods - every name of the reference", () => {
  const socket: any = create({ autoConnect: false });
  for (const name of PROPERTIES) assert(name in socket, name);
  for (const name of METHODS) {
    assertEquals(typeof socket[name], "function", name);
  }
  const channel: any = socket.channel("c");
  for (const name of CHANNEL_METHODS) {
    assertEquals(typeof channel[name], "function", name);
  }
  assertEquals([channel.name, channel.client, channel.state], [
    "c",
    socket,
    "unsubscribed",
  ]);
  assertThrows(() => channel.state = "x", Error, "Cannot directly set");
  assertThrows(() => channel.options = {}, Error, "Cannot directly set");
  const constants = words(
    "CONNECTING OPEN CLOSED AUTHENTICATED UNAUTHENTICATED",
  );
  for (const name of [...constants, "SUBSCRIBED", "PENDING", "UNSUBSCRIBED"]) {
    assertEquals((AGClientSocket as any)[name], name.toLowerCase());
    assertEquals(socket[name], name.toLowerCase());
  }
  for (const name of ["PENDING", "SUBSCRIBED", "UNSUBSCRIBED"]) {
    assertEquals((AGChannel as any)[name], channel[name]);
  }
  assertEquals(
    AGClientSocket.errorStatuses[4003],
    "Failed to complete handshake",
  );
  assertEquals(AGClientSocket.ignoreStatuses[1000], "Socket closed normally");
  assertEquals([factory.create, version, socket.version], [
    create,
    "20.0.2",
    "20.0.2",
  ]);
});

Deno.test("methods - the connection as page frameworks read it", async () => {
  const { made, WebSocket } = fakeSockets();
  const socket = create({ WebSocket, autoConnect: false });
  const { subscribe, getSnapshot } = socket.connection;
  assertEquals(socket.connection, socket.connection);
  const seen: string[] = [];
  const unsubscribe = subscribe(() => seen.push(getSnapshot()));
  assertEquals(getSnapshot(), "closed");
  socket.connect();
  await made[0]!.shakeHands();
  await new Promise((resolve) => setTimeout(resolve));
  socket.disconnect();
  assertEquals(seen, ["connecting", "open", "closed"]);
  unsubscribe();
  socket.connect();
  assertEquals([seen.length, getSnapshot()], [3, "connecting"]);
  socket.disconnect();
});

Deno.test("methods - an unknown consumer", () => {
  const socket = create({ autoConnect: false });
  const consumer = socket.receiver("x").createConsumer();
  socket.killReceiverConsumer(99);
  assertEquals(socket.getReceiverConsumerStatsList("x").length, 1);
  assertEquals(socket.getReceiverConsumerStats(99), undefined);
  assertEquals(socket.getReceiverConsumerBackpressure(99), 0);
  assertEquals(socket.hasReceiverConsumer("x", 99), false);
  assertEquals(socket.hasReceiverConsumer("y", consumer.id), false);
  assertEquals(socket.hasReceiverConsumer("x", consumer.id), true);
  // A channel knows none but its own.
  const own = socket.channel("a").createConsumer();
  assertEquals(socket.channel("b").hasOutputConsumer(own.id), false);
  socket.channel("b").killOutputConsumer(own.id);
  assertEquals(socket.channel("a").getOutputConsumerStats(own.id)?.id, own.id);
  socket.killAllChannels();
  socket.killAllReceivers();
});

/** How each family's methods are called, in the order of the reference's table. */
const FAMILIES: Record<string, [names: string[], methods: string]> = {
  receivers: [
    ["x"],
    `closeReceiver killReceiver getReceiverConsumerStatsList
    getReceiverBackpressure hasReceiverConsumer closeAllReceivers
    killAllReceivers getAllReceiversConsumerStatsList
    getAllReceiversBackpressure hasAnyReceiverConsumer killReceiverConsumer
    getReceiverConsumerStats getReceiverConsumerBackpressure`,
  ],
  procedures: [
    ["x"],
    `closeProcedure killProcedure
    getProcedureConsumerStatsList getProcedureBackpressure
    hasProcedureConsumer closeAllProcedures killAllProcedures
    getAllProceduresConsumerStatsList getAllProceduresBackpressure
    hasAnyProcedureConsumer killProcedureConsumer getProcedureConsumerStats
    getProcedureConsumerBackpressure`,
  ],
  listeners: [
    ["x"],
    `closeListener killListener getListenerConsumerStatsList
    getListenerBackpressure hasListenerConsumer closeAllListeners
    killAllListeners getAllListenersConsumerStatsList
    getAllListenersBackpressure hasAnyListenerConsumer killListenerConsumer
    getListenerConsumerStats getListenerConsumerBackpressure`,
  ],
  outputs: [
    ["x"],
    `channelCloseOutput channelKillOutput
    channelGetOutputConsumerStatsList channelGetOutputBackpressure
    channelHasOutputConsumer closeAllChannelOutputs killAllChannelOutputs
    getAllChannelOutputsConsumerStatsList getAllChannelOutputsBackpressure
    hasAnyChannelOutputConsumer killChannelOutputConsumer
    getChannelOutputConsumerStats getChannelOutputConsumerBackpressure`,
  ],
  channelListeners: [
    ["x", "e"],
    `channelCloseListener channelKillListener
    channelGetListenerConsumerStatsList channelGetListenerBackpressure
    channelHasListenerConsumer closeAllChannelListeners
    killAllChannelListeners getAllChannelListenersConsumerStatsList
    getAllChannelListenersBackpressure hasAnyChannelListenerConsumer
    killChannelListenerConsumer getChannelListenerConsumerStats
    getChannelListenerConsumerBackpressure`,
  ],
  channelGroup: [
    ["x"],
    `channelCloseAllListeners channelKillAllListeners
    channelGetAllListenersConsumerStatsList channelGetAllListenersBackpressure
    channelHasAnyListenerConsumer closeAllChannelListeners
    killAllChannelListeners getAllChannelListenersConsumerStatsList
    getAllChannelListenersBackpressure hasAnyChannelListenerConsumer
    killChannelListenerConsumer getChannelListenerConsumerStats
    getChannelListenerConsumerBackpressure`,
  ],
};

for (const [family, [names, methods]] of Object.entries(FAMILIES)) {
  Deno.test(`methods - what the methods of ${family} do`, () => {
    const [
      close,
      kill,
      list,
      pressure,
      has,
      closeAll,
      killAll,
      listAll,
      pressureAll,
      hasAny,
      killOne,
      stats,
      pressureOne,
    ] = words(methods) as string[];
    const socket: any = create({ autoConnect: false });
    const open = (name: string) => {
      const channel = socket.channel(name);
      const stream = family === "receivers"
        ? socket.receiver(name)
        : family === "procedures"
        ? socket.procedure(name)
        : family === "listeners"
        ? socket.listener(name)
        : family === "outputs"
        ? channel
        : channel.listener("e");
      return stream.createConsumer();
    };
    const label = family.startsWith("channel") ? "x/e" : "x";
    const consumer = open("x");
    open("y");
    const expected = { id: 1, backpressure: 0, stream: label };
    assertEquals(socket[list!](...names), [expected]);
    assertEquals(socket[listAll!]().length, 2);
    assertEquals(socket[stats!](1), expected);
    assertEquals(socket[stats!](3), undefined);
    assertEquals([socket[has!](...names, 1), socket[has!](...names, 2)], [
      true,
      false,
    ]);
    assertEquals([socket[hasAny!](2), socket[hasAny!](3)], [true, false]);
    consumer.write("value");
    assertEquals([socket[pressure!](...names), socket[pressureAll!]()], [1, 1]);
    assertEquals([socket[pressureOne!](1), socket[pressureOne!](2)], [1, 0]);
    assertEquals(socket.getBackpressure(), 1);
    socket[close!](...names);
    assertEquals(socket[pressure!](...names), 2);
    socket[kill!](...names);
    assertEquals(socket[list!](...names), []);
    socket[killOne!](2);
    assertEquals(socket[listAll!](), []);
    open("x");
    socket[closeAll!]();
    assertEquals(socket[pressureAll!](), 1);
    socket[killAll!]();
    assertEquals(socket[listAll!](), []);
  });
}

Deno.test("methods - null stands for options that are left out", () => {
  const socket: any = create(null as any);
  socket.disconnect(null, null);
  socket.connect(null);
  socket.subscribe("a", null);
  socket.transmit("a", 1, null);
  socket.disconnect();
  assertEquals([socket.state, socket.subscriptions(true)], ["closed", ["a"]]);
});

Deno.test("methods - a channel touches its own consumers only", () => {
  const socket = create({ autoConnect: false });
  const [a, b] = [socket.channel("a"), socket.channel("b")];
  a.createConsumer();
  const other = b.createConsumer();
  b.listener("subscribe").createConsumer().write({ subscriptionOptions: {} });
  other.write(1);
  assertEquals(
    [a.hasOutputConsumer(2), b.hasOutputConsumer(2)],
    [false, true],
  );
  assertEquals(a.getOutputConsumerStats(2), undefined);
  assertEquals([a.getOutputConsumerBackpressure(2), b.getBackpressure()], [
    0,
    1,
  ]);
  assertEquals([a.getBackpressure(), b.getListenerBackpressure("subscribe")], [
    0,
    1,
  ]);
  a.killOutputConsumer(2);
  a.killListenerConsumer(1);
  a.kill();
  assertEquals(b.getOutputConsumerStatsList().length, 1);
  assertEquals(b.getAllListenersConsumerStatsList().length, 1);
  assertEquals(b.getListenerConsumerStats(1)?.stream, "b/subscribe");
  b.killOutput();
  b.killListener("subscribe");
  assertEquals(socket.getAllChannelsBackpressure(), 0);
});

interface Chat {
  channels: { room: { text: string } };
  procedures: { join: (data: { room: string }) => number };
  receivers: { typing: string };
}

Deno.test("methods - an Api names what is exchanged", () => {
  const socket = create<Chat>({ autoConnect: false });
  // Checked by the compiler; nothing here runs.
  const _checked = async () => {
    const joined: number = await socket.invoke("join", { room: "r" });
    // @ts-expect-error the procedure takes a room
    socket.invoke("join", { rom: "r" });
    // @ts-expect-error there is no such procedure
    socket.invoke("leave");
    for await (const { text } of socket.subscribe("room")) {
      const typed: string = text;
      socket.transmit("typing", typed);
    }
    // @ts-expect-error the channel carries texts
    socket.transmitPublish("room", 5);
    for await (const name of socket.receiver("typing")) name.length;
    for await (const request of socket.procedure("join")) {
      request.end(request.data.room.length + joined);
      // @ts-expect-error it answers a number
      request.end("text");
    }
    for await (const { code } of socket.listener("close")) code.toFixed();
    const untyped = create();
    const answer = await untyped.invoke("anything", 1);
    // @ts-expect-error the type of its answer is not declared
    answer.of;
    for await (const data of untyped.subscribe("anything")) {
      // @ts-expect-error the type of its data is not declared
      data.of;
    }
    const any = create<any>();
    (await any.invoke("anything", 1)).of.any.type;
    for await (const data of any.subscribe("anything")) data.of.any.type;
    for await (const data of any.receiver("anything")) data.of.any.type;
    for await (const request of any.procedure("anything")) {
      request.end(request.data.of.any.type);
    }
  };
  assertEquals(socket.channel("room").name, "room");
});
