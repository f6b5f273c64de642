/**
 * What must be so in every runtime, against the server of `server.ts`: a
 * program without imports but the client's, which `runtimes_test.ts` bundles.
 */
// deno-lint-ignore-file no-explicit-any
import { create } from "../../feed/socketcluster/mod.ts";

/** Runs all cases; resolves with what was observed. */
export async function conform(port: number): Promise<unknown> {
  const options = { hostname: "127.0.0.1", port, reconnect: "eager" } as const;
  const socket = create<any>(options);
  const closes: number[] = [];
  (async () => {
    for await (const { code } of socket.listener("close")) closes.push(code);
  })();
  const channel = socket.subscribe("conformance");
  const got: unknown[] = [];
  const loop = (async () => {
    for await (const data of channel) got.push(data);
    return "ended";
  })();
  await channel.listener("subscribe").once(5000);

  const answers = [
    await socket.invoke("echo", { text: "ä€" }),
    await socket.invoke("echo", new Uint8Array([1, 2])),
    await socket.invoke("fail").catch((error) => [error.name, error.code]),
    await socket.invoke("wait", 1000, { ackTimeout: 10 })
      .catch((error) => [error.name, error.sent]),
    await socket.invoke("wait", 1000, { signal: AbortSignal.timeout(10) })
      .catch((error) => error.name),
  ];
  await channel.invokePublish("one");

  const authenticated = socket.listener("authenticate").once(5000);
  await socket.invoke("control", {
    what: "login",
    data: { payload: { username: "ann" } },
  });
  const { authToken } = await authenticated;

  // The connection breaks off, and comes back by itself with all it had.
  const pending = socket.invoke("wait", 60_000).catch((error) => error);
  const again = socket.listener("connect").once(10_000);
  const subscribed = channel.listener("subscribe").once(10_000);
  socket.transmit("doom", { what: "terminate", data: {} });
  const { name, sent } = await pending;
  const { isAuthenticated } = await again;
  await subscribed;
  await channel.invokePublish("two");

  await socket[Symbol.asyncDispose]();
  return {
    answers,
    username: authToken.username,
    failure: [name, sent],
    isAuthenticated,
    closes,
    got,
    loop: await loop,
    state: socket.state,
  };
}

/** What {@linkcode conform} must observe. */
export const expected = {
  answers: [
    { text: "ä€" },
    { base64: true, data: "AQI=" },
    ["CustomFailure", 42],
    ["TimeoutError", true],
    "TimeoutError",
  ],
  username: "ann",
  failure: ["BadConnectionError", true],
  isAuthenticated: true,
  closes: [1006, 1000],
  got: ["one", "two"],
  loop: "ended",
  state: "closed",
};
