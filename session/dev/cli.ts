/** The command line. */
import { parseArgs } from "node:util";
import { type CommandOptions, completions, SHELLS } from "./completions.ts";
import { DevPlatformError, isDevPlatformError } from "./listen.ts";
import { named, port, readToken, seconds } from "./arguments.ts";
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
  ORDER_OPTIONS,
  ORDERS_HELP,
  parseOrder,
  runOrder,
} from "./orders.ts";
import { type ServeOptions, servePlatform } from "./serve.ts";
import { Terminal } from "./terminal.ts";
import { VERSION } from "./version.ts";

const CONTAINER_HELP =
  `  --docker-host <url>    address of the container engine, unix:///… or tcp://…;
                         the default is DOCKER_HOST, or Docker's own socket
  --network <name>       network of the containers; repeatable: a spawn request
                         may name any of them, the first is the default
  --mounts <folder>      folder for the persistent folders of backends
  --env <name=value>     variable for each container; repeatable`;

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
  --port <n>             port of the API and the dev page    (default 8080)
  --proxy-port <n>       port for connections to backends    (default 9090)
                         With 0 the system chooses either port.
  --host <address>       address to listen on                (default localhost)
                         Any other address lets other machines start backends.
  --allow-host <name>    accept requests for this host name too; repeatable
  --watch                end backends when their code changes
  --log-requests         print a line for each request to a backend
  --config <file>        configuration file for deno run
  --startup-timeout <s>  time a backend has to start         (default 30)
  --grace <s>            time a backend has to end after
                         SIGTERM, before SIGKILL             (default 10)
  --image <image>        run each backend as a container, with Docker or Podman
${CONTAINER_HELP}
  --help                 show this help
  --version              show the version

Examples:
  dev ./backend.ts --watch
  dev -- npm start
  dev --port 0 --proxy-port 0 -- python3 server.py
  dev --image my/rooms:3
  dev completions bash >> ~/.bash_completion

The exit code is 0, or 1 if something failed. NO_COLOR turns colors off.
`;

const SERVE_HELP =
  `Runs session backends as containers of this machine, for production. Containers
go on when this command ends, and it continues with them when it starts again.

Usage: dev serve --image <image> [options]

Options:
  --image <image>        the image that each backend runs
  --token-file <file>    file with the API token; FEEDLINE_TOKEN sets it too.
                         Without one, it listens on loopback addresses only.
  --public-url <url>     URL of your reverse proxy in front of it
  --state <folder>       folder for secrets, revocations and states
                                                             (default .feedline)
  --name <name>          name of the platform, if an engine has several
                                                             (default feedline)
  --token-lifetime <s>   time a connection URL is valid      (default 86400)
  --port <n>             port of the API and the page        (default 8080)
  --proxy-port <n>       port for connections to backends    (default 9090)
  --host <address>       address to listen on                (default localhost)
  --startup-timeout <s>  time a backend has until it answers (default 300)
  --grace <s>            time a backend has to end after its
                         stop signal, before SIGKILL         (default 30)
${CONTAINER_HELP}
  --log <format>         text, or json for one object a line (default text)
  --help                 show this help

SIGHUP reads the secrets in <state>/keys.json again: the first signs, all verify.

Examples:
  dev serve --image my/rooms:3
  dev serve --image my/rooms:3 --token-file token --host 0.0.0.0 \\
    --public-url https://rooms.example.com --log json

The exit code is 0, or 1 if something failed. NO_COLOR turns colors off.
`;

/** Options of containers, for both commands. */
const CONTAINER_OPTIONS = {
  image: { type: "string" },
  "docker-host": { type: "string" },
  network: { type: "string", multiple: true },
  mounts: { type: "string" },
  env: { type: "string", multiple: true },
} as const;

/** Options that both commands have. */
const SHARED_OPTIONS = {
  ...CONTAINER_OPTIONS,
  port: { type: "string" },
  "proxy-port": { type: "string" },
  host: { type: "string" },
  "startup-timeout": { type: "string" },
  grace: { type: "string" },
  help: { type: "boolean" },
  version: { type: "boolean" },
} as const;

const DEV_OPTIONS = {
  ...SHARED_OPTIONS,
  "allow-host": { type: "string", multiple: true },
  watch: { type: "boolean" },
  "log-requests": { type: "boolean" },
  config: { type: "string" },
} as const;

const SERVE_OPTIONS = {
  ...SHARED_OPTIONS,
  "token-file": { type: "string" },
  "public-url": { type: "string" },
  state: { type: "string" },
  name: { type: "string" },
  "token-lifetime": { type: "string" },
  log: { type: "string" },
} as const;

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
 * Parses the arguments.
 * @throws {DevPlatformError} if they are invalid
 */
export function parseCommandLine(args: readonly string[]): Command {
  const [command, ...rest] = args;
  if (command === "serve") return parseServe(rest);
  if (isOrder(command)) {
    const order = parseOrder(command, rest);
    return order
      ? { command: "order", order }
      : { command: "help", text: ORDERS_HELP };
  }
  if (command === "completions") return parseCompletions(rest);
  // The npm package's command is called feedline, and so this one's is given.
  return parseDev(command === "dev" ? rest : args);
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

function parseDev(args: readonly string[]): Command {
  const dashes = args.indexOf("--");
  const own = dashes < 0 ? args : args.slice(0, dashes);
  const rest = dashes < 0 ? [] : args.slice(dashes + 1);
  const { values, positionals: [module, ...more] } = named(
    DEV_OPTIONS,
    () =>
      parseArgs({
        args: [...own],
        options: DEV_OPTIONS,
        strict: true,
        allowPositionals: true,
      }),
  );
  if (values.help) return { command: "help", text: HELP };
  if (values.version) return { command: "help", text: VERSION };
  if (more.length > 0) {
    throw new DevPlatformError(
      `pass one module; also got ${
        more.join(" ")
      }; put arguments for the module after --`,
    );
  }
  const program = module === undefined
    ? { command: rest }
    : { module, args: rest };
  const { image } = values;
  if (image === undefined && module === undefined && rest.length === 0) {
    throw new DevPlatformError(
      "pass a module or, after --, a command to run; see --help",
    );
  }
  if (image !== undefined && (module !== undefined || rest.length > 0)) {
    throw new DevPlatformError(
      "--image runs the image's own command; omit the module and the command",
    );
  }
  return {
    command: "dev",
    options: {
      ...(image === undefined ? program : {}),
      ...shared(values),
      allowedHosts: values["allow-host"],
      watch: values.watch,
      logRequests: values["log-requests"],
      config: values.config,
    },
  };
}

function parseServe(args: readonly string[]): Command {
  const { values, positionals } = named(
    SERVE_OPTIONS,
    () =>
      parseArgs({
        args: [...args],
        options: SERVE_OPTIONS,
        strict: true,
        allowPositionals: true,
      }),
  );
  if (values.help) return { command: "help", text: SERVE_HELP };
  if (values.version) return { command: "help", text: VERSION };
  const { image, log = "text" } = values;
  if (image === undefined || positionals.length > 0) {
    throw new DevPlatformError(
      "serve runs an image: pass --image <image>, and no module or command",
    );
  }
  if (log !== "text" && log !== "json") {
    throw new DevPlatformError(
      `--log must be text or json; got ${JSON.stringify(log)}`,
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
      tokenLifetime: seconds("token-lifetime", values["token-lifetime"]),
    },
    tokenFile: values["token-file"],
    log,
  };
}

/** The values of {@linkcode SHARED_OPTIONS}. */
interface SharedValues {
  image?: string;
  "docker-host"?: string;
  network?: string[];
  mounts?: string;
  env?: string[];
  port?: string;
  "proxy-port"?: string;
  host?: string;
  "startup-timeout"?: string;
  grace?: string;
}

function shared(values: SharedValues) {
  return {
    image: values.image,
    dockerHost: values["docker-host"],
    networks: values.network,
    mounts: values.mounts,
    env: values.env && Object.fromEntries(values.env.map(variable)),
    port: port("port", values.port),
    proxyPort: port("proxy-port", values["proxy-port"]),
    host: values.host,
    startupTimeout: seconds("startup-timeout", values["startup-timeout"]),
    grace: seconds("grace", values.grace),
  };
}

function variable(text: string): [string, string] {
  const end = text.indexOf("=");
  if (end > 0) return [text.slice(0, end), text.slice(end + 1)];
  // Not quoted: it may be a secret.
  throw new DevPlatformError("--env must have the form <name>=<value>");
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
export async function main(args: readonly string[]): Promise<number> {
  using _quiet = withoutSignalRemark();
  try {
    const parsed = parseCommandLine(args);
    switch (parsed.command) {
      case "help":
        console.log(parsed.text);
        return 0;
      case "dev":
        return await runDev(parsed.options);
      case "serve":
        return await runServe(parsed);
      case "order":
        await runOrder(parsed.order, (line) => console.log(line));
        return 0;
    }
  } catch (error) {
    if (!isDevPlatformError(error)) throw error;
    const [command] = args;
    const name = command === "serve" || isOrder(command) ? command : "dev";
    console.error(`${name}: ${error.message}`);
    return 1;
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

async function runDev(options: DevPlatformOptions): Promise<number> {
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
  return 0;
}

async function runServe(
  { options, tokenFile, log }: Command & { command: "serve" },
): Promise<number> {
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
  return 0;
}
