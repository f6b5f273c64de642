import { assertEquals } from "@std/assert";
import { eventId, parseEventId } from "../../session/edge/events.ts";
import { HeldMap } from "../../session/edge/held.ts";

Deno.test("HeldMap - the least recently used entry goes first", () => {
  const map = new HeldMap<number>({ max: 2, ttl: 1000 });
  map.set("a", 1, 0);
  map.set("b", 2, 0);
  assertEquals(map.get("a", 1), 1);
  map.set("c", 3, 2);
  assertEquals(map.get("b", 3), undefined);
  assertEquals(map.get("a", 3), 1);
  assertEquals(map.get("c", 3), 3);
  assertEquals(map.size, 2);
});

Deno.test("HeldMap - an entry grows old, however often it is used", () => {
  const map = new HeldMap<number>({ max: 2, ttl: 1000 });
  map.set("a", 1, 0);
  assertEquals(map.get("a", 999), 1);
  assertEquals(map.get("a", 1000), undefined);
  assertEquals(map.size, 0);
});

Deno.test("HeldMap - dropping an old value keeps a newer one", () => {
  const map = new HeldMap<{ id: number }>({ max: 2, ttl: 1000 });
  const [old, fresh] = [{ id: 1 }, { id: 2 }];
  map.set("a", old, 0);
  map.set("a", fresh, 0);
  map.delete("a", old);
  assertEquals(map.get("a", 1), fresh);
  map.delete("a", fresh);
  assertEquals(map.get("a", 1), undefined);
});

Deno.test("HeldMap - the next call drops expired values", () => {
  const map = new HeldMap<number>({ max: 100, ttl: 1000 });
  for (let index = 0; index < 50; index++) map.set(`${index}`, index, index);
  map.get("0", 500);
  map.get("another", 1020);
  assertEquals(map.size, 29);
  map.get("another", 2000);
  assertEquals(map.size, 0);
});

Deno.test("HeldMap - bounded in bytes", () => {
  const map = new HeldMap<number>({
    max: 10_000,
    ttl: 1000,
    maxBytes: 100_000,
  });
  for (let index = 0; index < 1000; index++) {
    map.set(`${index}`.padEnd(1000), index, 0, 300);
  }
  // 2,000 bytes of the key, 300 of the value, 200 of the map.
  assertEquals(map.size, 40);
  assertEquals(map.get("999".padEnd(1000), 1), 999);
  assertEquals(map.get("0".padEnd(1000), 1), undefined);
  map.set("too large", 1, 0, 100_000);
  assertEquals(map.size, 0);
});

Deno.test("HeldMap - keys are data", () => {
  const map = new HeldMap<number>({ max: 2, ttl: 1000 });
  assertEquals(map.get("__proto__", 0), undefined);
  map.set("__proto__", 1, 0);
  assertEquals(map.get("__proto__", 0), 1);
});

Deno.test("eventId - reads what it writes, and refuses anything else", () => {
  for (const backendId of ["b1", "a:b\n%", "__proto__"]) {
    const position = { backendId, seen: 3 };
    assertEquals(parseEventId(eventId(position)), position);
  }
  for (
    const junk of [null, "", "3", "b1:", "b1:x", "b1:-1", "%zz:1", "a:b:1"]
  ) {
    assertEquals(parseEventId(junk), undefined);
  }
});
