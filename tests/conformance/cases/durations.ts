/** Limits of time that never pass, whatever a runtime's timers make of such numbers. */
import { webSocketTransport } from "../../../feed/feedme/mod.ts";
import { feedmeServer } from "../../../feed/feedme/server/server.ts";
import { assertEquals } from "../../kit/assert.ts";
import { delay } from "../../kit/wait.ts";
import type { Area } from "../suite.ts";
import { clientLog, connect, connected } from "./feedme.ts";
import { Raw } from "./feedme_server/memory.ts";
import { handshake, log, open, openScripted } from "./socketcluster/far.ts";

/** A timer that is given one of these fires at once, or not for 25 days. */
const FOREVER = [Infinity, 30 * 24 * 3_600_000];

/** Long after a timer that fires at once. */
const LATER = 50;

export const durations: Area = {
  name: "durations",
  cases: {
    async "Infinity and 30 days do not pass for a Feedme client"(t) {
      for (const ms of FOREVER) {
        const transport = webSocketTransport({
          url: t.feedme,
          silenceTimeout: ms,
        });
        await using client = connect(transport, {
          connectTimeoutMs: ms,
          actionTimeoutMs: ms,
          feedTimeoutMs: ms,
          connectRetryMaxMs: ms,
          connectRetryMaxAttempts: Infinity,
          reopenTrailingMs: ms,
          reopenMaxAttempts: Infinity,
        });
        const events = clientLog(client);
        await connected(client);
        const feed = client.feed("board", { id: t.name("board") });
        feed.desireOpen();
        assertEquals(await feed.opened(), { n: 0, list: [] });
        client.action("ignore", {}).catch(() => events.push("an action ended"));
        await delay(LATER);
        assertEquals(await client.action("echo", { n: 1 }), { n: 1 });
        assertEquals(events, ["connecting", "connect"]);

        const peer = await t.script({ sockets: ["silence"] });
        await using patient = connect(peer.ws, { connectTimeoutMs: ms });
        await delay(LATER);
        assertEquals(patient.state(), "connecting");
      }
    },

    async "0, Infinity and 30 days do not pass for a Feedme server"() {
      for (const handshakeTimeout of [0, ...FOREVER]) {
        await using server = feedmeServer({}, { handshakeTimeout });
        const raw = new Raw(server);
        await delay(LATER);
        assertEquals(raw.closed, undefined);
        await raw.shake();
      }
    },

    async "Infinity and 30 days do not pass for a SocketCluster socket"(t) {
      for (const ms of FOREVER) {
        await using socket = open(t, { ackTimeout: ms, connectTimeout: ms });
        const events = log(socket, "error", "disconnect", "connectAbort");
        const waits = socket.receiver("never").once(ms).catch(() => "ended");
        assertEquals(await socket.invoke("wait", LATER), LATER);
        await socket.invoke("echo", 1, { ackTimeout: ms });
        assertEquals(
          await Promise.race([waits, delay(0).then(() => "waits")]),
          "waits",
        );
        assertEquals(events, []);
        socket.killAllReceivers();

        const peer = await t.script({
          sockets: [handshake({ pingTimeout: 1e12 })],
        });
        await using patient = openScripted(peer);
        await patient.listener("connect").once(30_000);
        await delay(LATER);
        assertEquals(patient.state, "open");
      }
    },
  },
};
