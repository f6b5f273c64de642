/** npm, and the package as tests install it: the tarball that would be published. */
import { assert } from "@std/assert";
import { pack } from "../../tools/pack.ts";
import { folder } from "./program.ts";

let packed: Promise<Uint8Array> | undefined;

/** The tarball's bytes, packed once. */
export function tarball(): Promise<Uint8Array> {
  return packed ??= (async () => {
    await using empty = await folder();
    await pack(`${empty.path}/feedline.tgz`);
    return await Deno.readFile(`${empty.path}/feedline.tgz`);
  })();
}

/** What a command prints; its failure is the test's. */
export async function run(
  cwd: string,
  command: string,
  ...args: string[]
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd,
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert(
    success,
    `${[command, ...args].join(" ")}:\n${text}${
      new TextDecoder().decode(stderr)
    }`,
  );
  return text;
}

/** Whether npm is here. */
export const npm: boolean = await run(".", "npm", "--version")
  .then(() => true, () => false);
