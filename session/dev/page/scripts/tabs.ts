/** The tabs below a backend, and the tools that all of them have. */
export const TABS_SCRIPT: string = String.raw`
import { $, copyText, say } from "./dom.js";
import { messages, wireMessages } from "./messages.js";
import { output, wireOutput } from "./output.js";
import { requestsTab, wireRequests } from "./requests.js";

const TABS = new Map([
  ["output", output],
  ["requests", requestsTab],
  ["messages", messages],
]);
let open = "output";
export const openTab = () => open;
/** What is searched for in each tab. */
const searches = new Map();

export function showTab(name) {
  open = name;
  for (const each of TABS.keys()) {
    const tab = $(each + "-tab");
    tab.setAttribute("aria-selected", String(each === name));
    tab.tabIndex = each === name ? 0 : -1;
    $(each + "-panel").hidden = each !== name;
  }
  $("source").hidden = name !== "output";
  $("search").placeholder = TABS.get(name).placeholder;
  $("search").value = searches.get(name) || "";
  refreshTab();
}

/** Shows everything in the open tab anew. */
export function refreshTab() {
  TABS.get(open).show();
}

export function wireTabs() {
  wireOutput();
  wireRequests();
  wireMessages();
  const names = [...TABS.keys()];
  names.forEach((name, index) => {
    const tab = $(name + "-tab");
    tab.onclick = () => showTab(name);
    tab.onkeydown = ({ key }) => {
      const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
      if (step === 0) return;
      const next = names[(index + step + names.length) % names.length];
      showTab(next);
      $(next + "-tab").focus();
    };
  });
  $("search").oninput = () => {
    searches.set(open, $("search").value);
    TABS.get(open).find($("search").value.trim().toLowerCase());
  };
  $("clear").onclick = () => TABS.get(open).clear();
  $("copy").onclick = async () => {
    const text = TABS.get(open).text();
    if (text === "") return say("There is nothing to copy.");
    say(await copyText(text) ? "Copied." : "The browser does not allow copying.");
  };
  showTab(open);
}
`;
