import { assertEquals } from "@std/assert";
import { eventId, parseEventId } from "../../session/edge/events.ts";
import { HeldMap } from "../../session/edge/held.ts";

Deno.test("HeldMap - the least recently used entry goes first", () => {
  const map = new HeldMap<number>(2, 1000);
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
  const map = new HeldMap<number>(2, 1000);
  map.set("a", 1, 0);
  assertEquals(map.get("a", 999), 1);
  assertEquals(map.get("a", 1000), undefined);
  assertEquals(map.size, 0);
});

Deno.test("HeldMap - what is gone does not take a newer value with it", () => {
  const map = new HeldMap<{ id: number }>(2, 1000);
  const [old, fresh] = [{ id: 1 }, { id: 2 }];
  map.set("a", old, 0);
  map.set("a", fresh, 0);
  map.delete("a", old);
  assertEquals(map.get("a", 1), fresh);
  map.delete("a", fresh);
  assertEquals(map.get("a", 1), undefined);
});

Deno.test("HeldMap - keys are data", () => {
  const map = new HeldMap<number>(2, 1000);
  assertEquals(map.get("__proto__", 0), undefined);
  map.set("__proto__", 1, 0);
  assertEquals(map.get("__proto__", 0), 1);
});

Deno.test("eventId - what is written is read, junk is not", () => {
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
