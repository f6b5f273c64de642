/**
 * What has to hold on every runtime, in a file that imports nothing of any: run
 * as a bundle, it returns what went wrong, or nothing.
 */
import { feedmeClient, webSocketTransport } from "../../feed/feedme/mod.ts";
import { applyDeltas } from "../../feed/feedme/delta.ts";
import { feedMd5 } from "../../feed/feedme/digest.ts";

function same(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a}, not ${b}`);
}

/** Talks to a server of `tests/feedme/portable_test.ts` at `url`. */
export async function portable(url: string): Promise<void> {
  // Names that some runtimes treat as something special.
  const { data } = applyDeltas({}, [
    { Operation: "Set", Path: ["__proto__"], Value: { polluted: true } },
    { Operation: "Set", Path: ["__proto__", "x"], Value: [1] },
    { Operation: "InsertLast", Path: ["__proto__", "x"], Value: 2 },
    { Operation: "Set", Path: ["constructor"], Value: "é😀" },
  ]);
  same(
    data,
    JSON.parse('{"__proto__":{"polluted":true,"x":[1,2]},"constructor":"é😀"}'),
    "deltas",
  );
  same(({} as { polluted?: true }).polluted, undefined, "Object.prototype");
  same(feedMd5({}), "mZFLkyvTelC5g8XnyQrpOw==", "digest of {}");
  same(
    feedMd5({ b: 2, a: "é😀" }),
    "atR9eklJ1Um8MAC+Hag1bw==",
    "digest of text beyond ASCII",
  );

  await using client = feedmeClient({
    transport: webSocketTransport({ url }),
    connectRetryMs: 10,
  });
  const log: string[] = [];
  client.on("connect", () => log.push("connect"));
  client.on("disconnect", (error) => log.push(`disconnect ${error?.code}`));
  client.on("badServerMessage", (error) => log.push(error.message));
  client.connect();
  const feed = client.feed("count", { by: "2" });
  feed.desireOpen();
  same(await feed.opened(), { n: 0 }, "opened");
  const actions = feed.actions();
  same(await client.action("add", { n: 5 }), { done: true }, "action");
  same((await actions.next()).value?.newData, { n: 5 }, "feed action");
  const refused = await client.action("nonsense", {}).catch((error) => error);
  same([refused.code, refused.outcome], ["REJECTED", "rejected"], "refusal");
  // The server drops the connection instead of an answer.
  const lost = await client.action("drop", {}).catch((error) => error);
  same([lost.code, lost.outcome], ["NOT_CONNECTED", "unknown"], "lost");
  same(await feed.opened(), { n: 5 }, "opened again");
  client.disconnect();
  await actions.return!();
  same(
    log.slice(0, 3),
    ["connect", "disconnect TRANSPORT_FAILURE", "connect"],
    "log",
  );
}
