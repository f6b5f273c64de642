/** The program in the test's image. Variables and paths say what it does. */
const env = Deno.env.toObject();
if (env.TEST_CRASH) Deno.exit(Number(env.TEST_CRASH));
Deno.addSignalListener("SIGTERM", () => {
  console.log("asked to end");
  if (env.TEST_END === "never") return;
  setTimeout(() => Deno.exit(0), Number(env.TEST_END ?? 0));
});
console.log("hello from the container");
console.error("a warning");
if (env.TEST_SILENT) setInterval(() => {}, 1000);
else {
  Deno.serve({ port: Number(env.PORT), onListen() {} }, (request) => {
    const url = new URL(request.url);
    if (request.headers.get("upgrade") === "websocket") {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    }
    switch (url.pathname) {
      case "/exit":
        setTimeout(() => Deno.exit(Number(url.searchParams.get("code"))), 10);
        break;
      case "/memory": {
        // More than any limit of the tests.
        const all = [];
        for (;;) all.push(new Uint8Array(16 * 1024 ** 2).fill(1));
      }
      case "/write":
        Deno.writeTextFileSync("/plane-data/seen", "kept");
        break;
    }
    return Response.json({
      path: url.pathname,
      headers: Object.fromEntries(request.headers),
      env: Object.fromEntries(
        Object.entries(env).filter(([name]) =>
          /^(PORT|SESSION_|TEST_)/.test(name)
        ),
      ),
    });
  });
}
