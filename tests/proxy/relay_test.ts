/** Streams that are passed on, and how each end of one reaches the other. */
import { assertEquals, assertRejects } from "@std/assert";
import { passBody } from "../../session/pass/body.ts";
import { relay, type RelayOptions } from "../../session/pass/relay.ts";
import { settled } from "../kit/wait.ts";

/** A source that its test feeds, and everything that was noticed. */
function start(options: RelayOptions = {}) {
  const noticed: unknown[] = [];
  let feed!: ReadableStreamDefaultController<Uint8Array>;
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => void (feed = controller),
    cancel: (reason) => void noticed.push(["cancelled", reason]),
  });
  const { body, end } = relay(source.getReader(), {
    onDone: () => noticed.push("done"),
    onEnd: () => noticed.push("end"),
    ...options,
  });
  return { body, end, feed, noticed, bytes: () => new Response(body).bytes() };
}

const piece = (...bytes: number[]) => Uint8Array.from(bytes);

Deno.test("relay - passes on what was read before, then the rest", async () => {
  const seen: number[] = [];
  const { feed, bytes, noticed } = start({
    first: [piece(1), piece(2)],
    onChunk: (chunk) => seen.push(...chunk),
  });
  feed.enqueue(piece(3, 4));
  feed.close();
  assertEquals(await bytes(), piece(1, 2, 3, 4));
  assertEquals(seen, [3, 4]);
  assertEquals(noticed, ["done", "end"]);
});

Deno.test("relay - reads nothing before it is read", async () => {
  let pulled = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(piece(++pulled));
    },
  }, { highWaterMark: 0 });
  const reader = relay(source.getReader()).body.getReader();
  assertEquals(pulled, 0);
  assertEquals((await reader.read()).value, piece(1));
  assertEquals(pulled, 1);
  await reader.cancel();
});

Deno.test("relay - cancelling it cancels the source, also during a read", async () => {
  const { body, noticed } = start();
  const reader = body.getReader();
  const read = reader.read();
  await reader.cancel("enough");
  assertEquals((await read).done, true);
  assertEquals(noticed, ["end", ["cancelled", "enough"]]);
});

Deno.test("relay - a source that failed can be cancelled", async () => {
  const { body, feed, noticed } = start();
  feed.error(new Error("gone"));
  await body.cancel();
  assertEquals(noticed, ["end"]);
});

Deno.test("relay - can be ended, before, during and after a read", async () => {
  for (const read of [false, true]) {
    const { bytes, end, noticed } = start();
    const result = read ? bytes() : undefined;
    end();
    assertEquals(await (result ?? bytes()), piece());
    assertEquals(noticed, ["end", ["cancelled", undefined]]);
  }
  const { bytes, end, feed, noticed } = start();
  feed.close();
  await bytes();
  end();
  assertEquals(noticed, ["done", "end"]);
});

Deno.test("relay - a source that fails as it is ended has ended once", async () => {
  const { bytes, end, feed, noticed } = start();
  const result = bytes();
  await settled(); // it reads
  feed.error(new Error("lost"));
  end();
  assertEquals(await result, piece());
  assertEquals(noticed, ["end"]);
});

Deno.test("relay - ended with an error, it breaks off", async () => {
  const { bytes, end, noticed } = start();
  const result = bytes();
  const revoked = new Error("revoked");
  end(revoked);
  await assertRejects(() => result, Error, "revoked");
  assertEquals(noticed, ["end", ["cancelled", revoked]]);
});

Deno.test("relay - a failure reaches the reader in the words of onFail", async () => {
  const { bytes, feed, noticed } = start({
    onFail: (error) => new Error(`${(error as Error).message} [redacted]`),
  });
  feed.error(new Error("lost"));
  await assertRejects(bytes, Error, "lost [redacted]");
  assertEquals(noticed, ["end"]);
});

Deno.test("relay - a chunk that is refused fails both streams", async () => {
  const refusal = new Error("too long");
  const { bytes, feed, noticed } = start({
    onChunk() {
      throw refusal;
    },
  });
  feed.enqueue(piece(1));
  assertEquals(await assertRejects(bytes), refusal);
  assertEquals(noticed, ["end", ["cancelled", refusal]]);
});

Deno.test("passBody - a body that the backend stops reading has not been sent", async () => {
  const noticed: unknown[] = [];
  const { body } = passBody(new ReadableStream<Uint8Array>(), undefined, {
    onBytes: (bytes) => noticed.push(bytes),
    onEnd: (bytes) => noticed.push(["end", bytes]),
    onFail: (error) => noticed.push(error),
    signal: new AbortController().signal,
  });
  const reader = body.getReader();
  const read = reader.read();
  await reader.cancel();
  assertEquals((await read).done, true);
  assertEquals(noticed, []);
});
