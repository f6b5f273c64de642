/**
 * The templates: each consists of layers, folders below `templates/`, so that nothing is
 * written twice. The files are listed, because a folder that is read from JSR cannot be.
 */

/** The names of the templates. */
export type TemplateName = "workers" | "deno" | "react";

/** A template. */
export interface Template {
  /** What it is, in a few words. */
  title: string;
  /** The folders whose files it consists of. */
  layers: readonly Layer[];
  /** What to run in the new folder, from installing to starting. */
  commands: readonly string[];
  /** Where the page is then. */
  url: string;
}

/** The files of each folder of `templates/`. */
export const LAYERS = {
  all: [
    "development.env",
    "edge.ts",
    "gitignore",
    "public/style.css",
    "room.ts",
  ],
  page: ["page.ts", "public/index.html"],
  node: ["backend.ts"],
  workers: [
    "README.md",
    "package.json",
    "tsconfig.json",
    "worker.ts",
    "wrangler.jsonc",
  ],
  deno: ["README.md", "backend.ts", "deno.json", "main.ts"],
  react: [
    "README.md",
    "index.html",
    "package.json",
    "server.ts",
    "src/app.tsx",
    "src/main.tsx",
    "tsconfig.json",
    "vite.config.ts",
  ],
} as const satisfies Record<string, readonly string[]>;

/** The name of a folder of `templates/`. */
export type Layer = keyof typeof LAYERS;

/** The paths of all these files, from this folder on. */
export const TEMPLATE_FILES: readonly string[] = Object.entries(LAYERS)
  .flatMap(([layer, files]) =>
    files.map((file) => `templates/${layer}/${file}`)
  );

/** All templates. */
export const TEMPLATES: Record<TemplateName, Template> = {
  workers: {
    title: "Hono on Cloudflare Workers",
    layers: ["all", "page", "node", "workers"],
    commands: ["npm install", "npm run dev"],
    url: "http://localhost:8787",
  },
  deno: {
    title: "Deno",
    layers: ["all", "page", "deno"],
    commands: ["deno install", "deno task dev"],
    url: "http://localhost:8000",
  },
  react: {
    title: "React with Vite, and an edge on Node",
    layers: ["all", "node", "react"],
    commands: ["npm install", "npm run dev"],
    url: "http://localhost:5173",
  },
};
