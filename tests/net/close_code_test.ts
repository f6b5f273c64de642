/** Close codes and reasons that a WebSocket can send. */
import { assert, assertEquals } from "@std/assert";
import { fitReason, sendableCode } from "../../net/close_code.ts";

Deno.test("close code - the sendable code for each refused one", () => {
  for (
    const [code, sendable] of [
      [1001, 1000],
      [1002, 4002],
      [1011, 4011],
      [1015, 4015],
      [1016, undefined],
      [0, undefined],
    ] as const
  ) assertEquals(sendableCode(code), sendable);
});

Deno.test("close reason - 123 bytes fit, and no character is split", () => {
  for (
    const [reason, fitted] of [
      ["", ""],
      ["go away", "go away"],
      ["x".repeat(123), "x".repeat(123)],
      ["x".repeat(124), "x".repeat(123)],
      ["ü".repeat(61) + "x", "ü".repeat(61) + "x"],
      ["ü".repeat(62), "ü".repeat(61)],
      ["x" + "€".repeat(41), "x" + "€".repeat(40)],
      ["😀".repeat(31), "😀".repeat(30)],
      ["x".repeat(120) + "😀", "x".repeat(120)],
    ] as const
  ) assertEquals(fitReason(reason), fitted);
});

Deno.test("close reason - a lone surrogate counts as the character it is sent as", () => {
  for (const reason of ["\ud800".repeat(42), "x" + "\udc00".repeat(42)]) {
    const fitted = fitReason(reason);
    assert(new TextEncoder().encode(fitted).length <= 123);
    assert(reason.startsWith(fitted) && fitted.length >= 40);
  }
});
