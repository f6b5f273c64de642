import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { applyDeltas } from "../../feed/feedme/wire/delta.ts";
import {
  canonicalJson,
  Digest,
  feedMd5,
} from "../../feed/feedme/wire/digest.ts";
import {
  checkDelta,
  type JsonObject,
} from "../../feed/feedme/wire/protocol.ts";
import { randomDelta, randomObject, rng } from "./random.ts";

/** The digest as the platform of the tests makes it, from the plain text. */
function reference(data: unknown): string {
  return createHash("md5").update(canonicalJson(data)).digest("base64");
}

Deno.test("digest: texts of every length around the blocks of MD5", () => {
  const digest = new Digest();
  for (let length = 0; length < 300; length++) {
    const data = { t: "x".repeat(length) };
    assertEquals(feedMd5(data), reference(data));
    assertEquals(digest.of(data), reference(data));
  }
  for (const length of [4000, 4096, 5000, 8190, 8192, 8193, 20_000, 10, 9000]) {
    const data = { a: "é".repeat(length), b: 1 };
    assertEquals(digest.of(data), reference(data));
  }
});

Deno.test("digest: follows 5,000 random changes of a feed", () => {
  const random = rng(7);
  let data: JsonObject = {};
  let digest = new Digest();
  let applied = 0;
  for (let step = 0; applied < 5_000; step++) {
    if (step % 500 === 0) {
      data = randomObject(random, step % 1_000 === 0 ? 200 : 40);
      digest = new Digest();
    }
    const deltas = Array.from(
      { length: 1 + random(3) },
      () => randomDelta(random, data),
    );
    if (deltas.some((delta) => checkDelta(delta) !== undefined)) continue;
    const result = applyDeltas(data, deltas);
    if (!result.data) continue;
    data = result.data;
    applied++;
    // Now and then changes pile up, as when only some messages have a digest.
    if (random(4) > 0) assertEquals(digest.of(data), reference(data));
  }
});

Deno.test("digest: wide feeds, changed in every place", () => {
  const random = rng(8);
  for (
    let data of [
      { list: Array.from({ length: 3_000 }, (_, id) => ({ id, n: 0 })) },
      {
        map: Object.fromEntries(
          Array.from({ length: 3_000 }, (_, id) => [`k${id}`, { id, n: 0 }]),
        ),
      },
    ] as JsonObject[]
  ) {
    const digest = new Digest();
    for (let step = 0; step < 600; step++) {
      const delta = randomDelta(random, data);
      if (delta.Path.length < 2) continue; // keep it wide
      const result = applyDeltas(data, [delta]);
      if (result.data) data = result.data;
      assertEquals(digest.of(data), reference(data));
    }
  }
});

Deno.test("digest: data nested 10,000 deep", () => {
  const text = '{"a":'.repeat(10_000) + "1" + "}".repeat(10_000);
  const data = JSON.parse(text);
  assertEquals(canonicalJson(data), text);
  const digest = new Digest();
  assertEquals(digest.of(data), reference(data));
  const path = Array<string>(10_000).fill("a");
  const result = applyDeltas(data, [
    { Operation: "Increment", Path: path, Value: 1 },
  ]);
  assertEquals(digest.of(result.data!), reference(result.data));
  assertEquals(
    canonicalJson(result.data),
    text.replace("1", "2"),
  );
});
