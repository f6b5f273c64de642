/** Entry points as one module, the way that bundlers hand them to a browser. */
import { assert } from "@std/assert";
import { gzipSync } from "node:zlib";
import { config } from "./config.ts";

/**
 * An entry point with all that it imports; `options` are more of `deno bundle`, such as
 * another `--config`.
 */
export async function bundle(
  entry: string,
  ...options: string[]
): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      ...options.some((option) => option.startsWith("--config="))
        ? []
        : [`--config=${config}`],
      "--platform=browser",
      ...options,
      entry,
    ],
    cwd: new URL("../..", import.meta.url),
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return stdout;
}

/** The size of an entry point as a browser loads it, minified and gzipped, in bytes. */
export async function bundledSize(
  entry: string,
  ...options: string[]
): Promise<number> {
  const code = await bundle(entry, "--minify", ...options);
  return gzipSync(code, { level: 9 }).byteLength;
}
