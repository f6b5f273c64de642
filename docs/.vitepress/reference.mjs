/**
 * Links from `docs/api.md` to the API reference: each section's heading, and each name
 * in it that the reference has a page for.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Where `deno doc --html` writes; see tools/docs.ts. */
const folder = fileURLToPath(
  new URL("../../dist/docs-public/", import.meta.url),
);

/** A plugin of markdown-it. */
export function referenceLinks(md) {
  md.core.ruler.push("reference_links", ({ env, tokens, Token }) => {
    if (env.relativePath !== "api.md") return;
    let entry = "";
    tokens.forEach((token, index) => {
      if (token.type !== "inline") return;
      const heading = tokens[index - 1]?.type === "heading_open";
      if (heading) {
        const [, found] = /^`@feedline\/feedline\/(.+)`$/.exec(token.content) ??
          [];
        entry = found ?? "";
      }
      if (entry === "") return;
      token.children = token.children.flatMap((child) => {
        if (child.type !== "code_inline") return [child];
        const path = heading
          ? `reference/${entry}/index.html`
          : `reference/${entry}/~/${child.content}.html`;
        if (!/^[@\w/-]+$/.test(child.content) || !existsSync(folder + path)) {
          return [child];
        }
        const html = (content) =>
          Object.assign(new Token("html_inline", "", 0), { content });
        // With a target, the browser follows the link, and not VitePress.
        return [html(`<a href="${path}" target="_self">`), child, html("</a>")];
      });
    });
  });
}
