/** docs/troubleshooting.md quotes messages as users see them. */
import { assert, assertEquals } from "@std/assert";
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Messages of the platforms below us, which no file of ours contains. */
const FOREIGN = [
  "SyntaxError: Cannot use import statement outside a module",
  "Cannot add property …, object is not extensible",
];

/** The text of every published module, with its string literals joined. */
async function sources(): Promise<string> {
  const { publish } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  const paths = globSync(publish.include, { cwd: root })
    .filter((path) => path.endsWith(".ts"));
  const texts = paths.map((path) => Deno.readTextFile(root + path));
  return (await Promise.all(texts)).join("\n")
    .replace(/["`] \+\s+(?:\([^"`]*\? )?["`]/g, "");
}

/** The parts of a quoted message that never differ. */
function parts(message: string): string[] {
  return message.split(/…;?/)
    // A code and a text make a Feedme error's message.
    .flatMap((part) => part.split(/(?<=^[A-Z_]+): /))
    .map((part) => part.trim()).filter((part) => part !== "");
}

Deno.test("troubleshooting - every message that it quotes is in the code", async () => {
  const page = await Deno.readTextFile(`${root}docs/troubleshooting.md`);
  const code = await sources();
  const cells = [...page.matchAll(/^\| (.*?) +\| /gm)].map(([, cell]) => cell!);
  const messages = cells.flatMap((cell) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, message]) => message!)
  );
  assert(messages.length > 25, `${messages.length} messages`);
  const missing = messages
    .filter((message) => !FOREIGN.includes(message))
    .flatMap((message) => parts(message))
    .filter((part) => !code.includes(part));
  assertEquals(missing, []);
  for (const message of FOREIGN) assert(messages.includes(message), message);
});
