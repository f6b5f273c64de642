/**
 * The board with hooks (`examples/react/`) in Chromium: as `deno task demo --react`
 * shows it, and as Vite builds it from the npm package.
 * `FEEDLINE_SCREENSHOTS=folder` keeps pictures.
 */
import { assert, assertEquals } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import { reactSite, type Site, startDemo } from "../../examples/demo.ts";
import { pack } from "../../tools/pack.ts";
import { inChromium } from "../kit/chromium.ts";
import { folder } from "../kit/program.ts";
import { until } from "../kit/wait.ts";

const pictures = Deno.env.get("FEEDLINE_SCREENSHOTS");

/** The folder of the example, installed and built in an empty project. */
async function builtByVite(): Promise<Site> {
  await using project = await folder();
  const { path } = project;
  const example = (name: string) =>
    new URL(`../../examples/${name}`, import.meta.url);
  await Deno.mkdir(`${path}/react`);
  await Deno.mkdir(`${path}/board`);
  await pack(`${path}/feedline.tgz`);
  // The board's server is imported for its types alone.
  await Deno.copyFile(example("board/text.ts"), `${path}/board/text.ts`);
  for await (const { name } of Deno.readDir(example("react"))) {
    await Deno.copyFile(example(`react/${name}`), `${path}/react/${name}`);
  }
  const run = async (...args: string[]) => {
    const { success, stdout, stderr } = await new Deno.Command("npm", {
      args,
      cwd: `${path}/react`,
    }).output();
    const text = new TextDecoder();
    assert(success, text.decode(stdout) + text.decode(stderr));
  };
  await run(
    "install",
    "--no-audit",
    "--no-fund",
    "--silent",
    "../feedline.tgz",
  );
  await run("run", "build", "--silent");
  const site = new Map<string, string>();
  const dist = `${path}/react/dist`;
  site.set("/", await Deno.readTextFile(`${dist}/index.html`));
  for await (const { name } of Deno.readDir(`${dist}/assets`)) {
    const text = await Deno.readTextFile(`${dist}/assets/${name}`);
    site.set(`/assets/${name}`, text);
  }
  return site;
}

/** Two people use the board that `site` shows. */
async function useBoard(browser: Browser, site: Site): Promise<void> {
  await using boards = await folder();
  await using demo = await startDemo(0, { folder: boards.path, site });
  const problems: string[] = [];
  const open = async (as: string): Promise<Page> => {
    const context = await browser.newContext({
      viewport: { width: 1180, height: 760 },
    });
    const page = await context.newPage();
    page.on("pageerror", (error) => problems.push(String(error)));
    await page.goto(`${demo.url}/?board=plans&as=${as}`);
    return page;
  };
  const ada = await open("Ada");
  await ada.getByText("Double-click anywhere.").waitFor();
  const grace = await open("Grace");
  for (const page of [ada, grace]) {
    await page.locator("li").nth(1).waitFor();
  }

  await ada.locator("main").dblclick({ position: { x: 400, y: 200 } });
  const [hers, theirs] = [ada.locator("textarea"), grace.locator("textarea")];
  await theirs.waitFor();
  await hers.focus();
  await ada.keyboard.type("hello");
  const both = async (text: string) => {
    for (const field of [hers, theirs]) {
      let last = "";
      await until(
        async () => (last = await field.inputValue()) === text,
        `"${text}" is shown`,
      ).catch((error) => {
        throw new Error(`${error.message}; it is "${last}"`);
      });
    }
  };
  await both("hello");
  // A change of the other leaves the caret where it is.
  await theirs.focus();
  await grace.keyboard.press("End");
  await grace.keyboard.type("!");
  await both("hello!");
  await ada.keyboard.type(" world");
  await both("hello world!");

  // Both type at once, and no letter is lost.
  const letters = "abcdefghijklmnopqrstuvwxyz";
  await grace.keyboard.press("End");
  await Promise.all([
    ada.keyboard.type(letters, { delay: 5 }),
    grace.keyboard.type(letters.toUpperCase(), { delay: 7 }),
  ]);
  const all = `hello world${letters}!${letters.toUpperCase()}`;
  await both(all);

  // A note is moved, and the other sees where its owner points.
  const before = (await grace.locator(".note").boundingBox())!;
  await ada.locator(".note small").hover();
  await ada.mouse.down();
  await ada.mouse.move(640, 420, { steps: 8 });
  await ada.mouse.up();
  await grace.waitForFunction(
    `document.querySelector(".note").getBoundingClientRect().x > ${
      before.x + 50
    }`,
  );
  await grace.locator(".cursor").waitFor();
  if (pictures) await grace.screenshot({ path: `${pictures}/react.png` });

  // The backend ends, and comes back with the note.
  await ada.getByText("Kill the backend").click();
  for (const page of [ada, grace]) {
    await page.getByText("Start it again").click();
  }
  for (const page of [ada, grace]) {
    await page.getByText("Kill the backend").waitFor();
  }
  await both(all);
  await theirs.focus();
  await grace.keyboard.press("End");
  await grace.keyboard.type("?");
  await both(`${all}?`);
  await grace.getByLabel("Remove this note").click();
  await ada.getByText("Double-click anywhere.").waitFor();
  assertEquals(problems, []);
}

Deno.test("the board with hooks takes 150 lines at most", async () => {
  const url = new URL("../../examples/react/board.tsx", import.meta.url);
  const lines = (await Deno.readTextFile(url)).split("\n").length - 1;
  assert(lines <= 150, `${lines} lines`);
});

inChromium(
  "the board with hooks: two people write in one note, move it, and follow to the next backend",
  async (browser) => await useBoard(browser, await reactSite()),
);

const npm = await new Deno.Command("npm", { args: ["--version"] }).output()
  .then(() => true, () => false);

if (npm || Deno.env.has("CI")) {
  inChromium(
    "the board with hooks, as Vite builds it from the npm package",
    async (browser) => await useBoard(browser, await builtByVite()),
  );
} else {
  Deno.test.ignore(
    "the board with hooks, as Vite builds it (skipped: npm is not here)",
    () => {},
  );
}
