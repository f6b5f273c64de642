/**
 * The documentation site: every `docs/*.md`, as GitHub shows it, with a search, two
 * color schemes and the API reference beside it. `deno task docs` runs VitePress with
 * this file; see tools/docs.ts.
 *
 * A page that is not in `PAGES` fails the build, so that none is hidden.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { referenceLinks } from "./reference.mjs";

const docs = fileURLToPath(new URL("../", import.meta.url));
const output = fileURLToPath(new URL("../../dist/", import.meta.url));

/** The pages in reading order, by section: the sidebar, and `llms.txt`. */
const PAGES = {
  "Start": ["index", "quick-start", "three-ways"],
  "Guides": ["rooms", "documents", "agents"],
  "Live data": ["feedme", "feedme-server", "socketcluster", "socket"],
  "Frameworks": ["react", "frameworks"],
  "Operation": ["production", "security", "troubleshooting"],
  "Reference": ["api", "command", "architecture", "migration"],
};

const ordered = Object.values(PAGES).flat();
const present = readdirSync(docs).filter((name) => name.endsWith(".md"))
  .map((name) => name.slice(0, -".md".length));
for (const page of present) {
  if (!ordered.includes(page)) {
    throw new Error(`docs/.vitepress/config.mjs: PAGES has no ${page}`);
  }
}

/** The text of a page; its title; its first paragraph, on one line. */
function read(page) {
  const text = readFileSync(`${docs}${page}.md`, "utf8");
  const [, title, first] = /^# (.+)\n+((?:.+\n)+)/m.exec(text);
  const summary = first.replaceAll("\n", " ").replace(/\[(.+?)\]\(.+?\)/g, "$1")
    .trim();
  return { page, text, title, summary };
}

/** Where the built page is, from the site's root on. */
const path = (page) => page === "index" ? "" : `${page}.html`;

/** Writes what language models read: a list of the pages, and all of their text. */
function writeTexts({ outDir, site: { base } }) {
  const [{ title, summary }] = ordered.map(read);
  const lists = Object.entries(PAGES).map(([section, pages]) => {
    const items = pages.map(read).map(({ page, title, summary }) =>
      `- [${title}](${base}${path(page)}): ${summary}`
    );
    return `## ${section}\n\n${items.join("\n")}\n`;
  });
  writeFileSync(
    `${outDir}/llms.txt`,
    `# ${title}\n\n> ${summary}\n\nThe text of all pages: ${base}llms-full.txt\n\n${
      lists.join("\n")
    }`,
  );
  writeFileSync(
    `${outDir}/llms-full.txt`,
    ordered.map((page) => read(page).text.trim()).join("\n\n") + "\n",
  );
}

export default {
  title: "Feedline",
  description:
    "Session backends for documents, rooms and agents: spawn them, follow them, reach them",
  // Links of the site work without a server's help, and from a folder.
  cleanUrls: false,
  lastUpdated: false,
  outDir: `${output}docs`,
  cacheDir: `${output}docs-cache`,
  srcExclude: ["decisions/**"],
  // The reference is not VitePress's; tests/publish/site_test.ts checks those, too.
  ignoreDeadLinks: [/\/reference\//, /^http:\/\/localhost/],
  markdown: {
    config: referenceLinks,
    // As on GitHub, so that a link to a heading leads there on both.
    anchor: {
      slugify: (title) =>
        title.trim().toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(
          " ",
          "-",
        ),
    },
  },
  vite: { publicDir: `${output}docs-public` },
  buildEnd: writeTexts,
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Quick start", link: "/quick-start" },
      { text: "Guides", link: "/rooms" },
      { text: "API reference", link: "/api" },
    ],
    sidebar: Object.entries(PAGES).map(([text, pages]) => ({
      text,
      items: pages.map((page) => ({
        text: read(page).title,
        link: page === "index" ? "/" : `/${page}`,
      })),
    })),
    socialLinks: [
      { icon: "github", link: "https://github.com/feedline/feedline" },
    ],
  },
};
