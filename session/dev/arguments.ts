/** Reads the arguments of a command; an error names the one that is wrong. */
import { DevPlatformError } from "./listen.ts";
import { nearest } from "./nearest.ts";

/** Parses; an error names the option that was perhaps meant. */
export function named<T>(options: Record<string, unknown>, parse: () => T): T {
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

/** A port; `undefined` if none was given. */
export function port(
  name: string,
  value: string | undefined,
): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
    throw new DevPlatformError(
      `--${name} must be a port from 0 to 65535; got ${JSON.stringify(value)}`,
    );
  }
  return Number(value);
}

/** A duration that was given in seconds, in milliseconds. */
export function seconds(
  name: string,
  value: string | undefined,
): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,9}(\.\d+)?$/.test(value)) {
    throw new DevPlatformError(
      `--${name} must be a number of seconds; got ${JSON.stringify(value)}`,
    );
  }
  return Number(value) * 1000;
}

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
