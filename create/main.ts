#!/usr/bin/env node
/**
 * Creates an application with session backends: an edge route, a backend, and a page in
 * which two tabs see one another.
 *
 * `npm create feedline` runs it on Node, and `deno run -A jsr:@feedline/create` on Deno.
 * It asks for what is missing on the command line, if it runs in a terminal.
 *
 * @module
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { LAYERS, type TemplateName, TEMPLATES } from "./templates.ts";

const HELP = `Creates an application with session backends.

Usage: npm create feedline [folder] -- [options]
       deno run -A jsr:@feedline/create [folder] [options]

Options:
  --template <name>   ${describeTemplates().join("\n                      ")}
  --help              show this help

Without a folder or a template, it asks for them.

Example: npm create feedline my-app -- --template workers
`;

function describeTemplates(): string[] {
  return Object.entries(TEMPLATES)
    .map(([name, { title }]) => `${name.padEnd(9)}${title}`);
}

/** A mistake of the user: shown without a stack. */
class CreateError extends Error {
  override name = "CreateError";
}

function isTemplate(name: string): name is TemplateName {
  return Object.hasOwn(TEMPLATES, name);
}

/** The letter pairs of a name, with its beginning and end. */
function pairs(name: string): string[] {
  const text = ` ${name.slice(0, 64).toLowerCase()} `;
  return [...text].slice(1).map((_, at) => text.slice(at, at + 2));
}

/** The name that shares most letter pairs with a misspelt one, if it shares enough. */
function nearest(given: string, names: string[]): string | undefined {
  const wanted = pairs(given);
  const [best] = names.map((name) => {
    const known = pairs(name);
    const shared = known.filter((pair) => wanted.includes(pair)).length;
    return { name, share: 2 * shared / (wanted.length + known.length) };
  }).sort((a, b) => b.share - a.share);
  return best && best.share >= 0.4 ? best.name : undefined;
}

/** The text of a file beside this module, which may be on this machine or at JSR. */
async function text(path: string): Promise<string> {
  const url = new URL(path, import.meta.url);
  if (url.protocol === "file:") return await readFile(url, "utf8");
  const response = await fetch(url);
  if (!response.ok) throw new CreateError(`${url}: HTTP ${response.status}`);
  return await response.text();
}

/** The name that the application gets in its configuration. */
function packageName(folder: string): string {
  const name = basename(folder).toLowerCase().replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name || "my-app";
}

/** Writes the files of a template into a folder, which must be empty. */
async function write(folder: string, template: TemplateName): Promise<void> {
  const present = await readdir(folder).catch((error) => {
    if (error.code === "ENOENT") return [];
    if (error.code === "ENOTDIR") {
      throw new CreateError(`${folder} is a file; choose another folder`);
    }
    throw error;
  });
  if (present.some((name) => name !== ".git")) {
    throw new CreateError(
      `the folder ${folder} is not empty; choose another, or empty it`,
    );
  }
  const name = JSON.stringify(packageName(folder));
  for (const layer of TEMPLATES[template].layers) {
    for (const path of LAYERS[layer]) {
      // npm leaves a file of the name .gitignore out of packages.
      const file = join(folder, path === "gitignore" ? ".gitignore" : path);
      const content = await text(`./templates/${layer}/${path}`);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content.replaceAll('"my-app"', name));
    }
  }
}

/** Asks in the terminal. */
async function ask(question: string): Promise<string> {
  const terminal = createInterface({
    input: process.stdin,
    output: process.stdout,
  });
  try {
    return (await terminal.question(question)).trim();
  } finally {
    terminal.close();
  }
}

/** Asks for a template until one of them is chosen, by its name or number. */
async function askTemplate(): Promise<TemplateName> {
  const names = Object.keys(TEMPLATES) as TemplateName[];
  const list = describeTemplates()
    .map((line, index) => `  ${index + 1}  ${line}`).join("\n");
  for (;;) {
    const answer = await ask(`Which template?\n${list}\n> `);
    const chosen = names[Number(answer) - 1] ?? answer;
    if (isTemplate(chosen)) return chosen;
  }
}

/** The command of the package manager that runs this program. */
function withManager(command: string): string {
  const agent = process.env.npm_config_user_agent ?? "";
  const manager = /^(pnpm|yarn|bun)\//.exec(agent)?.[1];
  return manager ? command.replace(/^npm/, manager) : command;
}

const OPTIONS = {
  template: { type: "string" },
  help: { type: "boolean" },
} as const;

/** Parses the arguments; an error names the option that was perhaps meant. */
function parse(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // The first sentence describes the mistake; the others are about parseArgs.
    const [sentence = ""] = (error as Error).message.split(". ");
    const unknown = /^Unknown option '-+([^']+)'/.exec(sentence)?.[1];
    const meant = unknown && nearest(unknown, Object.keys(OPTIONS));
    throw new CreateError(
      `${sentence}${meant ? `; did you mean --${meant}?` : "; see --help"}`,
    );
  }
}

async function create(args: string[]): Promise<void> {
  const { values, positionals: [given, ...more] } = parse(args);
  if (values.help) return console.log(HELP);
  if (more.length > 0) {
    throw new CreateError(`pass one folder; also got ${more.join(" ")}`);
  }
  const { template } = values;
  if (template !== undefined && !isTemplate(template)) {
    const names = Object.keys(TEMPLATES);
    const meant = nearest(template, names);
    throw new CreateError(
      `there is no template ${JSON.stringify(template)}; ${
        meant ? `did you mean ${meant}?` : `choose ${names.join(", ")}`
      }`,
    );
  }
  const asks = process.stdin.isTTY && process.stdout.isTTY;
  if (!asks && (given === undefined || template === undefined)) {
    throw new CreateError(
      "pass a folder and --template, because this is not a terminal; see --help",
    );
  }
  const folder = given ?? (await ask("Folder (my-app): ") || "my-app");
  const chosen = template ?? await askTemplate();
  await write(resolve(folder), chosen);
  const { commands, title, url } = TEMPLATES[chosen];
  const next = [`cd ${folder}`, ...commands.map(withManager)];
  console.log(
    `\nCreated ${folder}: ${title}. Next:\n\n${
      next.map((line) => `  ${line}`).join("\n")
    }\n\nThen open ${url} in two tabs.`,
  );
}

try {
  await create(process.argv.slice(2));
} catch (error) {
  const { name, message } = error as Error;
  if (name !== "CreateError") throw error;
  console.error(`create: ${message}`);
  process.exitCode = 1;
}
