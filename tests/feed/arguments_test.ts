/** What a plain JavaScript program that forgets an argument is shown. */
import { assertThrows } from "@std/assert";
import { webSocketTransport } from "../../feed/feedme/mod.ts";
import { feedmeServer } from "../../feed/feedme/server/server.ts";

Deno.test("arguments - webSocketTransport and feedmeServer say what they need", () => {
  for (const options of [undefined, {}]) {
    assertThrows(
      () => webSocketTransport(options as never),
      TypeError,
      "webSocketTransport needs url, such as wss://example.com/live",
    );
  }
  assertThrows(
    () => feedmeServer(undefined as never),
    TypeError,
    "feedmeServer needs { feeds, actions }, made by defineFeed and defineAction",
  );
});
