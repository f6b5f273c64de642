/**
 * The page at `/`: its HTML. Its style is in `style.ts`, its scripts in `scripts/`.
 *
 * All are strings in modules, because this package runs from a registry, where there are
 * no files next to a module to read.
 */
const ICON = "data:image/svg+xml," + encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">' +
    '<circle cx="8" cy="8" r="7" fill="#1d9a6c"/>' +
    '<path d="M4.5 8h7M8 4.5v7" stroke="#fff" stroke-width="2" stroke-linecap="round"/>' +
    "</svg>",
);

/** One of the two plots; `usage.js` draws it. */
function plot(id: string, name: string): string {
  return `<figure id="${id}">
        <figcaption>${name} <b></b></figcaption>
        <svg viewBox="0 0 120 28" preserveAspectRatio="none" role="img">
          <polygon></polygon><polyline></polyline>
        </svg>
      </figure>`;
}

function tab(id: string, name: string): string {
  return `<button id="${id}-tab" role="tab" aria-controls="${id}-panel">${name}</button>`;
}

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
<script type="module" src="page.js"></script>
</head>
<body>
<header>
  <h1>Feedline <span>dev platform</span></h1>
  <code id="command" title="What each backend runs"></code>
  <p id="link" role="status"><i class="dot"></i><span>connecting</span></p>
</header>
<nav aria-label="Backends">
  <form id="spawn">
    <div class="row">
      <input id="key" placeholder="key (optional)" aria-label="Key of the backend"
        maxlength="255" autocomplete="off" spellcheck="false">
      <button>Connect</button>
    </div>
    <details id="more">
      <summary>Options</summary>
      <label for="user">User</label>
      <input id="user" autocomplete="off" spellcheck="false">
      <label for="auth">Auth (JSON object)</label>
      <textarea id="auth" rows="2" spellcheck="false" placeholder='{"role": "editor"}'></textarea>
      <p class="hint">“Open” and “Copy URL” connect as this user.</p>
      <label for="env">Environment, one variable per line</label>
      <textarea id="env" rows="2" spellcheck="false" placeholder="NAME=value"></textarea>
      <div class="pair">
        <div><label for="idle">Idle limit (s)</label>
        <input id="idle" type="number" min="1" step="any" inputmode="decimal"></div>
        <div><label for="lifetime">Lifetime (s)</label>
        <input id="lifetime" type="number" min="1" step="any" inputmode="decimal"></div>
      </div>
      <label for="tag">Tag</label>
      <input id="tag" autocomplete="off" spellcheck="false">
    </details>
  </form>
  <p id="problem" role="alert" hidden></p>
  <ul id="all" hidden></ul>
  <h2 id="running-title" hidden>Running</h2>
  <ul id="running" aria-labelledby="running-title" hidden></ul>
  <h2 id="ended-title" hidden>Ended</h2>
  <ul id="ended" aria-labelledby="ended-title" hidden></ul>
</nav>
<main>
  <section id="empty" hidden>
    <h2>No backend yet</h2>
    <p>Connect to start one: enter a key in the form, or run this code:</p>
    <pre tabindex="0"><code>import { Jamsocket } from "@feedline/feedline/server";

const jamsocket = new Jamsocket({ <span id="options">dev: true</span> });
const { url } = await jamsocket.connect({ key: "my-document" });</code></pre>
  </section>
  <section id="backend" aria-label="The selected backend" hidden>
    <div id="title">
      <h2></h2>
      <div id="actions">
        <button id="open" title="Open in a new tab, with a connection token of its own">Open</button>
        <button id="copy-url" title="Copy a connection URL with a token of its own">Copy URL</button>
        <button id="again" title="End it, and start one with the same settings">Restart</button>
        <button id="end" title="Send SIGTERM, then SIGKILL if it does not end in time">End</button>
        <button id="kill" title="Send SIGKILL now">Kill</button>
      </div>
    </div>
    <div id="about">
      <div>
        <p id="facts"></p>
        <p id="limits" hidden></p>
        <p id="usage-none" hidden></p>
      </div>
      <div id="usage" hidden>
      ${plot("cpu", "CPU")}
      ${plot("memory", "Memory")}
      </div>
    </div>
    <p id="no-page" role="alert" hidden><span></span><button id="anyway">Open anyway</button></p>
    <ol id="states" aria-label="States"></ol>
    <div id="failure" hidden>
      <p><b id="why"></b> <span id="remark"></span></p>
      <pre id="tail" aria-label="Its last output" role="region" tabindex="0"></pre>
    </div>
  </section>
  <section id="view" aria-label="Activity" hidden>
    <div id="tools">
      <div role="tablist" aria-label="Activity">
        ${tab("output", "Output")}
        ${tab("requests", "Requests")}
        ${tab("messages", "Messages")}
      </div>
      <input id="search" type="search" aria-label="Search" autocomplete="off" spellcheck="false">
      <select id="source" aria-label="Lines of">
        <option value="">all lines</option>
        <option value="stdout">stdout</option>
        <option value="stderr">stderr</option>
        <option value="platform">platform</option>
      </select>
      <button id="copy" title="Copy what is shown">Copy</button>
      <button id="clear" title="Clear this view; the platform keeps its own">Clear</button>
    </div>
    <div id="output-panel" class="panel" role="tabpanel" aria-labelledby="output-tab">
      <div id="log" role="log" aria-label="Output" tabindex="0"></div>
      <button id="follow-log" class="follow" hidden>Newest lines</button>
    </div>
    <div id="requests-panel" class="panel" role="tabpanel" aria-labelledby="requests-tab" hidden>
      <div id="requests" class="scroll" role="region" aria-label="Requests" tabindex="0">
        <table id="request-table" hidden>
          <thead id="request-head"></thead>
          <tbody id="request-rows"></tbody>
        </table>
        <p id="no-requests" class="nothing"></p>
      </div>
      <button id="follow-requests" class="follow" hidden>Newest requests</button>
    </div>
    <div id="messages-panel" class="panel" role="tabpanel" aria-labelledby="messages-tab" hidden>
      <div id="messages" class="scroll" role="region" aria-label="Messages" tabindex="0">
        <ul id="message-list" hidden></ul>
        <p id="no-messages" class="nothing"></p>
      </div>
      <button id="follow-messages" class="follow" hidden>Newest messages</button>
    </div>
  </section>
</main>
<p id="said" role="status" hidden></p>
</body>
</html>
`;
