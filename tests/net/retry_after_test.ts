import { assertEquals } from "@std/assert";
import { retryAfterOf } from "../../net/retry_after.ts";

const NOW = Date.UTC(1994, 10, 6, 8, 49, 30);

function after(value: string, date?: string): number | undefined {
  const headers = new Headers({ "retry-after": value });
  if (date !== undefined) headers.set("date", date);
  return retryAfterOf(headers, NOW);
}

Deno.test("Retry-After - seconds", () => {
  assertEquals(after("0"), 0);
  assertEquals(after("7"), 7_000);
  assertEquals(after(" 120 "), 120_000);
});

Deno.test("Retry-After - a date in each form that RFC 9110 knows", () => {
  assertEquals(after("Sun, 06 Nov 1994 08:49:37 GMT"), 7_000);
  assertEquals(after("Sunday, 06-Nov-94 08:49:37 GMT"), 7_000);
  assertEquals(after("Sun Nov  6 08:49:37 1994"), 7_000);
  assertEquals(after("Wed, 21 Oct 1992 07:28:00 GMT"), 0);
});

Deno.test("Retry-After - a date counts from the answer's own Date", () => {
  const date = "Sun, 06 Nov 1994 08:49:35 GMT";
  assertEquals(after("Sun, 06 Nov 1994 08:49:37 GMT", date), 2_000);
  assertEquals(after("Sun, 06 Nov 1994 08:49:37 GMT", "yesterday"), 7_000);
});

Deno.test("Retry-After - anything else is ignored", () => {
  for (
    const value of [
      "",
      "soon",
      "-5",
      "1.5",
      "1e3",
      "0x10",
      "2026-01-01",
      "5, 7",
    ]
  ) {
    assertEquals(after(value), undefined, value);
  }
  assertEquals(retryAfterOf(new Headers()), undefined);
});
