/**
 * The browsers that this machine has, each with one page that runs code of ours:
 * Chromium (`tests/chromium.ts`), Firefox, and WebKit, the engine of Safari. The
 * system chooses their versions.
 *
 * - Firefox: Debian's `firefox-esr`; `FIREFOX` names another.
 * - WebKit: Debian's `webkit2gtk-driver` and `xvfb`, for the screen that WebKitGTK
 *   needs. It is driven by plain WebDriver: https://www.w3.org/TR/webdriver2/
 */
import { globSync } from "node:fs";
import puppeteer from "puppeteer-core";
import { executablePath as chromium, launchChromium } from "./chromium.ts";
import { TextLineStream } from "./lines.ts";
import { until } from "./wait.ts";

/** The browsers, in the order in which they are tried. */
export const BROWSERS = ["chromium", "firefox", "webkit"] as const;

/** One of {@linkcode BROWSERS}. */
export type BrowserName = typeof BROWSERS[number];

/** What a browser is called where people read it. */
export const TITLES: Record<BrowserName, string> = {
  chromium: "Chromium",
  firefox: "Firefox",
  webkit: "WebKit",
};

/** A browser with one page. */
export interface PageBrowser extends AsyncDisposable {
  /** As it says itself, e.g. `153.7`. */
  readonly version: string;
  /** Opens an address. */
  open(url: string): Promise<void>;
  /** Runs a script in the page: the value that its last expression resolves to. */
  evaluate<T>(expression: string): Promise<T>;
}

/** The first of these that is a file here. */
function firstFile(...paths: (string | undefined)[]): string | undefined {
  return paths.find((path) => {
    try {
      return path !== undefined && Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

const firefox = firstFile(
  Deno.env.get("FIREFOX"),
  "/usr/bin/firefox-esr",
  "/usr/bin/firefox",
);
const webkit = {
  driver: firstFile("/usr/bin/WebKitWebDriver"),
  screen: firstFile("/usr/bin/Xvfb"),
  browser: globSync("/usr/lib/*/webkit2gtk-4.*/MiniBrowser").at(-1),
};

const launch: Record<BrowserName, () => Promise<PageBrowser>> = {
  async chromium() {
    const browser = await launchChromium();
    const page = await browser.newPage();
    return {
      version: browser.version(),
      open: async (url) => void await page.goto(url),
      evaluate: (expression) => page.evaluate(expression),
      [Symbol.asyncDispose]: () => browser.close(),
    };
  },

  async firefox() {
    const browser = await puppeteer.launch({
      browser: "firefox",
      executablePath: firefox!,
      headless: true,
      // A call lasts as long as all cases.
      protocolTimeout: 0,
    });
    const page = await browser.newPage();
    return {
      version: (await browser.version()).replace(/^\D+/, ""),
      open: async (url) => void await page.goto(url),
      evaluate: (expression) => page.evaluate(expression) as Promise<never>,
      [Symbol.asyncDispose]: () => browser.close(),
    };
  },

  async webkit() {
    const { port, ...driver } = await startWebKitDriver();
    const command = async (method: string, path: string, body?: unknown) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const { value } = await answer.json();
      if (!answer.ok) {
        throw new Error(`WebKitWebDriver: ${value?.error}: ${value?.message}`);
      }
      return value;
    };
    try {
      const { sessionId, capabilities } = await command("POST", "/session", {
        capabilities: {
          alwaysMatch: {
            "webkitgtk:browserOptions": {
              binary: webkit.browser,
              args: ["--automation"],
            },
          },
        },
      });
      const session = `/session/${sessionId}`;
      await command("POST", `${session}/timeouts`, { script: 600_000 });
      return {
        version: capabilities.browserVersion,
        open: async (url) => await command("POST", `${session}/url`, { url }),
        async evaluate(expression) {
          const { value, error } = await command(
            "POST",
            `${session}/execute/async`,
            {
              script: `const [expression, done] = arguments;
                Promise.resolve().then(() => (0, eval)(expression)).then(
                  (value) => done({ value }),
                  (error) => done({ error: String(error) }),
                );`,
              args: [expression],
            },
          );
          if (error) throw new Error(error);
          return value;
        },
        async [Symbol.asyncDispose]() {
          await command("DELETE", session).catch(() => {});
          await driver[Symbol.asyncDispose]();
        },
      };
    } catch (error) {
      await driver[Symbol.asyncDispose]();
      throw error;
    }
  },
};

/** Starts WebKit's driver on a screen of its own. */
async function startWebKitDriver(): Promise<
  { port: number } & AsyncDisposable
> {
  const children = new AsyncDisposableStack();
  const start = (
    command: string,
    args: string[],
    options: Deno.CommandOptions = {},
  ) => {
    const child = new Deno.Command(command, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      ...options,
    }).spawn();
    children.defer(async () => {
      child.kill("SIGTERM");
      await child.status;
    });
    return child;
  };
  try {
    // It chooses a free number for its screen and prints it when it is there.
    const screen = start(webkit.screen!, ["-displayfd", "1"], {
      stdout: "piped",
    });
    const lines = screen.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    const { value: number } = await lines.read();
    if (number === undefined) throw new Error("Xvfb did not start");
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    listener.close();
    start(webkit.driver!, [`--port=${port}`], {
      env: { DISPLAY: `:${number}` },
    });
    await until(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/status`)
        .then((answer) => answer.json(), () => undefined);
      return answer?.value?.ready;
    }, "WebKitWebDriver answers");
    return { port, [Symbol.asyncDispose]: () => children.disposeAsync() };
  } catch (error) {
    await children.disposeAsync();
    throw error;
  }
}

/** What is missing for a browser, or nothing. */
export function lack(name: BrowserName): string | undefined {
  const has: Record<BrowserName, unknown> = {
    chromium,
    firefox,
    webkit: webkit.driver && webkit.screen && webkit.browser,
  };
  return has[name] ? undefined : `there is no ${TITLES[name]} here`;
}

/** Starts a browser; the caller disposes of it. */
export async function openBrowser(
  name: BrowserName,
): Promise<PageBrowser | { missing: string }> {
  const missing = lack(name);
  return missing === undefined ? await launch[name]() : { missing };
}

/** Runs a module in a browser's page. */
export async function addModule(
  browser: PageBrowser,
  code: string,
): Promise<void> {
  await browser.evaluate(`new Promise((resolve) => {
    globalThis.moduleHasRun = () => resolve();
    const script = document.createElement("script");
    script.type = "module";
    script.textContent = ${JSON.stringify(`${code}\nmoduleHasRun();`)};
    document.head.append(script);
  })`);
}
