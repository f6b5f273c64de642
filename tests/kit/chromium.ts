/** Chromium, where this machine has one. `CHROMIUM` names another. */
import { type Browser, chromium } from "playwright-core";

/** Where Debian, and most others, put it. */
export const executablePath: string | undefined = [
  Deno.env.get("CHROMIUM"),
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => {
  try {
    return path !== undefined && Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

/** Starts it, or the one at `path`; the caller closes it. */
export function launchChromium(path = executablePath!): Promise<Browser> {
  return chromium.launch({
    executablePath: path,
    args: ["--no-sandbox", "--disable-background-networking"],
    // Playwright turns off what users have: pages that are kept for going back.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
}

/** How a test that needs it is defined: skipped, by name, where it is missing. */
export function inChromium(
  name: string,
  fn: (browser: Browser) => Promise<void>,
): void {
  // In CI it is meant to be there, so that its absence is a failure.
  const able = executablePath !== undefined || Deno.env.has("CI");
  Deno.test({
    name: able ? name : `${name} (skipped: no Chromium here)`,
    ignore: !able,
    // The browser's driver keeps a child process and its pipes.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const browser = await launchChromium();
      try {
        await fn(browser);
      } finally {
        await browser.close();
      }
    },
  });
}
