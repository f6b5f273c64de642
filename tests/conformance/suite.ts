/**
 * What a conformance case is, and how cases are run: plain functions over the
 * public API, which are given the addresses of their far ends. Nothing here imports a runtime, so
 * that the suite is one file for any of them.
 */
import type { BrowserName } from "../kit/browsers.ts";
import type { Fault } from "../kit/tcp_proxy.ts";
import type { Script, Seen } from "./far/script.ts";

/** A runtime as the cases know it. */
export type Runtime = "deno" | "bun" | "node" | "workerd" | BrowserName;

/** Why a case is run in no browser, for `exceptions` of an area. */
export const inPages = (why: string): Record<BrowserName, string> => ({
  chromium: why,
  firefox: why,
  webkit: why,
});

/** Whether the cases run in a page. */
export const isPage = ({ runtime }: Pick<FarEnds, "runtime">): boolean =>
  runtime in inPages("");

/** Where the far ends are; the driver (`main.ts`) starts them. */
export interface FarEnds {
  runtime: Runtime;
  /** The compatibility date, on workerd. */
  date?: string;
  /** The port of the dev platform's API. */
  platform: number;
  /** The origin of the scripted peer. */
  scripted: string;
  /** The origin that makes TCP proxies. */
  proxies: string;
  /** The address of `feedme-server-core` from npm. */
  feedme: string;
  /** The port of `socketcluster-server` from npm. */
  socketcluster: number;
  /** The origin of the edge route that this runtime serves; a page is on it. */
  edge: string;
  /** The address of our Feedme server, which this runtime serves. */
  feedmeServer: string;
  /** Names that a run makes begin with it, so that no two runs meet. */
  run: string;
}

/** A peer that does what a case wrote down for it. */
export interface ScriptedPeer {
  /** Its address for HTTP, without a slash at the end. */
  url: string;
  /** Its address for WebSockets, without a slash at the end. */
  ws: string;
  /** All that came so far. */
  seen(): Promise<Seen>;
  /** It answers the upgrades that it was silent about. */
  upgrade(): Promise<void>;
}

/** A TCP proxy, as a case commands it. */
export interface Proxy {
  /** The server's address, through the proxy. */
  url: string;
  /** What becomes of the bytes from now on. */
  fault(fault: Fault): Promise<void>;
  /** Ends all connections. */
  cut(): Promise<void>;
}

/** What a case is given. */
export interface Test extends FarEnds {
  /** A name that no other case uses: `name("room")`. */
  name(what: string): string;
  /** Sets up a scripted peer of this case's own. */
  script(script: Script): Promise<ScriptedPeer>;
  /** Puts a TCP proxy of this case's own in front of the server at `url`. */
  proxy(url: string): Promise<Proxy>;
}

/** A part of the library, and what has to hold there on every runtime. */
export interface Area {
  name: string;
  /** By a sentence that says what holds. */
  cases: Record<string, (t: Test) => Promise<void>>;
  /** Where a case makes no sense, and why. */
  exceptions?: Record<string, Partial<Record<Runtime, string>>>;
}

/** How a case ended. */
export interface Outcome {
  area: string;
  name: string;
  /** What went wrong. */
  failure?: string;
  /** Why it is not run on this runtime. */
  exception?: string;
  /** Milliseconds it took. */
  took: number;
}

/** Whether `only` names this case. */
export const isNamed = (
  { area, name }: Pick<Outcome, "area" | "name">,
  only: string,
) => `${area}: ${name}`.includes(only);

/** A case that takes longer (ms) than this hangs. */
const LIMIT = 60_000;

/**
 * Runs every case whose area and name contain `only`, one after the other: what
 * one leaves behind would show in the next.
 */
export async function* run(
  areas: readonly Area[],
  far: FarEnds,
  only = "",
): AsyncGenerator<Outcome> {
  // Where the runtime has no such events, it ends at an unhandled rejection.
  const stray = new Map<Promise<unknown>, string>();
  const on = (type: string, take: (event: PromiseRejectionEvent) => void) => {
    const listener = (event: Event) => take(event as PromiseRejectionEvent);
    globalThis.addEventListener?.(type, listener);
    return () => globalThis.removeEventListener?.(type, listener);
  };
  const offs = [
    on("unhandledrejection", (event) => {
      event.preventDefault();
      stray.set(event.promise, describe(event.reason));
    }),
    on("rejectionhandled", ({ promise }) => stray.delete(promise)),
  ];
  for (const { name: area, cases, exceptions = {} } of areas) {
    for (const [name, body] of Object.entries(cases)) {
      if (!isNamed({ area, name }, only)) continue;
      const exception = exceptions[name]?.[far.runtime];
      if (exception) {
        yield { area, name, exception, took: 0 };
        continue;
      }
      const start = Date.now();
      const failure = await attempt(body, toTest(far)) ??
        (stray.size > 0
          ? `unhandled: ${[...stray.values()].join("\n")}`
          : undefined);
      stray.clear();
      const took = Date.now() - start;
      yield { area, name, took, ...(failure && { failure }) };
    }
  }
  for (const off of offs) off();
}

/** What is wrong with a case on this runtime, or nothing. */
async function attempt(
  body: (t: Test) => Promise<void>,
  test: Test,
): Promise<string | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("took too long")), LIMIT);
  });
  try {
    await Promise.race([body(test), late]);
    return undefined;
  } catch (error) {
    return describe(error);
  } finally {
    clearTimeout(timer);
  }
}

let names = 0;

function toTest(far: FarEnds): Test {
  const name = (what: string) => `${far.run}-${what}-${++names}`;
  return {
    ...far,
    name,
    async script(script) {
      const url = `${far.scripted}/${name("script")}`;
      const answer = await fetch(url, {
        method: "POST",
        body: JSON.stringify(script),
      });
      await answer.text();
      return {
        url,
        ws: url.replace("http", "ws"),
        seen: async () => await (await fetch(url)).json(),
        upgrade: async () => void await (await fetch(`${url}?upgrade`)).text(),
      };
    },
    async proxy(url) {
      const post = async (path: string, body = "") =>
        await (await fetch(`${far.proxies}/${path}`, { method: "POST", body }))
          .text();
      const target = new URL(url);
      const port = target.port = await post("make", target.port);
      return {
        url: target.href,
        fault: async (fault) => void await post(`${port}/fault`, fault),
        cut: async () => void await post(`${port}/cut`),
      };
    },
  };
}

/** An error with where it came from; Chromium's stacks name the error, others' too. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? "";
  return stack.includes(error.message) ? stack : `${error}\n${stack}`;
}
