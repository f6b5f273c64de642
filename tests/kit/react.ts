/** React in both versions that the hooks support, each under its usual names. */
import { bundle } from "./bundle.ts";
import { config } from "./config.ts";

/** The versions, pinned in `tests/imports.json`; the default is the newest. */
export const REACTS = ["18", "19"] as const;

/** One of {@linkcode REACTS}. */
export type ReactVersion = typeof REACTS[number];

const root = new URL("../../", import.meta.url);
const written = new Map<ReactVersion, Promise<string>>();

/** The configuration in which React's names lead to that version. */
export function reactConfig(version: ReactVersion): Promise<string> {
  let name = written.get(version);
  if (!name) written.set(version, name = write(version));
  return name;
}

async function write(version: ReactVersion): Promise<string> {
  const text = await Deno.readTextFile(new URL(config, root));
  const { imports, ...rest } = JSON.parse(text);
  const names = ["react", "react-dom"].flatMap((name) => {
    const target: string = imports[`${name}-${version}`];
    const folder = target.replace("npm:", "npm:/") + "/";
    return [
      [name, target],
      [`${name}/`, folder],
      [`npm:${name}@^19`, target],
    ];
  });
  const file = `deno.react${version}.json`;
  await Deno.writeTextFile(
    new URL(file, root),
    JSON.stringify({
      ...rest,
      imports: { ...imports, ...Object.fromEntries(names) },
    }),
  );
  return file;
}

/** A page's module and all that it imports, in one version of React. */
export async function bundleWithReact(
  entry: string,
  version: ReactVersion,
  ...options: string[]
): Promise<string> {
  const own = `--config=${await reactConfig(version)}`;
  return new TextDecoder().decode(await bundle(entry, own, ...options));
}
