/**
 * Old Chromiums, from npm: `@sparticuz/chromium` carries one for Linux on x64, packed
 * with Brotli. It needs the libraries that Debian's `chromium` brings.
 */
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { type Found, installPackages, temporary } from "./runtimes.ts";

/**
 * Versions of the package: of the Chromiums that it has, the oldest that Feedline
 * supports, and two on the way to today's.
 */
export const OLD_CHROMIUMS = ["111.0.0", "117.0.0", "123.0.1"] as const;

/** One of {@linkcode OLD_CHROMIUMS}: its program, fetched on first use. */
export async function oldChromium(
  version: typeof OLD_CHROMIUMS[number],
): Promise<Found> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    return { missing: "it is for Linux on x64" };
  }
  const folder = `${temporary}/chromium-${version}`;
  const path = `${folder}/chromium`;
  try {
    await Deno.stat(path).catch(async () => {
      await installPackages(folder, {
        dependencies: { "@sparticuz/chromium": version },
      });
      const program = await promisify(brotliDecompress)(
        await readFile(
          `${folder}/node_modules/@sparticuz/chromium/bin/chromium.br`,
        ),
      );
      // Another run may look for it while this one writes.
      const part = await Deno.makeTempFile({ dir: folder });
      await Deno.writeFile(part, program);
      await Deno.chmod(part, 0o755);
      await Deno.rename(part, path);
    });
    return { path, version };
  } catch (error) {
    return { missing: (error as Error).message };
  }
}
