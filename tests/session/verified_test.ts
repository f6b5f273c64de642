import { assertEquals, assertThrows } from "@std/assert";
import { verifiedUser } from "../../server.ts";

/** A text as a proxy sends it: the bytes of UTF-8, each shown as a character. */
const sent = (text: string) =>
  String.fromCharCode(...new TextEncoder().encode(text));

Deno.test("verifiedUser reads the headers of the proxy", () => {
  const headers = new Headers({
    "x-verified-username": sent("Zoë ✓"),
    "x-verified-user-data": sent('{"team":"Köln","roles":["a"]}'),
    "x-verified-secret": "s",
    "x-verified-path": "/token/x",
    "x-verified-backend": "b1",
  });
  assertEquals(verifiedUser(headers), {
    user: "Zoë ✓",
    auth: { team: "Köln", roles: ["a"] },
    secret: "s",
    path: "/token/x",
    backendId: "b1",
  });
});

Deno.test("verifiedUser says what it needs when given something else", () => {
  const node = { "x-verified-username": "ada" };
  for (const headers of [undefined, node, new Request("http://x/")]) {
    assertThrows(
      () => verifiedUser(headers as never),
      TypeError,
      "verifiedUser needs a Headers object; in Node, pass new Headers(request.headers)",
    );
  }
  assertEquals(verifiedUser(new Headers(node)).user, "ada");
});

Deno.test("verifiedUser treats missing and malformed headers as absent", () => {
  const nothing = {
    user: undefined,
    auth: {},
    secret: undefined,
    path: undefined,
    backendId: undefined,
  };
  assertEquals(verifiedUser(new Headers()), nothing);
  for (const data of ["", "{", "null", "[1]", '"x"', "5"]) {
    const headers = new Headers({ "x-verified-user-data": data });
    assertEquals(verifiedUser(headers), nothing);
  }
  // Latin-1 that is no UTF-8 stays as it is.
  const latin = new Headers({ "x-verified-username": "Zo\u00eb" });
  assertEquals(verifiedUser(latin).user, "Zo\u00eb");
});
