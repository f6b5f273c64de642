/** Where the edge route learns at which origins an engine's backends are. */
import { assertEquals, assertThrows } from "@std/assert";
import { sessionProxy } from "../../session/edge/proxy.ts";
import { CONNECT_RESPONSE } from "../session/scripted_platform.ts";
import type { SessionEngine } from "../../types.ts";

const engine: SessionEngine = {
  connect: () => Promise.resolve(CONNECT_RESPONSE),
  status: () => Promise.reject(new Error("not asked for")),
  statusStream: () => Promise.reject(new Error("not asked for")),
  async *statuses() {},
  terminate: () => Promise.resolve(),
};
const authorize = () => ({ user: "ada" });

Deno.test("an engine says where its backends are, under the old name as well", async () => {
  for (const name of ["backendOrigins", "origins"]) {
    const allowed = { ...engine, [name]: ["http://localhost:9090"] };
    const app = sessionProxy({ engine: allowed, authorize });
    const answer = await app.request("http://localhost/room/connect", {
      method: "POST",
    });
    assertEquals(answer.status, 200, name);

    const other = { ...engine, [name]: ["https://elsewhere.example"] };
    const refusing = sessionProxy({
      engine: other,
      authorize,
      onError() {},
    });
    const refused = await refusing.request("http://localhost/room/connect", {
      method: "POST",
    });
    assertEquals(refused.status, 502, name);
  }
});

Deno.test("an engine that does not say it needs the option upstreams", () => {
  assertThrows(
    () => sessionProxy({ engine, authorize }),
    TypeError,
    "upstreams",
  );
});
