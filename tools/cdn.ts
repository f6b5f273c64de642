/**
 * Builds the files that a page loads from a CDN, without a bundler: one minified ES
 * module for each entry point that pages use, and for Feedme a classic script with the
 * global `feedmeClient`, as npm's feedme-client has one.
 *
 * Each file is complete, but for packages that a page must have once: React and
 * Socket.IO's client, which an import map names. Shared chunks would save a page that loads two of them 3.6 kB
 * gzipped, but cost every page one more round trip, because the browser only finds the
 * chunk once it has read the module; and the `integrity` of a script tag covers one
 * file. Two copies of what they share do no harm: errors are recognized by shape.
 */
import { dirname } from "node:path";

/** What a file is made of. */
interface Source {
  entry: string;
  format: "esm" | "iife";
  /** Whether it follows backends, by npm's eventsource-parser. */
  follows?: true;
}

const FILES: ReadonlyMap<string, Source> = new Map<string, Source>([
  ["client.js", { entry: "client.ts", format: "esm", follows: true }],
  ["feedme.js", { entry: "feed/feedme/mod.ts", format: "esm" }],
  ["react.js", { entry: "react/mod.ts", format: "esm", follows: true }],
  ["socketcluster.js", { entry: "feed/socketcluster/mod.ts", format: "esm" }],
  ["socketio.js", { entry: "react/socketio.ts", format: "esm", follows: true }],
  ["feedme.global.js", { entry: "tools/feedme_global.ts", format: "iife" }],
]);

/** What stays an import, as the sources name it, and as a page's import map does. */
const EXTERNAL: ReadonlyMap<string, string> = new Map([
  ["npm:react@^19", "react"],
  ["npm:socket.io-client@^4.8", "socket.io-client"],
]);

/**
 * The fields of `package.json` that say what a CDN serves at the package's bare
 * address, where pages of feedme-client expect a script:
 * https://www.jsdelivr.com/documentation#id-configuring-a-default-file-in-packagejson
 */
export const CDN_MANIFEST = {
  unpkg: "./cdn/feedme.global.js",
  jsdelivr: "./cdn/feedme.global.js",
};

/** Builds from the sources in `root`, with its configuration `config`, into `folder`. */
export async function buildCdn(
  { root, config, version, folder }: {
    root: string;
    config: string;
    version: string;
    folder: string;
  },
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Promise.all([...FILES].map(async ([name, source]) => {
    const { entry, format, follows } = source;
    const { success, stdout, stderr } = await new Deno.Command(
      Deno.execPath(),
      {
        args: [
          "bundle",
          "--quiet",
          `--config=${config}`,
          "--platform=browser",
          `--format=${format}`,
          "--minify",
          ...[...EXTERNAL.keys()].map((target) => `--external=${target}`),
          entry,
        ],
        cwd: root,
      },
    ).output();
    const text = new TextDecoder();
    if (!success) throw new Error(`${entry}: ${text.decode(stderr)}`);
    // The license of a package whose code is inside asks for its name.
    const inside = follows ? "; includes eventsource-parser, MIT license" : "";
    const banner = `/*! @feedline/feedline ${version}, MIT license${inside} */`;
    let code = text.decode(stdout);
    for (const [target, bare] of EXTERNAL) {
      code = code.replaceAll(JSON.stringify(target), JSON.stringify(bare));
    }
    await Deno.writeTextFile(`${folder}/${name}`, `${banner}\n${code}`);
  }));
}

/** The sources that only these files need, from the project's folder on. */
export const CDN_SOURCES: readonly string[] = [...FILES.values()]
  .map(({ entry }) => entry)
  .filter((entry) => dirname(entry) === "tools");
