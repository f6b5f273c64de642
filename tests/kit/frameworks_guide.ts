/** The code in docs/frameworks.md, which tests run and check. */
const guide = await Deno.readTextFile(
  new URL("../../docs/frameworks.md", import.meta.url),
);
/** Its code. */
export const blocks: { language: string; code: string }[] = [
  ...guide.matchAll(/^```(\w+).*\n([^]*?)^```$/gm),
]
  .map(([, language, code]) => ({ language: language!, code: code! }));

/** The modules of the guide, by the names in their first lines. */
export const modules: Record<string, string> = Object.fromEntries(
  blocks.flatMap(({ code }) => {
    const [, name] = /^\/\/ (\w+\.ts)\n/.exec(code) ?? [];
    return name ? [[name, code]] : [];
  }),
);
