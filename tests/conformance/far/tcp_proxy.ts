/**
 * TCP proxies that cases make and command over HTTP, from any runtime: `POST /make` with
 * the port of a server gives the port of a new proxy, `POST /{port}/fault` with the name
 * of a fault changes what becomes of its bytes, `POST /{port}/cut` ends its connections.
 */
import { type Fault, TcpProxy } from "../../kit/tcp_proxy.ts";

const cors = { "access-control-allow-origin": "*" };

export function startTcpProxies(): { origin: string } & AsyncDisposable {
  const proxies = new Map<string, TcpProxy>();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const [, name, what] = new URL(request.url).pathname.split("/");
      const text = await request.text();
      const proxy = proxies.get(name!);
      if (name === "make") {
        const made = new TcpProxy(Number(text));
        proxies.set(`${made.port}`, made);
        return new Response(`${made.port}`, { headers: cors });
      }
      if (what === "cut") proxy!.cut();
      else proxy!.fault = text as Fault;
      return new Response("", { headers: cors });
    },
  );
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    async [Symbol.asyncDispose]() {
      for (const proxy of proxies.values()) await proxy[Symbol.asyncDispose]();
      await server.shutdown();
    },
  };
}
