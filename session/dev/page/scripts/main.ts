/** The page's first script: it joins the others. */
export const MAIN_SCRIPT: string = String.raw`
import { renderBackend, wireBackend } from "./page/backend.js";
import { $ } from "./page/dom.js";
import { backends, connect, onChange } from "./page/model.js";
import { stopLooking } from "./page/messages.js";
import { renderNav } from "./page/nav.js";
import { appendLines } from "./page/output.js";
import { renderRequests } from "./page/requests.js";
import { wireSpawn } from "./page/spawn.js";
import { openTab, refreshTab, wireTabs } from "./page/tabs.js";

function render() {
  renderNav();
  $("empty").hidden = backends.size > 0;
  $("view").hidden = backends.size === 0;
  renderBackend();
}

onChange(({ select, lines, requests }) => {
  if (select) {
    $("problem").hidden = true;
    $("no-page").hidden = true;
    stopLooking();
    refreshTab();
  } else if (openTab() === "output" && lines.length > 0) appendLines(lines);
  if (openTab() === "requests" && requests && requests.length > 0) renderRequests();
  render();
});

if (location.port !== "8080" && location.port !== "") {
  $("options").textContent = "dev: true, port: " + location.port;
}
wireBackend();
wireSpawn();
wireTabs();
connect();
setInterval(render, 1000);
`;
