/**
 * An application without what React Native's runtime lacks. It loads the compiled module,
 * talks to both servers, and prints what came of it:
 * `deno run -A react_native_app.cjs <module> <Feedme URL> <SocketCluster port>`
 *
 * Deno's own `WebSocket` works without the globals that are removed here; that of Node
 * looks for `DOMException`, `Event` and `ReadableStream` by name.
 */
const [path, url, port] = Deno.args;

const { fetch, WebSocket, AbortController } = globalThis;
for (
  const name of [
    "EventTarget",
    "Event",
    "MessageEvent",
    "CloseEvent",
    "CustomEvent",
    "DOMException",
    "crypto",
    "structuredClone",
    "reportError",
    "ReadableStream",
    "WritableStream",
    "TransformStream",
    "TextDecoderStream",
    "TextDecoder",
    "BroadcastChannel",
    "EventSource",
    "CompressionStream",
  ]
) Reflect.deleteProperty(globalThis, name);
for (const name of ["any", "timeout", "abort"]) delete AbortSignal[name];
for (const name of ["throwIfAborted", "reason"]) {
  delete AbortSignal.prototype[name];
}
delete URLSearchParams.prototype.size;
delete URL.canParse;
delete URL.parse;
delete Promise.withResolvers;
delete Array.fromAsync;
delete Symbol.dispose;
delete Symbol.asyncDispose;
Object.assign(globalThis, {
  WebSocket,
  AbortController,
  // The body of an answer is there as a whole, and not as a stream.
  async fetch(...args) {
    const answer = await fetch(...args);
    return Object.defineProperty(answer, "body", { value: undefined });
  },
});

async function main() {
  const { SessionBackend, feedme, socketcluster } = require(path);
  const { feedmeClient, webSocketTransport } = feedme;

  const client = feedmeClient({ transport: webSocketTransport({ url }) });
  const view = await client.open("board");
  await client.action("add", { line: "milk" });
  const { lines } = view.data;
  await client.close();

  const socket = socketcluster.create({
    hostname: "127.0.0.1",
    port: Number(port),
    query: { room: "7" },
  });
  const echoed = await socket.invoke("echo", [1, 2]);
  await socket.close();

  // Its end aborts with an error that is a DOMException elsewhere.
  const backend = new SessionBackend({
    backend_id: "b1",
    spawned: true,
    status: "ready",
    token: "",
    url: "http://127.0.0.1:9/",
    secret_token: null,
    status_url: "http://127.0.0.1:9/status",
    ready_url: "",
  }, { lazy: true });
  await backend.ready();
  await backend.close();
  const { phase } = backend.getSnapshot();

  console.log(JSON.stringify({ lines, echoed, phase }));
}

main();
