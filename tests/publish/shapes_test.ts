/**
 * Published code decides by shape: `instanceof` is false for values of another
 * realm and of a second copy of a package.
 */
import { assertEquals } from "@std/assert";
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Files that may use it, how often, and why. The goal is an empty list.
 *
 * `session/dev/listen.ts`: `Deno.errors` are the running Deno's own, and its
 * error has no other mark.
 */
const ALLOWED: Record<string, number> = {
  "feed/feedme/client/client.ts": 1,
  "feed/feedme/client/conversation.ts": 1,
  "feed/feedme/client/transport.ts": 1,
  "feed/feedme/client/websocket.ts": 1,
  "feed/feedme/server/server.ts": 1,
  "feed/socketcluster/codec.ts": 2,
  "feed/socketcluster/errors.ts": 1,
  "feed/socketcluster/inbound.ts": 2,
  "feed/socketcluster/subscriptions.ts": 2,
  "session/dev/api.ts": 1,
  "session/dev/cli.ts": 1,
  "session/dev/connect_proxy.ts": 1,
  "session/dev/listen.ts": 1,
  "session/edge/backends.ts": 3,
  "session/edge/passage.ts": 2,
  "session/edge/proxy.ts": 1,
  "session/engine/follow.ts": 2,
};

/** How often a module's code, without its comments, says `instanceof`. */
function count(text: string): number {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  return code.match(/\binstanceof\b/g)?.length ?? 0;
}

Deno.test("shapes - published code uses instanceof nowhere but in the listed places", async () => {
  const { publish } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  const found: string[] = [];
  for (const path of globSync(publish.include as string[], { cwd: root })) {
    if (!path.endsWith(".ts")) continue;
    const name = path.replaceAll("\\", "/");
    const times = count(await Deno.readTextFile(root + path));
    if (times > (ALLOWED[name] ?? 0)) found.push(`${name}: ${times}`);
  }
  assertEquals(found, []);
});

Deno.test("shapes - a use is seen, in a comment it is not", () => {
  assertEquals(count("if (a instanceof B) {} // instanceof"), 2);
  assertEquals(count("/** no instanceof */\n// instanceof\nconst a = 1;"), 0);
});
