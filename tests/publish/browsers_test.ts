/**
 * The oldest browsers that are served: those of spring 2023. What a page loads is
 * bundled as it is for a browser, and read: the syntax by esbuild, which knows what
 * each browser parses, and the platform's younger APIs by their names.
 *
 * Versions are from https://github.com/mdn/browser-compat-data.
 */
import { assert, assertEquals } from "@std/assert";
import * as esbuild from "esbuild";
import { bundle } from "../kit/bundle.ts";

/** README.md and docs/architecture.md state them. */
const OLDEST = ["chrome111", "firefox111", "safari16.4"];

/** The entry points that pages import. */
const ENTRIES = [
  "client.ts",
  "feed/feedme/mod.ts",
  "feed/socketcluster/mod.ts",
  "feed/mod.ts",
  "mod.ts",
  "react/socketio.ts",
];

/**
 * APIs that one of the oldest browsers does not have. A use with a fallback has to
 * look like `name ?? other`. Iterator helpers such as `map` cannot be told from
 * methods of arrays here.
 */
const YOUNGER: RegExp[] = [
  /\bPromise\.(?:withResolvers|try)\b/,
  /\bURL\.(?:canParse|parse)\b/,
  /\bAbortSignal\.any\b/,
  /\bArray\.fromAsync\b/,
  /\b(?:Object|Map)\.groupBy\b/,
  /\bIterator\b/,
  /\bReadableStream\.from\b/,
  /\bResponse\.json\b/,
  /\bRegExp\.escape\b/,
  /\bError\.isError\b/,
  /\bMath\.(?:sumPrecise|f16round)\b/,
  /\bUint8Array\.from(?:Base64|Hex)\b/,
  /\bIntl\.(?:Segmenter|DurationFormat)\b/,
  // Of arrays, strings, bytes, sets, maps and headers.
  /\.(?:toSorted|toReversed|toSpliced|with|isWellFormed|toWellFormed)\(/,
  /\.(?:toBase64|toHex|setFromBase64|setFromHex|transferToFixedLength)\(/,
  /\.(?:union|intersection|difference|symmetricDifference)\(/,
  /\.(?:isSubsetOf|isSupersetOf|isDisjointFrom)\(/,
  /\.(?:getOrInsert|getOrInsertComputed|getSetCookie)\(/,
  /[pP]arams\.size\b/,
  /(?<!")\bSymbol\.(?:dispose|asyncDispose)\b/,
  /\b(?:Async)?DisposableStack\b/,
  /\bSuppressedError\b/,
  /\b(?:Transform|TextDecoder|TextEncoder|Compression|Decompression)Stream\b/,
  /\b(?:WebSocketStream|WebTransport|URLPattern|Float16Array|Temporal)\b/,
  /\b(?:requestIdleCallback|scheduler)\b/,
];

/** What the oldest browsers do not have of the APIs that the code names. */
function younger(code: string): string[] {
  return YOUNGER.flatMap((pattern) =>
    [...code.matchAll(new RegExp(`${pattern.source}(?!\\s*\\?\\?)`, "g"))]
      .map(([found]) => found)
  );
}

/** The syntax that esbuild has to write differently for the oldest browsers. */
async function rewritten(code: string): Promise<string[]> {
  const lines = async (options: esbuild.TransformOptions) =>
    (await esbuild.transform(code, { format: "esm", ...options })).code
      .split("\n");
  const kept = new Set(
    await lines({
      target: OLDEST,
      // Babel's preset for React Native does not parse it.
      supported: { "class-static-blocks": false },
    }),
  );
  return (await lines({ target: "esnext" })).filter((line) => !kept.has(line));
}

// One test: esbuild's process serves all of it.
Deno.test("browsers - what a page loads runs in those of spring 2023", async (t) => {
  try {
    for (const entry of ENTRIES) {
      await t.step(entry, async () => {
        // React and Socket.IO have floors of their own.
        const code = new TextDecoder().decode(
          await bundle(
            entry,
            "--external=npm:react@^19",
            "--external=npm:socket.io-client@^4.8",
          ),
        );
        assertEquals(await rewritten(code), [], "younger syntax");
        // Without comments, which name what is not used.
        const { code: plain } = await esbuild.transform(code, {
          format: "esm",
          legalComments: "none",
        });
        assertEquals(younger(plain), [], "younger APIs");
      });
    }

    await t.step("younger APIs are seen", () => {
      assertEquals(
        younger(`Promise.withResolvers(); url.searchParams.size; [].toSorted();
          const name = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");
          x[Symbol.asyncDispose]();`),
        [
          "Promise.withResolvers",
          ".toSorted(",
          "Params.size",
          "Symbol.asyncDispose",
        ],
      );
    });

    await t.step("younger syntax is seen", async () => {
      for (
        const code of [
          "class A {\n  static {\n    f();\n  }\n}",
          "async function f() {\n  await using a = b;\n}",
          "const a = /[a--b]/v;",
        ]
      ) {
        assert((await rewritten(code)).length > 0, code);
      }
      assertEquals(
        await rewritten("class A {\n  static #a = 1;\n  b = A.#a ?? 2;\n}\n"),
        [],
      );
    });
  } finally {
    await esbuild.stop();
  }
});

Deno.test("browsers - README.md and docs/architecture.md state the oldest", async () => {
  for (const page of ["README.md", "docs/architecture.md"]) {
    const url = new URL(`../../${page}`, import.meta.url);
    const text = (await Deno.readTextFile(url)).replace(/\s+/g, " ");
    assert(text.includes("Chrome 111, Firefox 111 and Safari 16.4"), page);
  }
});
