/** The command line. */
import { parseArgs } from "node:util";
import { DevPlatformError, isDevPlatformError } from "./listen.ts";
import { nearest } from "./nearest.ts";
import { type DevPlatformOptions, startDevPlatform } from "./platform.ts";
import { Terminal } from "./terminal.ts";

const HELP =
  `Runs session backends on your machine instead of on the hosted platform.

Usage: dev [options] <module> [-- <arguments for the module>]
       dev [options] -- <command> [<arguments>]

Each backend runs as its own process. It must listen on the port in its
environment variable PORT.

Options:
  --port <n>             port of the API and the dev page    (default 8080)
  --proxy-port <n>       port for connections to backends    (default 9090)
                         With 0 the system chooses either port.
  --host <address>       address to listen on                (default localhost)
                         Any other address lets other machines start backends.
  --allow-host <name>    accept requests for this host name too; repeatable
  --watch                end backends when their code changes
  --config <file>        configuration file for deno run
  --startup-timeout <s>  time a backend has to start         (default 30)
  --grace <s>            time a backend has to end after
                         SIGTERM, before SIGKILL             (default 10)
  --help                 show this help

Examples:
  dev ./backend.ts --watch
  dev -- npm start
  dev --port 0 --proxy-port 0 -- python3 server.py
`;

const OPTIONS = {
  port: { type: "string" },
  "proxy-port": { type: "string" },
  host: { type: "string" },
  "allow-host": { type: "string", multiple: true },
  watch: { type: "boolean" },
  config: { type: "string" },
  "startup-timeout": { type: "string" },
  grace: { type: "string" },
  help: { type: "boolean" },
} as const;

/**
 * Parses the arguments; returns options, or `"help"`.
 * @throws {DevPlatformError} if they are invalid
 */
export function parseCommandLine(
  args: readonly string[],
): DevPlatformOptions | "help" {
  const dashes = args.indexOf("--");
  const own = dashes < 0 ? args : args.slice(0, dashes);
  const rest = dashes < 0 ? [] : args.slice(dashes + 1);
  let parsed;
  try {
    parsed = parseArgs({
      args: [...own],
      options: OPTIONS,
      strict: true,
      allowPositionals: true,
    });
  } catch (error) {
    // The first sentence describes the mistake; the others are about parseArgs.
    const [sentence] = (error as Error).message.split(/\.\s/);
    const unknown = /^Unknown option '--([^']+)'/.exec(sentence!)?.[1];
    const meant = unknown && nearest(unknown, Object.keys(OPTIONS));
    throw new DevPlatformError(
      meant ? `${sentence}; did you mean --${meant}?` : sentence!,
    );
  }
  const { values, positionals: [module, ...more] } = parsed;
  if (values.help) return "help";
  if (more.length > 0) {
    throw new DevPlatformError(
      `pass one module; also got ${
        more.join(" ")
      }; put arguments for the module after --`,
    );
  }
  if (module === undefined && rest.length === 0) {
    throw new DevPlatformError(
      "pass a module or, after --, a command to run; see --help",
    );
  }
  return {
    ...(module === undefined ? { command: rest } : { module, args: rest }),
    port: port("port", values.port),
    proxyPort: port("proxy-port", values["proxy-port"]),
    host: values.host,
    allowedHosts: values["allow-host"],
    watch: values.watch,
    config: values.config,
    startupTimeout: seconds("startup-timeout", values["startup-timeout"]),
    grace: seconds("grace", values.grace),
  };
}

function port(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
    throw new DevPlatformError(
      `--${name} must be a port from 0 to 65535; got ${JSON.stringify(value)}`,
    );
  }
  return Number(value);
}

function seconds(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,9}(\.\d+)?$/.test(value)) {
    throw new DevPlatformError(
      `--${name} must be a number of seconds; got ${JSON.stringify(value)}`,
    );
  }
  return Number(value) * 1000;
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
  const forced = Deno.env.get("FORCE_COLOR");
  const terminal = new Terminal({
    write: (line) => console.log(line),
    color: !Deno.noColor &&
      (forced ? forced !== "0" : Deno.stdout.isTerminal()),
  });
  try {
    const options = parseCommandLine(args);
    if (options === "help") {
      console.log(HELP);
      return 0;
    }
    await checkModule(options.module);
    const platform = await startDevPlatform({
      ...options,
      onEvent: (event) => terminal.show(event),
    });
    terminal.greet(platform, {
      runs: options.command?.join(" ") ?? String(options.module),
      watch: options.watch ?? false,
    });
    let asked = false;
    const end = () => {
      const running = platform.backends.filter(({ states }) =>
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
    const signals: Deno.Signal[] = Deno.build.os === "windows"
      ? ["SIGINT", "SIGBREAK"]
      : ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) {
      Deno.addSignalListener(signal, end);
    }
    await platform.closed;
    for (const signal of signals) {
      Deno.removeSignalListener(signal, end);
    }
    return 0;
  } catch (error) {
    if (!isDevPlatformError(error)) throw error;
    console.error(`dev: ${error.message}`);
    return 1;
  }
}
