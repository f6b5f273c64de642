/** The command line. */
import { parseArgs } from "node:util";
import { DevPlatformError } from "./listen.ts";
import { nearest } from "./nearest.ts";
import { type DevPlatformOptions, startDevPlatform } from "./platform.ts";
import { Terminal } from "./terminal.ts";

const HELP =
  `Runs session backends on this machine, in place of the hosted platform.

Usage: dev [options] <module> [arguments for the module]
       dev [options] -- <command> [arguments for the command]

Each backend is a process of its own that must listen on the port in its
environment variable PORT.

Options:
  --port <n>             of the API and the page; 0: any     (default 8080)
  --proxy-port <n>       of the connections; 0: any          (default 9090)
  --host <address>       listen elsewhere than on loopback   (default localhost)
  --allow-host <name>    another name to be reached by; may be repeated
  --watch                end backends when their code changes
  --config <file>        passed on to deno run
  --startup-timeout <s>  until a backend must listen         (default 30)
  --grace <s>            between SIGTERM and the kill        (default 10)
  --help                 this text
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
 * The options that the arguments stand for, or `"help"`.
 * @throws {DevPlatformError} if they cannot be understood
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
    // Its first sentence says what is wrong, the others how parseArgs is used.
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
      `takes one module, not also ${
        more.join(" ")
      } (arguments for it go after --)`,
    );
  }
  if (module === undefined && rest.length === 0) {
    throw new DevPlatformError("needs a module or, after --, a command to run");
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
      `--${name}: expected a port from 0 to 65535, not ${
        JSON.stringify(value)
      }`,
    );
  }
  return Number(value);
}

function seconds(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,9}(\.\d+)?$/.test(value)) {
    throw new DevPlatformError(
      `--${name}: expected seconds, not ${JSON.stringify(value)}`,
    );
  }
  return Number(value) * 1000;
}

/** A slip in the path shall not show only when the first backend fails. */
async function checkModule(module: string | URL | undefined): Promise<void> {
  // `c:\\` is a path, `jsr:` and `https:` are not.
  if (module === undefined || /^[a-z]{2,}:/i.test(String(module))) return;
  const file = await Deno.stat(module).catch(() => undefined);
  if (!file?.isFile) {
    // A task runs in the folder of its configuration, not where it is called.
    throw new DevPlatformError(`there is no file ${module} from ${Deno.cwd()}`);
  }
}

/**
 * Keeps one remark of Deno's off the terminal: that a request's signal fires
 * after success as well, which changes nothing for a proxy.
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

/** Runs the command until it is ended; the exit code. */
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
            ? "killing"
            : `ending ${
              running === 1 ? "1 backend" : `${running} backends`
            }; once more to kill`,
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
    if (!(error instanceof DevPlatformError)) throw error;
    console.error(`dev: ${error.message}`);
    return 1;
  }
}
