/**
 * `feedline.json`: defaults of the options of `dev` and `serve`, so that a project writes
 * them once. Paths in it start from the working directory, as on the command line.
 */
import {
  described,
  type Kind,
  type Options,
  type Values,
} from "./arguments.ts";
import { DevPlatformError } from "./listen.ts";
import { nearest } from "./nearest.ts";
import { FILE_SECTIONS } from "./options.ts";

/** The file that is read unless `--config` names another. */
export const CONFIG_FILE = "feedline.json";

/** The objects in the file: one for each command that reads it. */
export type Section = keyof typeof FILE_SECTIONS;

const SECTIONS: Readonly<Record<Section, Options>> = FILE_SECTIONS;

/** What the file sets for a command. */
export type FileValues<S extends Section> = Values<typeof FILE_SECTIONS[S]>;

/** Reads a file as text; `undefined` if it does not exist. */
export type ReadFile = (path: string) => string | undefined;

/** What each kind of option accepts: as a JSON schema, in words, and as a check. */
const KINDS: Record<
  Kind,
  { schema: object; wanted: string; fits: (value: unknown) => boolean }
> = {
  text: {
    schema: { type: "string" },
    wanted: "a string",
    fits: (value) => typeof value === "string",
  },
  port: {
    schema: { type: "integer", minimum: 0, maximum: 65_535 },
    wanted: "a port from 0 to 65535",
    fits: (value) =>
      Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535,
  },
  seconds: {
    schema: { type: "number", minimum: 0 },
    wanted: "a number of seconds",
    fits: (value) => typeof value === "number" && value >= 0,
  },
  flag: {
    schema: { type: "boolean" },
    wanted: "true or false",
    fits: (value) => typeof value === "boolean",
  },
  list: {
    schema: { type: "array", items: { type: "string" } },
    wanted: "an array of strings",
    fits: (value) =>
      Array.isArray(value) && value.every((each) => typeof each === "string"),
  },
  variables: {
    schema: { type: "object", additionalProperties: { type: "string" } },
    wanted: "an object of strings",
    fits: (value) =>
      isRecord(value) &&
      Object.values(value).every((each) => typeof each === "string"),
  },
  format: {
    schema: { enum: ["text", "json"] },
    wanted: '"text" or "json"',
    fits: (value) => value === "text" || value === "json",
  },
};

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What the file sets for each command. */
type FileSections = { readonly [S in Section]: FileValues<S> };

/**
 * What a file sets: `path` is what `--config` names, if it was given. All of the file is
 * checked, so a mistake shows at the first start.
 * @throws {DevPlatformError} if the file has a mistake
 */
export function readConfigFile(
  path: string | undefined,
  read: ReadFile,
): FileSections {
  const file = path ?? CONFIG_FILE;
  const text = read(file);
  if (text === undefined) {
    if (path === undefined) return { dev: {}, serve: {} };
    throw new DevPlatformError(`--config: no such file: ${file}`);
  }
  const refuse = (mistake: string): never => {
    // People who know Deno may expect its option.
    const hint = /deno\.jsonc?$/.test(file)
      ? "; pass Deno's configuration file with --deno-config"
      : "";
    throw new DevPlatformError(`${file}: ${mistake}${hint}`);
  };
  const all = parse(text, refuse);
  if (!isRecord(all)) return refuse("must contain one JSON object");
  for (const [name, value] of Object.entries(all)) {
    if (name === "$schema") continue;
    if (!isSection(name)) {
      refuse(unknownKey("", name, Object.keys(SECTIONS)));
    } else if (!isRecord(value)) {
      refuse(`"${name}" must be an object; got ${typeName(value)}`);
    } else {
      const mistake = mistakeIn(name, value);
      if (mistake !== undefined) refuse(mistake);
    }
  }
  // Checked above.
  return { dev: {}, serve: {}, ...all } as FileSections;
}

function parse(text: string, refuse: (mistake: string) => never): unknown {
  try {
    // Some editors on Windows begin a file with a byte order mark.
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    // Without the excerpt of the file that some messages contain.
    const reason = (error as Error).message
      .replace(/, \.*".*is not valid JSON$/s, "")
      .replace(/ in JSON at position \d+| \(line .*$/g, "");
    const [, line, column] =
      /\(line (\d+) column (\d+)\)/.exec((error as Error).message) ?? [];
    return refuse(
      `not valid JSON${
        line ? ` at line ${line}, column ${column}` : ""
      }: ${reason}`,
    );
  }
}

function isSection(name: string): name is Section {
  return Object.hasOwn(SECTIONS, name);
}

/** The first mistake in an object of the file. */
function mistakeIn(
  section: Section,
  values: Record<string, unknown>,
): string | undefined {
  const options = new Map(Object.entries(SECTIONS[section]));
  for (const [name, value] of Object.entries(values)) {
    const option = options.get(name);
    if (!option) return unknownKey(`${section}.`, name, options.keys());
    const { wanted, fits } = KINDS[option.kind];
    if (!fits(value)) {
      return `"${section}.${name}" must be ${wanted}; got ${typeName(value)}`;
    }
  }
  const programs = ["module", "command", "image"].filter((name) =>
    name in values
  );
  if (programs.length > 1) {
    return `"${section}" must have one of ${programs.join(", ")}, not all`;
  }
  if ("args" in values && !("module" in values)) {
    return `"${section}.args" are for "${section}.module", which is missing`;
  }
  if (Array.isArray(values.command) && values.command.length === 0) {
    return `"${section}.command" must name a program`;
  }
  return undefined;
}

function unknownKey(
  above: string,
  name: string,
  known: Iterable<string>,
): string {
  if (name === "token") {
    return `"${above}token" does not belong in this file, which others may read; set FEEDLINE_TOKEN, or name a file with "serve.token-file"`;
  }
  const key = JSON.stringify(above + name.slice(0, 64));
  const names = [...known];
  const meant = nearest(name, names);
  const within = above === ""
    ? names.filter((section) =>
      isSection(section) && Object.hasOwn(SECTIONS[section], name)
    )
    : [];
  if (within.length > 0) {
    const places = within.map((section) => `"${section}"`).join(" or ");
    return `unknown key ${key}; move it into ${places}`;
  }
  return `unknown key ${key}${
    meant === undefined ? "" : `; did you mean "${above}${meant}"?`
  }`;
}

/** A value in words. Its text may be a secret. */
function typeName(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (isRecord(value)) return "an object";
  return typeof value === "string" ? "a string" : String(value);
}

/** The JSON schema of the file, for editors. */
export function configSchema(): object {
  const sections = Object.entries(SECTIONS).map(([section, options]) => [
    section,
    {
      type: "object",
      description: `Defaults of the options of feedline ${section}`,
      additionalProperties: false,
      properties: Object.fromEntries(
        Object.entries(options).map(([name, option]) => {
          return [name, {
            ...KINDS[option.kind].schema,
            description: described(option),
          }];
        }),
      ),
    },
  ]);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "feedline.json",
    description: "Defaults of the options of feedline dev and feedline serve",
    type: "object",
    additionalProperties: false,
    properties: {
      $schema: { type: "string", description: "The schema of this file" },
      ...Object.fromEntries(sections),
    },
  };
}
