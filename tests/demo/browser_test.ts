/**
 * The demo in a real browser: two pages, a change that crosses, a backend that
 * is killed and started again. `FEEDLINE_SCREENSHOTS=folder` keeps pictures.
 */
import { assert, assertEquals } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import { startDemo } from "../../examples/demo.ts";
import { allViolations } from "../kit/axe.ts";
import { inChromium } from "../kit/chromium.ts";
import { until } from "../kit/wait.ts";

const folder = Deno.env.get("FEEDLINE_SCREENSHOTS");
async function picture(page: Page, name: string): Promise<void> {
  if (folder) await page.screenshot({ path: `${folder}/${name}.png` });
}

async function open(browser: Browser, url: string): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1180, height: 760 },
  });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(url);
  await page.locator("#over").waitFor({ state: "hidden" });
  assertEquals(problems, []);
  return page;
}

/** A folder that is gone afterwards. */
async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** What is read of an element in the page; there are no types of the DOM here. */
interface Shown {
  title: string;
  childNodes: { textContent: string }[];
}

/** The steps that the page shows as done. */
function steps(page: Page): Promise<string[]> {
  return page.locator("#steps li:is(.done, .bad)").evaluateAll((items) =>
    items.map((item) => (item as Shown).childNodes[1]!.textContent)
  );
}

inChromium(
  "the demo: two pages in step, a killed backend, a way back",
  async (browser) => {
    await using boards = await temporaryFolder();
    await using demo = await startDemo(0, { folder: boards.path });
    const ada = await open(browser, `${demo.url}/?board=plans&as=Ada`);
    assertEquals(await steps(ada), [
      "scheduled",
      "loading",
      "starting",
      "waiting",
      "ready",
    ]);
    await picture(ada, "empty");
    const grace = await open(browser, `${demo.url}/?board=plans&as=Grace`);

    // Who is here shows on both sides, oneself first.
    for (
      const [page, names] of [[ada, "Ada Grace"], [grace, "Grace Ada"]] as const
    ) {
      const people = page.locator("#people li");
      await people.nth(1).waitFor();
      assertEquals(
        await people.evaluateAll((all) =>
          all.map((one) => (one as Shown).title)
        ),
        names.split(" ").map((name, index) => index ? name : `${name} (you)`),
      );
    }

    // A note crosses, then its text, then its place.
    await ada.locator("#sheet").dblclick({ position: { x: 400, y: 200 } });
    await ada.keyboard.type("Water the plants");
    const theirs = grace.locator(".note");
    await theirs.getByText("Water the plants").waitFor();
    assertEquals(await theirs.locator(".by").textContent(), "Ada");
    const before = (await theirs.boundingBox())!;
    await ada.locator(".note .by").hover();
    await ada.mouse.down();
    await ada.mouse.move(640, 420, { steps: 8 });
    await grace.locator(".cursor").waitFor();
    await ada.mouse.up();
    await grace.waitForFunction(
      `document.querySelector(".note").getBoundingClientRect().x > ${
        before.x + 50
      }`,
    );
    await grace.locator("#add").click();
    await grace.keyboard.type("<b>Buy</b> paint");
    await ada.getByText("<b>Buy</b> paint").waitFor();
    await picture(ada, "board");
    await picture(grace, "board-other");
    await grace.emulateMedia({ colorScheme: "dark" });
    await picture(grace, "board-dark");

    // No token of the platform reaches the page or its storage.
    const { id } = demo.platform.backends[0]!;
    const answer = await ada.evaluate(async () => {
      const response = await fetch("/boards/plans/connect?as=Ada", {
        method: "POST",
      });
      return await response.json();
    });
    assertEquals([answer.backend_id, answer.token, answer.secret_token], [
      id,
      "",
      null,
    ]);
    assert(answer.url.startsWith(demo.url));

    // The backend is killed: both pages say so, and either can start it again.
    await ada.locator("#end").click();
    for (const page of [ada, grace]) {
      await page.getByText("This backend has ended").waitFor();
    }
    assertEquals((await steps(grace)).at(-1), "terminated");
    await picture(grace, "ended-dark");
    await picture(ada, "ended");
    // The focus goes where the next step is.
    const focused = () => ada.evaluate("document.activeElement.id");
    assertEquals(await focused(), "again");
    await ada.keyboard.press("Enter");
    await ada.locator("#over").waitFor({ state: "hidden" });
    assertEquals(await focused(), "add");
    await grace.locator("#again").click();
    await grace.locator("#over").waitFor({ state: "hidden" });
    // The notes are there again, and can be written on.
    await ada.getByText("The board is back, with 2 notes.").waitFor();
    await ada.getByText("Water the plants").waitFor();
    assertEquals(await grace.locator(".note").count(), 2);
    await picture(ada, "back");
    await grace.locator("#add").click();
    await ada.locator(".note").nth(2).waitFor();
    assertEquals(
      demo.platform.backends.filter(({ states }) =>
        states.at(-1)!.status === "ready"
      ).length,
      1,
    );
  },
);

inChromium(
  "the demo: two people write in one note, and move it meanwhile",
  async (browser) => {
    await using boards = await temporaryFolder();
    await using demo = await startDemo(0, { folder: boards.path });
    const ada = await open(browser, `${demo.url}/?board=both&as=Ada`);
    const grace = await open(browser, `${demo.url}/?board=both&as=Grace`);
    const field = "[contenteditable]";
    await ada.locator("#sheet").dblclick({ position: { x: 400, y: 200 } });
    await ada.keyboard.type("hello");
    await grace.getByText("hello").waitFor();

    // A change of the other leaves the caret where it is.
    await grace.locator(field).focus();
    await grace.keyboard.press("End");
    await grace.keyboard.type("!");
    await ada.getByText("hello!").waitFor();
    await ada.keyboard.type(" world");
    await grace.getByText("hello world!").waitFor();

    // Each types while the other moves the note or types too.
    const letters = "abcdefghijklmnopqrstuvwxyz";
    await grace.keyboard.press("End");
    await Promise.all([
      ada.keyboard.type(letters, { delay: 5 }),
      grace.keyboard.type(letters.toUpperCase(), { delay: 7 }),
    ]);
    await grace.locator(".note .by").hover();
    await grace.mouse.down();
    await Promise.all([
      grace.mouse.move(640, 420, { steps: 12 }),
      ada.keyboard.type("0123456789", { delay: 5 }),
    ]);
    await grace.mouse.up();
    const all = `hello world${letters}0123456789!${letters.toUpperCase()}`;
    for (const page of [ada, grace]) await page.getByText(all).waitFor();
    await picture(ada, "both");

    // The arrow keys move a note as well.
    const before = (await ada.locator(".note").boundingBox())!;
    await grace.locator(".note").focus();
    await grace.keyboard.press("ArrowRight");
    await ada.waitForFunction(
      `document.querySelector(".note").getBoundingClientRect().x > ${
        before.x + 5
      }`,
    );
    assertEquals(await ada.locator(field).textContent(), all);
  },
);

inChromium(
  "the demo: a backend killed while a page reconnects is shown as ended, and nothing starts another",
  async (browser) => {
    await using boards = await temporaryFolder();
    await using demo = await startDemo(0, { folder: boards.path });
    const ada = await open(browser, `${demo.url}/?board=killed&as=Ada`);
    await ada.locator("#add").click();
    await ada.keyboard.type("kept");
    await until(
      async () =>
        (await Deno.readTextFile(`${boards.path}/killed.json`)
          .catch(() => "")).includes("kept"),
      "the file",
    );
    // The page is cut off first, so that it is reconnecting when the end comes.
    await ada.context().setOffline(true);
    Deno.kill(demo.platform.backends[0]!.pid!, "SIGKILL");
    await until(
      () => demo.platform.backends[0]!.states.at(-1)!.status === "terminated",
      "the end",
    );
    await ada.context().setOffline(false);
    await ada.getByText("This backend has ended").waitFor();
    assertEquals(demo.platform.backends.length, 1);
    await ada.locator("#again").click();
    await ada.getByText("The board is back, with 1 note.").waitFor();
    await ada.getByText("kept").waitFor();
  },
);

inChromium(
  "the demo: a board outlives a restart of the demo, and the backend says so",
  async (browser) => {
    await using boards = await temporaryFolder();
    {
      await using demo = await startDemo(0, { folder: boards.path });
      const ada = await open(browser, `${demo.url}/?board=kept&as=Ada`);
      await ada.locator("#add").click();
      await ada.keyboard.type("tomorrow");
      const grace = await open(browser, `${demo.url}/?board=kept&as=Grace`);
      await grace.getByText("tomorrow").waitFor();
    }
    const lines: string[] = [];
    await using demo = await startDemo(0, {
      folder: boards.path,
      onEvent(event) {
        if (event.type === "line") lines.push(event.text);
      },
    });
    const ada = await open(browser, `${demo.url}/?board=kept&as=Ada`);
    await ada.getByText("tomorrow").waitFor();
    await until(() => lines.includes("came back with 1 note"), "the line");

    // It links to the dev page, where that line is, too.
    const [dev] = await Promise.all([
      ada.context().waitForEvent("page"),
      ada.getByRole("link", { name: "Dev page" }).click(),
    ]);
    await dev.getByText("came back with 1 note").waitFor();
    assert(dev.url().startsWith(demo.platform.apiUrl));
  },
);

inChromium(
  "the demo: an address without a board, and a full board, say what is wrong",
  async (browser) => {
    await using boards = await temporaryFolder();
    const note = { x: 0.5, y: 0.5, color: 1, by: "Ada", text: "", revision: 0 };
    await Deno.writeTextFile(
      `${boards.path}/full.json`,
      JSON.stringify(Object.fromEntries(
        Array.from({ length: 200 }, () => [crypto.randomUUID(), note]),
      )),
    );
    await using demo = await startDemo(0, { folder: boards.path });
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${demo.url}/?board=`);
    await page.getByText("This address names no board").waitFor();
    assertEquals(demo.platform.backends.length, 0);
    await page.getByRole("link", { name: "Open the board “plans”" }).click();
    await page.locator("#over").waitFor({ state: "hidden" });

    const ada = await open(browser, `${demo.url}/?board=full&as=Ada`);
    await ada.locator("#add").click();
    await ada.getByRole("alert").getByText("The board is full").waitFor();
    await until(
      async () => await ada.locator(".note").count() === 200,
      "200 notes",
    );
  },
);

inChromium(
  "the demo: no violation that axe finds, in both schemes, on a desktop and on a phone",
  async (browser) => {
    await using boards = await temporaryFolder();
    await using demo = await startDemo(0, { folder: boards.path });
    const page = await open(browser, `${demo.url}/?board=plans&as=Barbara`);
    const all: string[] = [];
    const check = async (what: string) =>
      all.push(
        ...(await allViolations(
          page,
          (name) => picture(page, `demo-${what}-${name}`),
        )).map((each) => `${what}, ${each}`),
      );
    await check("empty");
    const others = await Promise.all(
      ["Edsger", "Radia"].map((name) =>
        open(browser, `${demo.url}/?board=plans&as=${name}`)
      ),
    );
    for (const [index, each] of others.entries()) {
      await each.locator("#sheet").dblclick({
        position: { x: 300 + 400 * index, y: 150 + 200 * index },
      });
      await each.keyboard.type(index ? "Buy paint" : "Water the plants");
    }
    await page.getByText("Buy paint").waitFor();
    await page.getByText("Water the plants").waitFor();
    await check("board");
    // On a phone, nothing is wider than the screen, and notes can be removed by touch.
    assertEquals(
      await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
      true,
    );
    await page.locator("#end").click();
    await page.getByText("This backend has ended").waitFor();
    await check("ended");
    const dialog = (await page.locator("#over > div").boundingBox())!;
    assert(dialog.x >= 16, "the dialog leaves a margin");
    assertEquals(all, []);
  },
);

inChromium(
  "the demo: on a phone, each note shows how to remove it",
  async (browser) => {
    await using boards = await temporaryFolder();
    await using demo = await startDemo(0, { folder: boards.path });
    const context = await browser.newContext({
      viewport: { width: 375, height: 720 },
      isMobile: true,
      hasTouch: true,
    });
    const page = await context.newPage();
    await page.goto(`${demo.url}/?board=phone&as=Ada`);
    await page.locator("#over").waitFor({ state: "hidden" });
    await page.locator("#add").tap();
    await page.evaluate("document.activeElement.blur()");
    assertEquals(
      await page.evaluate(
        `getComputedStyle(document.querySelector(".remove")).opacity`,
      ),
      "1",
    );
    await picture(page, "demo-phone");
    await page.locator(".remove").tap();
    await until(
      async () => await page.locator(".note").count() === 0,
      "no note",
    );
  },
);
