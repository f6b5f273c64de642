/** A backend for tests: reports what it received, echoes, and follows instructions in the path. */
console.log("hello from the backend");
Deno.serve({ port: Number(Deno.env.get("PORT")), onListen() {} }, (request) => {
  const headers = Object.fromEntries(request.headers);
  if (headers.upgrade === "websocket") {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => socket.send(JSON.stringify(headers));
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  }
  const url = new URL(request.url);
  if (url.pathname === "/exit") {
    setTimeout(() => Deno.exit(Number(url.searchParams.get("code"))), 10);
  }
  return Response.json({
    pid: Deno.pid,
    path: url.pathname + url.search,
    headers,
    env: Object.fromEntries(
      Object.entries(Deno.env.toObject()).filter(([name]) =>
        /^(PORT|SESSION_|TEST_)/.test(name)
      ),
    ),
  });
});
