/** Entry points as one module, the way that bundlers hand them to a browser. */
import { assert } from "@std/assert";
import { config } from "./config.ts";

/** An entry point with all that it imports; `options` are more of `deno bundle`. */
export async function bundle(
  entry: string,
  ...options: string[]
): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      `--config=${config}`,
      "--platform=browser",
      ...options,
      entry,
    ],
    cwd: new URL("..", import.meta.url),
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return stdout;
}
