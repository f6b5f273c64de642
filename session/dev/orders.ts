/** The commands that speak to a platform that runs: `list`, `logs`, `terminate`, `open`. */
import { readServerEvents } from "../../net/sse.ts";
import { isHTTPError, type RunningBackend } from "../../types.ts";
import { bearer } from "../engine/http.ts";
import { Jamsocket } from "../engine/jamsocket.ts";
import { optionsHelp, parseOptions, readToken } from "./arguments.ts";
import type { LogLine } from "./backend.ts";
import { readConfigFile, type ReadFile } from "./config_file.ts";
import { DevPlatformError, isDevPlatformError } from "./listen.ts";
import { openBrowser } from "./open_browser.ts";
import { ORDER_OPTIONS } from "./options.ts";
import { nearest } from "./nearest.ts";
import { printable } from "./output.ts";

/** The names of these commands. */
export const ORDER_NAMES = ["list", "logs", "terminate", "open"] as const;
type OrderName = typeof ORDER_NAMES[number];

/** Whether `name` is one of these commands. */
export function isOrder(name: string | undefined): name is OrderName {
  return (ORDER_NAMES as readonly (string | undefined)[]).includes(name);
}

/** What one of these commands is asked to do. */
export interface Order {
  readonly name: OrderName;
  /** The key, or the id, of a backend; absent for `list`. */
  readonly target: string | undefined;
  /** The URL of the platform's API. */
  readonly apiUrl: string;
  readonly tokenFile: string | undefined;
  readonly json: boolean;
  readonly hard: boolean;
  readonly follow: boolean;
}

/** The help for all of them. */
export const ORDERS_HELP =
  `Asks a platform that runs, the dev platform or one that serve started.

Usage: dev list                       show the backends that run
       dev logs <key> [--follow]      print what a backend has printed
       dev terminate <key> [--hard]   end a backend; --hard kills it
       dev open <key>                 print a URL that leads to a backend, and
                                      open it in the browser

Instead of the key, a backend's id works as well.

Options:
${optionsHelp(ORDER_OPTIONS)}

Examples:
  dev list --json
  dev logs room-1 --follow
  dev terminate room-1

The exit code is 0, 1 if something failed, or 2 if the arguments are wrong.
`;

/**
 * Parses the arguments of a command; `undefined` if they ask for help. `read` reads
 * `feedline.json`, whose port counts unless the arguments say where the platform is.
 * @throws {DevPlatformError} if they are invalid
 */
export function parseOrder(
  name: OrderName,
  args: readonly string[],
  read: ReadFile = () => undefined,
): Order | undefined {
  const { values, positionals } = parseOptions(ORDER_OPTIONS, args);
  if (values.help) return undefined;
  const wanted = name === "list" ? 0 : 1;
  if (positionals.length !== wanted) {
    throw new DevPlatformError(
      wanted === 0
        ? "list takes no key; see --help"
        : `pass the key of one backend: ${name} <key>`,
    );
  }
  const { url, json = false, hard = false, follow = false } = values;
  if (url !== undefined && !/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw new DevPlatformError("--url must be an http: or https: URL");
  }
  return {
    name,
    target: positionals[0],
    apiUrl: url?.replace(/\/$/, "") ??
      `http://localhost:${values.port ?? portIn(read) ?? 8080}`,
    tokenFile: values["token-file"],
    json,
    hard,
    follow,
  };
}

/** The port on which this project's platform listens, if `feedline.json` says so. */
function portIn(read: ReadFile): number | undefined {
  const { dev, serve } = readConfigFile(undefined, read);
  return dev.port ?? serve.port;
}

/**
 * Runs a command; `print` gets each line of its output.
 * @throws {DevPlatformError} if the platform cannot be reached or refuses
 */
export async function runOrder(
  order: Order,
  print: (line: string) => void,
): Promise<void> {
  const { apiUrl, tokenFile } = order;
  const token = tokenFile === undefined
    ? Deno.env.get("FEEDLINE_TOKEN")
    : await readToken(tokenFile);
  const jamsocket = new Jamsocket({ apiUrl, ...(token ? { token } : {}) });
  try {
    const running = await jamsocket.list();
    switch (order.name) {
      case "list":
        return list(running, order.json, print);
      case "logs":
        // Backends that have ended are in the log, too.
        return await logs(order, token, print);
      case "terminate": {
        const { backend_id } = find(running, order.target!);
        await jamsocket.terminate(backend_id, { hard: order.hard });
        return;
      }
      case "open": {
        const { backend_id } = find(running, order.target!);
        const url = await visit(order, backend_id, token);
        print(order.json ? JSON.stringify({ url }) : url);
        if (!order.json && Deno.stdout.isTerminal()) await openBrowser(url);
        return;
      }
      default:
        order.name satisfies never;
    }
  } catch (error) {
    if (isDevPlatformError(error)) throw error;
    const { message } = error as Error;
    throw new DevPlatformError(
      isHTTPError(error) && error.code === 401
        ? `${apiUrl} wants its API token: pass --token-file or set FEEDLINE_TOKEN`
        : message,
      { cause: error },
    );
  }
}

function list(
  running: readonly RunningBackend[],
  json: boolean,
  print: (line: string) => void,
): void {
  if (json) return running.forEach((each) => print(JSON.stringify(each)));
  const rows = running.map(({ key, status, created_at, backend_id }) =>
    // A key is whatever a client sent.
    [key, status, created_at, backend_id].map((cell) => printable(cell ?? "-"))
  );
  if (rows.length === 0) return print("no backend runs");
  const table = [["KEY", "STATUS", "SINCE", "ID"], ...rows];
  const widths = table[0]!.map((_, column) =>
    Math.max(...table.map((row) => row[column]!.length))
  );
  for (const row of table) {
    print(
      row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")
        .trimEnd(),
    );
  }
}

/** The backend that holds a key or has an id. */
function find(
  running: readonly RunningBackend[],
  target: string,
): RunningBackend {
  const found = running.find(({ key, backend_id }) =>
    key === target || backend_id === target
  );
  if (found) return found;
  const keys = running.flatMap(({ key }) => key ?? []);
  const meant = nearest(target, keys);
  throw new DevPlatformError(
    `no running backend holds the key ${JSON.stringify(target)}${
      meant ? `; did you mean ${JSON.stringify(meant)}?` : "; see list"
    }`,
  );
}

/** What the platform's page is told; see `page_feed.ts`. */
interface PageEvent {
  backends: {
    id: string;
    key?: string;
    states: { status: string }[];
  }[];
  lines: [id: string, lines: LogLine[]][];
}

/** The longest event: a page is told everything at once. */
const MAX_EVENT = 64 * 1024 * 1024;

async function logs(
  { apiUrl, target, follow, json }: Order,
  token: string | undefined,
  print: (line: string) => void,
): Promise<void> {
  const controller = new AbortController();
  const response = await fetch(`${apiUrl}/events`, {
    signal: controller.signal,
    headers: bearer(token),
  });
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new DevPlatformError(
      `${apiUrl}/events answered HTTP ${response.status}`,
    );
  }
  /** The newest backend that has the key, or the id. */
  let id: string | undefined;
  let over = false;
  const take = ({ backends, lines }: PageEvent) => {
    id ??= backends.findLast((each) =>
      each.key === target || each.id === target
    )?.id;
    if (id === undefined) {
      over = true;
      return;
    }
    for (const [from, texts] of lines) {
      if (from !== id) continue;
      for (const line of texts) print(json ? JSON.stringify(line) : line.text);
    }
    over ||= !follow ||
      backends.some((each) =>
        each.id === id && each.states.at(-1)?.status === "terminated"
      );
  };
  await readServerEvents(response.body, {
    maxEventSize: MAX_EVENT,
    onEvent: ({ data }) => take(JSON.parse(data)),
    until: () => over,
  });
  controller.abort();
  if (id === undefined) {
    throw new DevPlatformError(
      `no backend holds the key ${JSON.stringify(target)}; see list`,
    );
  }
}

/** A connection URL of a backend. */
async function visit(
  { apiUrl }: Order,
  id: string,
  token: string | undefined,
): Promise<string> {
  const response = await fetch(`${apiUrl}/visit/${id}`, {
    method: "POST",
    headers: bearer(token),
  });
  const answer = await response.json();
  if (!response.ok) throw new DevPlatformError(answer.error.message);
  return answer.url;
}
