/** Reads the options of a command, from its arguments; an error names the one that is wrong. */
import { parseArgs } from "node:util";
import { DevPlatformError } from "./listen.ts";
import { nearest } from "./nearest.ts";

/** The values that an option of each kind has, in `feedline.json` and after parsing. */
interface KindValues {
  text: string;
  /** From 0 to 65535. */
  port: number;
  /** A duration. */
  seconds: number;
  flag: boolean;
  list: string[];
  variables: Record<string, string>;
  format: "text" | "json";
}

/** The kinds of options. */
export type Kind = keyof KindValues;

/** An option. */
export interface Option {
  /** Which values it has. */
  readonly kind: Kind;
  /** What it does, in a few words. */
  readonly about: string;
  /** What the help shows in place of its value. */
  readonly value?: string;
  /** What holds without it. */
  readonly default?: string | number;
}

/** The options of a command, by their names without dashes. */
export type Options = Readonly<Record<string, Option>>;

/** The values of options. */
export type Values<T extends Options> = {
  -readonly [K in keyof T]?: KindValues[T[K]["kind"]] | undefined;
};

/** Parses; an error names the option that was perhaps meant. */
function named<T>(options: Options, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    // The first sentence describes the mistake; the others are about parseArgs.
    const [sentence] = (error as Error).message.split(/\.\s/);
    const unknown = /^Unknown option '--([^']+)'/.exec(sentence!)?.[1];
    const meant = unknown && nearest(unknown, Object.keys(options));
    throw new DevPlatformError(
      meant ? `${sentence}; did you mean --${meant}?` : sentence!,
    );
  }
}

/**
 * Parses the arguments of a command.
 * @throws {DevPlatformError} if they are invalid
 */
export function parseOptions<T extends Options>(
  options: T,
  args: readonly string[],
): { values: Values<T>; positionals: string[] } {
  const { values, positionals } = named(options, () =>
    parseArgs({
      args: [...args],
      options: Object.fromEntries(
        Object.entries(options).map(([name, { kind }]) => [
          name,
          {
            type: kind === "flag" ? "boolean" : "string",
            multiple: kind === "list" || kind === "variables",
          } as const,
        ]),
      ),
      strict: true,
      allowPositionals: true,
      // Turns off what feedline.json turns on.
      allowNegative: true,
    }));
  const read = Object.entries(values).map(([name, given]) => [
    name,
    valueOf(name, options[name]!.kind, given),
  ]);
  return { values: Object.fromEntries(read), positionals };
}

/** The value of an option, from what its arguments say. */
function valueOf(name: string, kind: Kind, given: unknown): unknown {
  switch (kind) {
    case "port":
      return port(name, given as string);
    case "seconds":
      return seconds(name, given as string);
    case "variables":
      return Object.fromEntries((given as string[]).map(variable));
    case "format":
      if (given === "text" || given === "json") return given;
      throw new DevPlatformError(
        `--${name} must be text or json; got ${JSON.stringify(given)}`,
      );
    case "text":
    case "flag":
    case "list":
      return given;
    default:
      return kind satisfies never;
  }
}

function port(name: string, text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new DevPlatformError(
      `--${name} must be a port from 0 to 65535; got ${JSON.stringify(text)}`,
    );
  }
  return Number(text);
}

function seconds(name: string, text: string): number {
  if (!/^\d{1,9}(\.\d+)?$/.test(text)) {
    throw new DevPlatformError(
      `--${name} must be a number of seconds; got ${JSON.stringify(text)}`,
    );
  }
  return Number(text);
}

function variable(text: string): [string, string] {
  const end = text.indexOf("=");
  if (end > 0) return [text.slice(0, end), text.slice(end + 1)];
  // Not quoted: it may be a secret.
  throw new DevPlatformError("--env must have the form <name>=<value>");
}

/** What an option does, with its default. */
export function described({ about, default: standard }: Option): string {
  return standard === undefined ? about : `${about} (default ${standard})`;
}

/** The lines of a help that describe options. */
export function optionsHelp(options: Options): string {
  return Object.entries(options).map(([name, option]) => {
    const head = `  --${name}${option.value ? ` <${option.value}>` : ""}`;
    const [first = "", ...others] =
      described(option).match(/.{1,55}(?=\s|$)/g) ?? [];
    return [head.padEnd(25) + first.trim(), ...others.map(indented)].join("\n");
  }).join("\n");
}

const indented = (line: string) => " ".repeat(25) + line.trim();

/** The API token in a file. */
export async function readToken(file: string): Promise<string> {
  try {
    return (await Deno.readTextFile(file)).trim();
  } catch (cause) {
    throw new DevPlatformError(
      `--token-file: cannot read ${file}: ${(cause as Error).message}`,
      { cause },
    );
  }
}
