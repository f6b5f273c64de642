/** docs/command.md: its options, exit codes and `feedline.json` are those of the command. */
import { assert, assertEquals } from "@std/assert";
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Options } from "../../session/dev/arguments.ts";
import { parseCommandLine } from "../../session/dev/cli.ts";
import { ORDER_NAMES } from "../../session/dev/orders.ts";
import {
  DEV_OPTIONS,
  EXIT_CODES,
  ORDER_OPTIONS,
  SERVE_OPTIONS,
} from "../../session/dev/options.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = await Deno.readTextFile(`${root}docs/command.md`);

/** The cells of the tables in a section, without their heads. */
function rows(title: string): string[][] {
  const section = page.split(/^## /m).find((text) =>
    text.startsWith(`${title}\n`)
  );
  assert(section, title);
  return [...section.matchAll(/^\|(.+)\|$/gm)].slice(2)
    .map(([, cells]) => cells!.split("|").map((cell) => cell.trim()));
}

for (
  const [title, options] of [
    ["dev", DEV_OPTIONS],
    ["serve", SERVE_OPTIONS],
    ["list, logs, terminate, open", ORDER_OPTIONS],
  ] as [string, Options][]
) {
  Deno.test(`docs command - has the options of ${title}, with their defaults`, () => {
    assertEquals(
      rows(title),
      Object.entries(options).map(([name, option]) => [
        `\`--${name}${option.value ? ` <${option.value}>` : ""}\``,
        option.about,
        String(option.default ?? ""),
      ]),
    );
  });
}

Deno.test("docs command - names each sub-command", () => {
  for (const name of ["dev", "serve", ...ORDER_NAMES, "completions"]) {
    assert(new RegExp(`^\\| \\[?\`${name}\\b`, "m").test(page), name);
  }
});

Deno.test("docs command - the exit codes are those of the code", () => {
  assertEquals(
    rows("Exit codes"),
    Object.entries(EXIT_CODES).map(([code, meaning]) => [code, meaning]),
  );
});

Deno.test("docs command - its feedline.json is valid, and its schema is published", async () => {
  const [, text = ""] = /```json\n([^]*?)```/.exec(page) ?? [];
  assertEquals(parseCommandLine([], () => text).command, "dev");
  assertEquals(parseCommandLine(["serve"], () => text).command, "serve");
  const { version, publish } = JSON.parse(
    await Deno.readTextFile(`${root}deno.json`),
  );
  const schema = JSON.parse(text).$schema.split("/").at(-1);
  assert(globSync(publish.include, { cwd: root }).includes(schema));
  assert(page.includes(`/@feedline/feedline/${version}/${schema}`));
});
