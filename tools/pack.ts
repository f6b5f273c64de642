/**
 * Builds the npm tarball: `deno pack` with the import names of npm users.
 *
 * `deno pack` leaves names of `deno.json`'s imports as they are in the code, so
 * that `@hono/hono` would be imported while `package.json` asks for another
 * package (denoland/deno#36017). The sources are therefore packed from a copy
 * in which they import npm's `hono`, a peer: the application has one itself, and
 * two copies of Hono would be two types that do not fit each other. The README,
 * which is the package's page, shows npm's commands there.
 *
 * `deno pack` writes only the fields of `package.json` that `deno.json` has, so
 * this script adds the others: see {@linkcode MANIFEST}. It also adds `cdn/`, the files
 * that pages load without a bundler: see tools/cdn.ts.
 *
 * `deno task pack` writes `feedline.tgz`, for `npm publish feedline.tgz`, and
 * `create-feedline.tgz`, the package of `npm create feedline`.
 */
import { globSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath as fromFileUrl } from "node:url";
import { TEMPLATE_FILES } from "../create/templates.ts";
import { buildCdn, CDN_MANIFEST, CDN_SOURCES } from "./cdn.ts";

const root = fromFileUrl(new URL("../", import.meta.url));

/** The fields of `package.json` that `deno pack` does not write. */
const MANIFEST = {
  description:
    "Session backends on Jamsocket or Plane, behind your own edge route, with live data over Feedme or SocketCluster",
  keywords: [
    "session backend",
    "jamsocket",
    "plane",
    "feedme",
    "socketcluster",
    "websocket",
    "server-sent events",
    "edge proxy",
    "hono",
    "deno",
    "cloudflare-workers",
    "bun",
    "react",
    "react hooks",
    "socket.io",
  ],
  homepage: "https://jsr.io/@feedline/feedline",
  repository: {
    type: "git",
    url: "git+https://github.com/feedline/feedline.git",
  },
  // From this version on `require` loads ES modules without a flag.
  engines: { node: ">=22.12" },
  // Importing a module has no side effects, so bundlers may drop unused code.
  sideEffects: false,
  bin: { feedline: "bin/feedline.js" },
  ...CDN_MANIFEST,
};

/**
 * The packages that the application provides itself, with the versions that fit:
 * the edge route uses only what every Hono 4 has. Those that only hooks need are
 * optional, so that others do not download them.
 */
const PEERS: ReadonlyMap<string, { range: string; optional?: true }> = new Map([
  ["hono", { range: "^4.0" }],
  ["react", { range: "^18.0 || ^19.0", optional: true }],
  ["socket.io-client", { range: "^4.8", optional: true }],
]);

/** A `package.json`, as far as it matters here. */
type Manifest = Record<string, unknown> & {
  dependencies?: Record<string, string>;
};

/** A `package.json` as `deno pack` wrote it, completed. */
function completed(manifest: Manifest): Manifest {
  const dependencies: Record<string, string> = {};
  const peerDependencies: Record<string, string> = {};
  const peerDependenciesMeta: Record<string, { optional: true }> = {};
  for (const [name, range] of Object.entries(manifest.dependencies ?? {})) {
    const peer = PEERS.get(name);
    if (peer) peerDependencies[name] = peer.range;
    else dependencies[name] = range;
    if (peer?.optional) peerDependenciesMeta[name] = { optional: true };
  }
  return {
    ...manifest,
    ...MANIFEST,
    dependencies,
    peerDependencies,
    peerDependenciesMeta,
  };
}

/** Runs a program; throws an error with its output if it fails. */
async function run(
  command: string,
  args: string[],
  options: Deno.CommandOptions = {},
): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, {
    args,
    ...options,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/**
 * Compiles the package in the folder `copy`, and changes its `package.json`: the folder
 * with what npm gets.
 */
async function denoPack(
  copy: string,
  change: (manifest: Manifest) => Manifest,
): Promise<string> {
  const packed = `${copy}/packed.tgz`;
  // Source maps would contain paths of this machine.
  await run(Deno.execPath(), [
    "pack",
    "--allow-dirty",
    "--no-source-maps",
    `--output=${packed}`,
  ], { cwd: copy, env: { NO_COLOR: "1" } });
  const unpacked = `${copy}/unpacked`;
  await Deno.mkdir(unpacked);
  await run("tar", ["-xzf", packed, "-C", unpacked]);
  const file = `${unpacked}/package/package.json`;
  const manifest = change(JSON.parse(await Deno.readTextFile(file)));
  await Deno.writeTextFile(file, JSON.stringify(manifest, null, 2) + "\n");
  return `${unpacked}/package`;
}

/** The npm target of the same package and version as a JSR `target`. */
export function npmTarget(target: string): string {
  return target.replace("jsr:@hono/", "npm:");
}

/** The name by which npm users import an `npm:` target. */
function npmName(target: string): string {
  return target.replace(/^npm:/, "").replace(/(?<=.)@[^@/]*$/, "");
}

/** The README with the commands of npm users. */
function npmReadme(text: string): string {
  return text
    .replaceAll("bunx jsr add", "bun add")
    .replaceAll("npx jsr add", "npm install")
    .replaceAll("jsr:@hono/", "npm:")
    .replaceAll("jsr:@", "npm:@")
    .replaceAll("@hono/hono", "hono");
}

/** Writes the tarball to `output`, an absolute path. */
export async function pack(output: string): Promise<void> {
  const config = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  const renamed: [string, string][] = [];
  const imports: Record<string, string> = {};
  for (const [name, target] of Object.entries<string>(config.imports)) {
    const npm = npmTarget(target);
    imports[npmName(npm)] = npm;
    if (npmName(npm) !== name) renamed.push([`"${name}`, `"${npmName(npm)}`]);
  }

  const copy = await Deno.makeTempDir();
  try {
    const sources = globSync(config.publish.include, { cwd: root });
    for (const path of [...sources, ...CDN_SOURCES]) {
      let text = await Deno.readTextFile(root + path);
      if (path === "README.md") text = npmReadme(text);
      for (const [from, to] of renamed) text = text.replaceAll(from, to);
      await Deno.mkdir(dirname(`${copy}/${path}`), { recursive: true });
      await Deno.writeTextFile(`${copy}/${path}`, text);
    }
    await Deno.writeTextFile(
      `${copy}/deno.json`,
      JSON.stringify({ ...config, imports }),
    );
    const made = await denoPack(copy, completed);
    await Deno.mkdir(`${made}/bin`);
    await Deno.copyFile(`${root}bin/feedline.js`, `${made}/bin/feedline.js`);
    await buildCdn({
      root: copy,
      config: "deno.json",
      version: config.version,
      folder: `${made}/cdn`,
    });
    await run("tar", ["-czf", output, "-C", dirname(made), "package"]);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

/**
 * Writes the tarball of `create-feedline`, which `npm create feedline` runs, to `output`.
 * `deno pack` would compile the templates, too, so they are added as they are.
 */
export async function packCreate(output: string): Promise<void> {
  const copy = await Deno.makeTempDir();
  try {
    const from = `${root}create/`;
    const config = JSON.parse(await Deno.readTextFile(`${from}deno.json`));
    const include = (config.publish.include as string[])
      .filter((path) => !path.startsWith("templates/"));
    for (const path of include) {
      await Deno.copyFile(from + path, `${copy}/${path}`);
    }
    await Deno.copyFile(`${root}LICENSE`, `${copy}/LICENSE`);
    await Deno.writeTextFile(
      `${copy}/deno.json`,
      JSON.stringify({ ...config, publish: { include } }),
    );
    const made = await denoPack(
      copy,
      ({ version, type, license, exports }) => ({
        name: "create-feedline",
        version,
        description:
          "Creates an application with session backends: an edge route, a backend and a page",
        keywords: ["session backend", "feedline", "create", "template"],
        type,
        license,
        homepage: MANIFEST.homepage,
        repository: MANIFEST.repository,
        engines: MANIFEST.engines,
        exports,
        bin: { "create-feedline": "main.js" },
      }),
    );
    for (const path of TEMPLATE_FILES) {
      await Deno.mkdir(dirname(`${made}/${path}`), { recursive: true });
      await Deno.copyFile(from + path, `${made}/${path}`);
    }
    await run("tar", ["-czf", output, "-C", dirname(made), "package"]);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

if (import.meta.main) {
  await pack(`${root}feedline.tgz`);
  await packCreate(`${root}create-feedline.tgz`);
  console.log("feedline.tgz and create-feedline.tgz are written");
}
