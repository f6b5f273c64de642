/** The command line. */
import { type CommandOptions, completions, SHELLS } from "./completions.ts";
import { DevPlatformError, isDevPlatformError } from "./listen.ts";
import {
  optionsHelp,
  parseOptions,
  readToken,
  type Values,
} from "./arguments.ts";
import { readConfigFile, type ReadFile } from "./config_file.ts";
import { hasKeyboard, press, readKeys } from "./hot_keys.ts";
import { jsonLine } from "./json_lines.ts";
import {
  type DevEvent,
  type DevPlatformOptions,
  startDevPlatform,
} from "./platform.ts";
import {
  isOrder,
  type Order,
  ORDER_NAMES,
  ORDERS_HELP,
  parseOrder,
  runOrder,
} from "./orders.ts";
import {
  DEV_OPTIONS,
  type ExitCode,
  ORDER_OPTIONS,
  SERVE_OPTIONS,
} from "./options.ts";
import { type ServeOptions, servePlatform } from "./serve.ts";
import { Terminal } from "./terminal.ts";
import { VERSION } from "./version.ts";

const HELP =
  `Runs session backends on your machine instead of on the hosted platform.

Usage: dev [options] <module> [-- <arguments for the module>]
       dev [options] -- <command> [<arguments>]
       dev [options] --image <image>
       dev serve --image <image>      for production; see dev serve --help
       dev list | logs | terminate | open    see dev list --help
       dev completions bash | zsh | fish     print a script for your shell

Each backend runs as its own process, or as a container. It must listen on the
port in its environment variable PORT.

Options:
${optionsHelp(DEV_OPTIONS)}

feedline.json in the working directory sets defaults: { "dev": { "port": 8180 } }.
An argument wins over it; --no-watch and --no-log-requests turn a flag off.

Examples:
  dev ./backend.ts --watch
  dev -- npm start
  dev --port 0 --proxy-port 0 -- python3 server.py
  dev --image my/rooms:3
  dev completions bash >> ~/.bash_completion

The exit code is 0, 1 if something failed, or 2 if the arguments or feedline.json
are wrong. NO_COLOR turns colors off.
`;

const SERVE_HELP =
  `Runs session backends as containers of this machine, for production. Containers
go on when this command ends, and it continues with them when it starts again.

Usage: dev serve --image <image> [options]

Options:
${optionsHelp(SERVE_OPTIONS)}

feedline.json in the working directory sets defaults: { "serve": { "port": 80 } }.

SIGHUP reads the secrets in <state>/keys.json again: the first signs, all verify.

Examples:
  dev serve --image my/rooms:3
  dev serve --image my/rooms:3 --token-file token --host 0.0.0.0 \\
    --public-url https://rooms.example.com --log json

The exit code is 0, 1 if something failed, or 2 if the arguments or feedline.json
are wrong. NO_COLOR turns colors off.
`;

/** What the command line asks for. */
export type Command =
  | { command: "help"; text: string }
  | { command: "dev"; options: DevPlatformOptions }
  | {
    command: "serve";
    options: ServeOptions;
    tokenFile: string | undefined;
    log: "text" | "json";
  }
  | { command: "order"; order: Order };

/**
 * Parses the arguments; `read` reads `feedline.json`.
 * @throws {DevPlatformError} if they, or the file, are invalid
 */
export function parseCommandLine(
  args: readonly string[],
  read: ReadFile = () => undefined,
): Command {
  const [command, ...rest] = args;
  if (command === "serve") return parseServe(rest, read);
  if (isOrder(command)) {
    const order = parseOrder(command, rest, read);
    return order
      ? { command: "order", order }
      : { command: "help", text: ORDERS_HELP };
  }
  if (command === "completions") return parseCompletions(rest);
  // The npm package's command is called feedline, and so this one's is given.
  return parseDev(command === "dev" ? rest : args, read);
}

/** The options of each command, for completions. */
function commandOptions(): CommandOptions {
  return new Map([
    ["dev", Object.keys(DEV_OPTIONS)],
    ["serve", Object.keys(SERVE_OPTIONS)],
    ...ORDER_NAMES.map((name) => [name, Object.keys(ORDER_OPTIONS)] as const),
    ["completions", ["help"]],
  ]);
}

function parseCompletions(args: readonly string[]): Command {
  const [given = "", ...more] = args;
  if (given === "--help") return { command: "help", text: HELP };
  const shell = SHELLS.find((name) => name === given);
  if (shell === undefined || more.length > 0) {
    throw new DevPlatformError(
      `pass one shell: completions ${SHELLS.join(" | ")}`,
    );
  }
  return { command: "help", text: completions(shell, commandOptions()) };
}

function parseDev(args: readonly string[], read: ReadFile): Command {
  const dashes = args.indexOf("--");
  const own = dashes < 0 ? args : args.slice(0, dashes);
  const rest = dashes < 0 ? [] : args.slice(dashes + 1);
  const { values: given, positionals: [module, ...more] } = parseOptions(
    DEV_OPTIONS,
    own,
  );
  if (given.help) return { command: "help", text: HELP };
  if (given.version) return { command: "help", text: VERSION };
  if (more.length > 0) {
    throw new DevPlatformError(
      `pass one module; also got ${
        more.join(" ")
      }; put arguments for the module after --`,
    );
  }
  if (given.image !== undefined && (module !== undefined || rest.length > 0)) {
    throw new DevPlatformError(
      "--image runs the image's own command; omit the module and the command",
    );
  }
  const file = readConfigFile(given.config, read).dev;
  const values = merged(file, given);
  const program = programOf(module, rest) ??
    (given.image === undefined ? programOf(file.module, file.args) : {}) ??
    (file.command && { command: file.command });
  // What the command line runs replaces an image of the file.
  const image = given.image ?? (program ? undefined : file.image);
  if (image === undefined && program === undefined) {
    throw new DevPlatformError(
      "pass a module or, after --, a command to run; see --help",
    );
  }
  return {
    command: "dev",
    options: {
      ...program,
      ...shared({ ...values, image }),
      allowedHosts: values["allow-host"],
      watch: values.watch,
      logRequests: values["log-requests"],
      config: values["deno-config"],
    },
  };
}

/** A module with its arguments, or, without one, a command; `undefined` without either. */
function programOf(
  module: string | undefined,
  args: string[] = [],
): Pick<DevPlatformOptions, "module" | "args" | "command"> | undefined {
  if (module !== undefined) return { module, args };
  return args.length > 0 ? { command: args } : undefined;
}

interface WithEnv {
  env?: Record<string, string> | undefined;
}

/** The values of the file, and those of the command line, which win. */
function merged<F extends WithEnv, G extends WithEnv>(
  file: F,
  given: G,
): F & G {
  // A variable that is given leaves the other variables of the file.
  const env = given.env && { ...file.env, ...given.env };
  return { ...file, ...given, ...(env ? { env } : {}) };
}

function parseServe(args: readonly string[], read: ReadFile): Command {
  const { values: given, positionals } = parseOptions(SERVE_OPTIONS, args);
  if (given.help) return { command: "help", text: SERVE_HELP };
  if (given.version) return { command: "help", text: VERSION };
  const values = merged(readConfigFile(given.config, read).serve, given);
  const { image } = values;
  if (image === undefined || positionals.length > 0) {
    throw new DevPlatformError(
      "serve runs an image: pass --image <image>, and no module or command",
    );
  }
  return {
    command: "serve",
    options: {
      ...shared(values),
      image,
      state: values.state,
      name: values.name,
      publicUrl: values["public-url"],
      tokenLifetime: milliseconds(values["token-lifetime"]),
    },
    tokenFile: values["token-file"],
    log: values.log ?? "text",
  };
}

/** The options that both commands have, as the platform takes them. */
function shared(values: Values<typeof DEV_OPTIONS | typeof SERVE_OPTIONS>) {
  return {
    image: values.image,
    dockerHost: values["docker-host"],
    networks: values.network,
    mounts: values.mounts,
    env: values.env,
    port: values.port,
    proxyPort: values["proxy-port"],
    host: values.host,
    startupTimeout: milliseconds(values["startup-timeout"]),
    grace: milliseconds(values.grace),
  };
}

const milliseconds = (seconds: number | undefined) =>
  seconds === undefined ? undefined : seconds * 1000;

/** The text of `feedline.json`; `undefined` if it does not exist. */
function readFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if ((error as Error).name === "NotFound") return undefined;
    throw new DevPlatformError(
      `cannot read ${path}: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/** Reports a wrong path immediately instead of when the first backend fails. */
async function checkModule(module: string | URL | undefined): Promise<void> {
  // `c:\\` is a path, `jsr:` and `https:` are not.
  if (module === undefined || /^[a-z]{2,}:/i.test(String(module))) return;
  const file = await Deno.stat(module).catch(() => undefined);
  if (!file?.isFile) {
    // A task runs in the folder of its configuration, which may not be where you called it.
    throw new DevPlatformError(`no such file: ${module} (in ${Deno.cwd()})`);
  }
}

/**
 * Hides a warning of Deno that a request's signal also aborts after success. A proxy does
 * not depend on that.
 */
function withoutSignalRemark(): Disposable {
  const { warn } = console;
  console.warn = (...args) => {
    if (!String(args[0]).includes("request.signal aborts on success")) {
      warn(...args);
    }
  };
  return { [Symbol.dispose]: () => void (console.warn = warn) };
}

/** Runs the command until it is stopped. Returns the exit code. */
export async function main(args: readonly string[]): Promise<ExitCode> {
  using _quiet = withoutSignalRemark();
  let parsed: Command;
  try {
    parsed = parseCommandLine(args, readFile);
  } catch (error) {
    return report(args, error, 2);
  }
  try {
    await run(parsed);
    return 0;
  } catch (error) {
    return report(args, error, 1);
  }
}

/** Prints an error of the user in one line. */
function report(
  [command]: readonly string[],
  error: unknown,
  code: ExitCode,
): ExitCode {
  if (!isDevPlatformError(error)) throw error;
  const name = command === "serve" || isOrder(command) ? command : "dev";
  console.error(`${name}: ${error.message}`);
  return code;
}

async function run(parsed: Command): Promise<void> {
  switch (parsed.command) {
    case "help":
      return console.log(parsed.text);
    case "dev":
      return await runDev(parsed.options);
    case "serve":
      return await runServe(parsed);
    case "order":
      return await runOrder(parsed.order, (line) => console.log(line));
    default:
      parsed satisfies never;
  }
}

function newTerminal(): Terminal {
  const forced = Deno.env.get("FORCE_COLOR");
  return new Terminal({
    write: (line) => console.log(line),
    color: !Deno.noColor &&
      (forced ? forced !== "0" : Deno.stdout.isTerminal()),
  });
}

const windows = Deno.build.os === "windows";
const END_SIGNALS: readonly Deno.Signal[] = windows
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/** Calls `listener` at each of the signals, until disposed. */
function onSignals(
  signals: readonly Deno.Signal[],
  listener: () => void,
): Disposable {
  for (const signal of signals) Deno.addSignalListener(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) Deno.removeSignalListener(signal, listener);
    },
  };
}

async function runDev(options: DevPlatformOptions): Promise<void> {
  const terminal = newTerminal();
  await checkModule(options.module);
  const platform = await startDevPlatform({
    ...options,
    onEvent: (event) => terminal.show(event),
  });
  const keys = await hasKeyboard();
  terminal.greet(platform, {
    runs: options.image ?? options.command?.join(" ") ?? String(options.module),
    watch: options.watch ?? false,
    keys,
  });
  let asked = false;
  const end = () => {
    const running =
      platform.backends.filter(({ states }) =>
        states.at(-1)!.status !== "terminated"
      ).length;
    if (running > 0) {
      terminal.note(
        asked
          ? "killing the remaining backends"
          : `ending ${
            running === 1 ? "1 backend" : `${running} backends`
          }; press Ctrl-C again to kill`,
      );
    }
    platform.close({ hard: asked });
    asked = true;
  };
  using _signals = onSignals(
    windows ? END_SIGNALS : [...END_SIGNALS, "SIGHUP"],
    end,
  );
  using _keys = keys
    ? readKeys((key) => void press(key, { platform, terminal, end }))
    : undefined;
  await platform.closed;
}

async function runServe(
  { options, tokenFile, log }: Command & { command: "serve" },
): Promise<void> {
  const terminal = newTerminal();
  const show = log === "json"
    ? (event: DevEvent) => console.log(jsonLine(event, new Date()))
    : (event: DevEvent) => terminal.show(event);
  const note = (text: string) => show({ type: "note", text });
  const token = tokenFile === undefined
    ? Deno.env.get("FEEDLINE_TOKEN")
    : await readToken(tokenFile);
  const platform = await servePlatform({ ...options, token, onEvent: show });
  note(
    `serving ${options.image}: API ${platform.apiUrl}, connections ${platform.proxyUrl}${
      token === undefined ? "; without an API token" : ""
    }`,
  );
  using _end = onSignals(END_SIGNALS, () => {
    note("shutting down; containers go on");
    platform.close();
  });
  using _reload = windows ? undefined : onSignals(["SIGHUP"], () => {
    try {
      platform.reloadKeys();
      note("read the secrets of connection tokens again");
    } catch (error) {
      note(`kept the old secrets: ${(error as Error).message}`);
    }
  });
  await platform.closed;
}
