/**
 * The page at `/`: its HTML. Its style is in `page_style.ts`, its script in
 * `page_script.ts`.
 *
 * All three are strings in modules, because this package runs from a registry, where
 * there are no files next to a module to read.
 */
const ICON = "data:image/svg+xml," + encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">' +
    '<circle cx="8" cy="8" r="7" fill="#1d9a6c"/>' +
    '<path d="M4.5 8h7M8 4.5v7" stroke="#fff" stroke-width="2" stroke-linecap="round"/>' +
    "</svg>",
);

/** The page's HTML. */
export const PAGE: string = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Feedline dev platform</title>
<link rel="icon" href="${ICON}">
<link rel="stylesheet" href="page.css">
<script src="page.js" defer></script>
</head>
<body>
<header>
  <h1>Feedline <span>dev platform</span></h1>
  <code id="command" title="What each backend runs"></code>
  <p id="link" role="status"><i class="dot"></i><span>connecting</span></p>
</header>
<nav aria-label="Backends">
  <form id="spawn">
    <input id="key" placeholder="key (optional)" aria-label="Key of the backend"
      maxlength="255" autocomplete="off" spellcheck="false">
    <button>Connect</button>
  </form>
  <p id="problem" role="alert" hidden></p>
  <ul id="all"></ul>
  <h2 id="running-title">Running</h2>
  <ul id="running"></ul>
  <h2 id="ended-title">Ended</h2>
  <ul id="ended"></ul>
</nav>
<main>
  <section id="empty" hidden>
    <h2>No backend yet</h2>
    <p>Connect to start one: enter a key on the left, or run this code:</p>
    <pre><code>import { Jamsocket } from "@feedline/feedline/server";

const jamsocket = new Jamsocket({ <span id="options">dev: true</span> });
const { url } = await jamsocket.connect({ key: "my-document" });</code></pre>
  </section>
  <section id="backend" hidden>
    <div id="title">
      <h2></h2>
      <p id="facts"></p>
      <div id="actions">
        <button id="open" title="Open in a new tab, with a connection token of its own">Open</button>
        <button id="end" title="Send SIGTERM, then SIGKILL if it does not end in time">End</button>
        <button id="kill" title="Send SIGKILL now">Kill</button>
      </div>
    </div>
    <ol id="states" aria-label="States"></ol>
  </section>
  <section id="output" hidden>
    <div id="log" role="log" aria-label="Output" tabindex="0"></div>
    <button id="follow" hidden>Newest lines</button>
  </section>
</main>
</body>
</html>
`;
