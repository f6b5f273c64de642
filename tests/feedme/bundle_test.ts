/** What a page has to load. */
import { assert } from "@std/assert";
import * as esbuild from "esbuild";
import { gzipSync } from "node:zlib";

Deno.test({
  name: "bundle: the size for browsers",
  // esbuild keeps a process of its own.
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    const { outputFiles: [file] } = await esbuild.build({
      entryPoints: [
        new URL("../../feed/feedme/mod.ts", import.meta.url).pathname,
      ],
      bundle: true,
      minify: true,
      format: "esm",
      platform: "browser",
      write: false,
    });
    await esbuild.stop();
    const bytes = gzipSync(file!.contents, { level: 9 }).length;
    // The target is 10,000; this keeps what has been reached.
    assert(bytes <= 12_600, `${bytes} bytes`);
  },
});
