/** A gate that each runtime serves, whose "backends" are ports of this machine. */
import { Hono } from "@hono/hono";
import { createGate, Gate, type GateKey } from "../../../session/gate.ts";
import type { UpgradeAdapter } from "@feedline/feedline/proxy";

/** What a case asks of the gate, by name. */
export interface GateOrders {
  issue: {
    backendId: string;
    user?: string;
    auth?: Record<string, unknown>;
  };
  revoke: { backendId?: string; user?: string };
  rotate: { keys: string[] };
  count: { backendId: string };
}

const key = (id: string): GateKey => ({ id, secret: `${id}.`.repeat(32) });

/** The gate, and the orders that cases give it. */
export function gateApp(upgrade?: UpgradeAdapter): Hono {
  const gate = new Gate({ keys: [key("first")] });
  return new Hono()
    .post("/gate/:order", async (c) => {
      const body = await c.req.json();
      switch (c.req.param("order") as keyof GateOrders) {
        case "issue":
          return c.json(await gate.issue(body));
        case "revoke":
          gate.revoke(body);
          return c.json({});
        case "rotate":
          gate.rotate(body.keys.map(key));
          return c.json({});
        case "count":
          return c.json({ open: gate.connections(body.backendId) });
      }
    })
    .route(
      "/",
      createGate({
        gate,
        upgrade,
        reach: ({ backendId }) =>
          Promise.resolve({ origin: `http://127.0.0.1:${backendId}` }),
      }),
    );
}
