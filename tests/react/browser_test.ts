/**
 * The hooks in pages of real browsers, with React 18 and React 19, against a server that
 * counts what is open. React runs as in development, so StrictMode mounts everything
 * twice.
 */
import { assert, assertEquals } from "@std/assert";
import {
  BROWSERS,
  lack,
  openBrowser,
  type PageBrowser,
  TITLES,
} from "../kit/browsers.ts";
import {
  bundleWithReact,
  reactConfig,
  REACTS,
  type ReactVersion,
} from "../kit/react.ts";
import { SocketClusterServer } from "../kit/socketcluster_server.ts";
import { delay, until as wait } from "../kit/wait.ts";
import { type Counts, type Server, startServer } from "./server.ts";

/** Waits for what a user would see, as long as a slow machine may take. */
const until = (condition: () => boolean | Promise<boolean>, what: string) =>
  wait(condition, what, 30_000);

/** One page of a browser, and the server that it talks to. */
class Stage {
  constructor(readonly browser: PageBrowser, readonly server: Server) {}

  run<T>(expression: string): Promise<T> {
    return this.browser.evaluate<T>(expression);
  }

  /** Shows a view, from a new start. */
  async mount(view: string, options = {}): Promise<void> {
    this.server.reset();
    await this.run(
      `page.mount(${JSON.stringify(view)}, ${JSON.stringify(options)})`,
    );
  }

  /** Removes it; nothing may be left at the server. */
  async unmount(): Promise<void> {
    await this.run("page.unmount()");
    await until(() => {
      const { streams, sockets, feeds } = this.server.counts;
      return streams[1] === 0 && sockets[1] === 0 && feeds === 0;
    }, "nothing is left");
  }

  text(): Promise<string> {
    return this.run("document.getElementById('root').textContent");
  }

  async shows(text: string): Promise<void> {
    let last = "";
    await until(
      async () => (last = await this.text()) === text,
      `"${text}" is shown`,
    ).catch((error) => {
      throw new Error(`${error.message}; it is "${last}"`);
    });
  }

  /** What the server has counted, once it has heard of all that ended. */
  async counts(expected: Counts): Promise<void> {
    const text = JSON.stringify(expected);
    await until(() => JSON.stringify(this.server.counts) === text, text)
      .catch(() => assertEquals(this.server.counts, expected));
  }

  act<T = unknown>(name: string, ...args: unknown[]): Promise<T> {
    return this.run(`page.act.${name}(...${JSON.stringify(args)})`);
  }

  log(): Promise<unknown[]> {
    return this.run("page.log");
  }
}

type Case = (
  stage: Stage,
  extra: { version: ReactVersion; scripts: Map<string, string> },
) => Promise<void>;

const ONE: Counts = {
  connects: 1,
  streams: [1, 1],
  sockets: [1, 1],
  feeds: 1,
};

const cases: Record<string, Case> = {
  async "StrictMode - one connect, status stream, socket and feed for three components; none afterwards"(
    stage,
  ) {
    await stage.mount("three");
    await stage.shows("ready0 open0 open0 open");
    await stage.counts(ONE);
    stage.server.add(3);
    await stage.shows("ready1 open1 open1 open");
    await stage.unmount();
    assertEquals(stage.server.counts.connects, 1);
  },

  async "a connect response - one stream, remade for another backend, ended with the component"(
    stage,
  ) {
    await stage.run(`(async () => {
      globalThis.given = await (await fetch("/connect", { method: "POST" })).json();
    })()`);
    await stage.mount("given");
    await stage.shows("readyready ready");
    assertEquals(stage.server.counts.streams, [1, 1]);
    // Another object can stand for the same backend.
    await stage.run("given = { ...given }; page.render('given')");
    await stage.shows("readyready ready");
    assertEquals(stage.server.counts.streams, [1, 1]);
    await stage.run(
      "given = { ...given, url: given.url + 'x/' }; page.render('given')",
    );
    await until(() => stage.server.counts.streams[0] === 2, "remade");
    await until(() => stage.server.counts.streams[1] === 1, "the first ended");
    await stage.shows("readyready ready");
    await stage.run(
      "given = { ...given, backend_id: given.backend_id + 'x' }; page.render('given')",
    );
    await until(() => stage.server.counts.streams[0] === 3, "remade again");
    await until(() => stage.server.counts.streams[1] === 1, "the second ended");
    await stage.unmount();
  },

  async "a backend that ends - useReady says so, and useReconnect begins again"(
    stage,
  ) {
    await stage.mount("ending");
    await stage.shows("ready ready0 open");
    stage.server.endBackend();
    await stage.shows("ended terminated0 opening");
    await delay(50);
    assertEquals(stage.server.counts.connects, 1);
    await stage.act("reconnect");
    await stage.shows("ready ready0 open");
    await stage.counts({
      connects: 2,
      streams: [2, 1],
      sockets: [2, 1],
      feeds: 1,
    });
    await stage.unmount();
  },

  async "respawn - the page follows to the next backend, and keeps its data meanwhile"(
    stage,
  ) {
    await stage.mount("respawning");
    await stage.shows("ready ready0 open");
    stage.server.add(1);
    await stage.shows("ready ready1 open");
    await stage.run(`new MutationObserver(() => page.log.push(
      document.querySelector("b").textContent,
    )).observe(document.getElementById("root"), { subtree: true, characterData: true })`);
    const answer = stage.server.holdConnects();
    stage.server.endBackend();
    await stage.shows("connecting 1 opening");
    await until(() => stage.server.counts.connects === 2, "connected again");
    answer();
    await stage.shows("ready ready1 open");
    // The data stayed on the page all the time.
    const shown = await stage.log() as string[];
    assert(shown.every((text) => text.startsWith("1 ")), shown.join());
    await stage.unmount();
  },

  async "Fast Refresh - an edited component keeps its state and the connection; so does one that starts anew"(
    stage,
  ) {
    await stage.mount("hot");
    await stage.shows("old old 0 open");
    await stage.act("edit", "new");
    await stage.shows("old new 0 open");
    await stage.act("edit", "newest", "other hooks");
    await stage.shows("newest newest 0 open");
    await stage.counts(ONE);
    await stage.unmount();
  },

  async "hydration - the page takes over what a server rendered, without a warning"(
    stage,
    { version, scripts },
  ) {
    stage.server.reset();
    const answer = await fetch(`${stage.server.origin}/connect`);
    const given = JSON.stringify(await answer.json());
    const [html, errors] = await renderOnServer(
      version,
      "ServerRendered",
      given,
    );
    assertEquals(
      [html, errors],
      [
        `<b>false pending nothing opening </b>`.replace(
          " </b>",
          " undefined</b>",
        ),
        "",
      ],
    );
    assertEquals(stage.server.counts.streams, [0, 0]);
    scripts.set("/rendered", document(`<div id="root">${html}</div>`));
    await stage.browser.open(`${stage.server.origin}/rendered`);
    await until(() => stage.run("typeof page !== 'undefined'"), "loaded");
    await stage.run(`given = ${given}; page.hydrate("rendered")`);
    await stage.shows("true ready  open connected");
    await stage.unmount();
  },

  async "Suspense - the fallback shows for the first load only"(stage) {
    await stage.mount("suspended");
    await stage.shows("a: ");
    // StrictMode mounts the fallback twice.
    assertEquals(new Set(await stage.log()), new Set(["fallback"]));
    const loads = (await stage.log()).length;
    await stage.server.say("a", "hello");
    await stage.shows("a: hello");
    stage.server.cut();
    await until(() => stage.server.counts.sockets[0] === 2, "connected again");
    await stage.server.say("a", "again");
    await stage.shows("a: hello,again");
    // In a transition, React goes on showing the room before.
    await stage.act("move", "b");
    await stage.shows("b: ");
    assertEquals((await stage.log()).length, loads);
    await stage.act("enter", "held");
    await until(
      () => stage.run("document.querySelector('i')?.textContent === 'loading'"),
      "the fallback",
    );
    await stage.server.release();
    await stage.shows("held: ");
    await stage.unmount();
  },

  async "1,000 components on one feed - one subscription, and one of them renders for one change"(
    stage,
  ) {
    await stage.mount("thousand", { strict: false });
    await until(async () => (await stage.text()).startsWith("0 open"), "open");
    await stage.counts(ONE);
    await stage.run("page.log.length = 0");
    for (let i = 0; i < 10; i++) stage.server.add(7);
    stage.server.add(8);
    await until(async () => (await stage.text()).startsWith("11 open"), "told");
    const rendered = await stage.log();
    assertEquals(new Set(rendered), new Set(["7", "8"]));
    assert(rendered.length <= 11, `${rendered.length} renders`);
    console.log(`    1,000 components, 11 changes: ${rendered.length} renders`);
    await stage.unmount();
  },

  async "startTransition - no commit shows two moments of a feed"(stage) {
    await stage.mount("transition", { strict: false });
    await stage.run(`new Promise((resolve) => {
      const look = () => document.querySelector(".slow") ? resolve() : setTimeout(look);
      look();
    })`);
    await until(() => stage.server.counts.feeds === 1, "open");
    await stage.run("page.log.length = 0");
    await stage.act("grow", 60);
    // The transition takes a quarter of a second; the feed changes meanwhile.
    for (let i = 0; i < 8; i++) {
      stage.server.add(0);
      await delay(40);
    }
    await until(
      () => stage.run("document.querySelectorAll('.slow').length === 60"),
      "all are there",
    );
    const commits = await stage.log() as [shown: number, values: number][];
    assert(commits.length > 0);
    assertEquals(commits.filter(([, values]) => values !== 1), []);
    await stage.unmount();
  },

  async "useAction - pending, the outcome of a failure, and no unhandled rejection"(
    stage,
  ) {
    await stage.mount("saying");
    await stage.shows("idle connected");
    assertEquals(await stage.act("run", { id: "a", text: "hello" }), {
      lines: 1,
    });
    await stage.shows("idle connected");
    // The server answers this one when the test lets it.
    await stage.act("runLate", { text: "late" });
    await stage.shows("pending connected");
    await stage.server.release();
    await stage.shows("idle connected");
    await stage.act("runLate", { text: "no" });
    await stage.shows("pending connected");
    await stage.server.release();
    await stage.shows("idle rejectedconnected");
    await stage.act("runLate", { text: "again" });
    await stage.shows("pending connected");
    await stage.server.release();
    await stage.shows("idle connected");
    await stage.run(`void page.act.run({ id: "a", text: "" })`);
    await stage.shows("idle rejectedconnected");
    const failed = await stage.run(
      `page.act.run({ id: "a", text: "" }).catch(({ code, outcome }) => [code, outcome])`,
    );
    assertEquals(failed, ["REJECTED", "rejected"]);
    assertEquals(await stage.act("same"), true);
    await stage.unmount();
  },

  async "useAction - an optimistic change shows at once, stays on top of others, and is taken back on refusal"(
    stage,
  ) {
    await stage.mount("optimistic");
    await stage.shows(" false ");
    await stage.act("run", { text: "mine" });
    await stage.shows("mine true ");
    await stage.server.say("a", "theirs");
    await stage.shows("theirs,mine true ");
    await stage.server.release();
    await stage.shows("theirs,mine false ");
    // Never twice, and never away.
    assertEquals([...new Set(await stage.log())], [
      "nothing",
      "",
      "mine",
      "theirs,mine",
    ]);
    await stage.act("run", { text: "no" });
    await stage.shows("theirs,mine,no true ");
    await stage.server.release();
    await stage.shows("theirs,mine false rejected");
    await stage.unmount();
  },

  async "useFeedAction - the handler of the newest render, on the same subscription"(
    stage,
  ) {
    await stage.mount("following");
    await stage.shows("firsta: ");
    await stage.server.say("a", "one");
    await stage.shows("firsta: one");
    await stage.act("rename", "second");
    await stage.shows("seconda: one");
    await stage.server.say("a", "two");
    await stage.shows("seconda: one,two");
    assertEquals(await stage.log(), [
      ["first", "said", "one"],
      ["second", "said", "two"],
    ]);
    await stage.unmount();
  },

  async '"skip" - no feed until there are arguments'(stage) {
    await stage.mount("skipping");
    await stage.shows("none opening");
    await until(() => stage.server.counts.sockets[1] === 1, "connected");
    await stage.act("choose", "a");
    await stage.shows("a open");
    await stage.run("page.act.choose(undefined)");
    await stage.shows("none opening");
    await stage.unmount();
  },

  async "a refused feed - its error is shown"(stage) {
    await stage.mount("refused");
    await stage.shows("REJECTED");
    await stage.unmount();
  },

  async "useChannel - one subscription, the newest messages, the newest handler; none afterwards"(
    stage,
  ) {
    await stage.mount("news");
    await stage.shows("open subscribed open subscribed first");
    await stage.act("publish", "one");
    await stage.shows("open subscribed oneopen subscribed onefirst");
    await stage.act("rename", "second");
    await stage.shows("open subscribed oneopen subscribed onesecond");
    await stage.act("publish", "two");
    await stage.act("publish", "three");
    await stage.shows(
      "open subscribed two,threeopen subscribed one,two,threesecond",
    );
    const log = await stage.log();
    const heard = log.filter((line) => line !== "render");
    assertEquals(heard, ["first one", "second two", "second three"]);
    // Messages do not render a component that only listens.
    assertEquals(log.at(-1), "second three");
    assertEquals(await stage.act("subscriptions"), ["news"]);
    await stage.unmount();
    assertEquals(await stage.act("subscriptions"), []);
    await stage.act("disconnect");
  },

  async "feedQueryOptions - the feed keeps TanStack's cache current, and ends with the last observer"(
    stage,
  ) {
    await stage.mount("query");
    await stage.shows(" false");
    await stage.server.say("a", "hello");
    await stage.shows("hello false");
    await stage.server.say("a", "again");
    await stage.shows("hello,again false");
    await stage.unmount();
  },
};

/** What a server renders, and what it writes to its error output. */
async function renderOnServer(
  version: ReactVersion,
  component: string,
  given: string,
): Promise<[html: string, errors: string]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      `--config=${await reactConfig(version)}`,
      "tests/react/ssr.mjs",
      component,
      given,
    ],
  }).output();
  const [html, errors] = [stdout, stderr].map((bytes) =>
    new TextDecoder().decode(bytes).trim()
  );
  assert(success, errors);
  return [html!, errors!];
}

for (const version of REACTS) {
  Deno.test(`hooks on a server, React ${version} - outside a provider they say which one is missing`, async () => {
    const [html, errors] = await renderOnServer(version, "Outside", "null");
    const within = "must be used within a";
    const backend = `${within} SessionBackendContext / Provider`;
    const messages = [
      `useReady ${backend}`,
      `useBackend ${backend}`,
      `useBackendState ${backend}`,
      `useReconnect ${backend}`,
      `useFeedmeClient ${within} FeedmeProvider`,
    ];
    assertEquals([html, errors], [`<pre>${messages.join("\n")}</pre>`, ""]);
  });

  Deno.test(`hooks on a server, React ${version} - what suspends leaves the fallback to the page, and requests nothing`, async () => {
    await using server = startServer(new Map());
    const answer = await fetch(`${server.origin}/connect`);
    const given = JSON.stringify(await answer.json());
    const [html, errors] = await renderOnServer(version, "Suspended", given);
    assert(html.includes("<i>loading</i>"), html);
    assert(!html.includes("<b>"), html);
    assertEquals(errors, "");
    const { streams, sockets } = server.counts;
    assertEquals([streams, sockets], [[0, 0], [0, 0]]);
  });
}

const document = (body: string) =>
  `<!doctype html><title>Hooks</title>${body}
  <script type="module" src="/page.js"></script>`;

for (const name of BROWSERS) {
  const missing = lack(name);
  for (const version of REACTS) {
    Deno.test({
      name: `hooks in ${TITLES[name]}, React ${version}${
        missing ? ` (skipped: ${missing})` : ""
      }`,
      // In CI it is meant to be there, so that its absence is a failure.
      ignore: missing !== undefined && !Deno.env.has("CI"),
      // The browser's driver keeps a child process and its pipes.
      sanitizeOps: false,
      sanitizeResources: false,
      async fn(t) {
        const pages = new Map([
          ["/", document(`<div id="root"></div>`)],
          [
            "/page.js",
            await bundleWithReact("tests/react/page.ts", version),
          ],
        ]);
        await using server = startServer(pages);
        await using socketCluster = await SocketClusterServer.start();
        const browser = await openBrowser(name);
        if ("missing" in browser) throw new Error(browser.missing);
        await using _closed = browser;
        const stage = new Stage(browser, server);
        for (const [name, run] of Object.entries(cases)) {
          await t.step(name, async () => {
            await browser.open(
              `${server.origin}/?socketcluster=${socketCluster.port}`,
            );
            await until(
              () => stage.run("typeof page !== 'undefined'"),
              "loaded",
            );
            assert(
              (await stage.run<string>("page.version")).startsWith(version),
            );
            await run(stage, { version, scripts: pages });
            assertEquals(await stage.run("page.problems"), []);
          });
        }
      },
    });
  }
}
