/** The selected backend: its facts, its states, why it failed, and what can be done. */
export const BACKEND_SCRIPT: string = String.raw`
import { $, age, copyText, duration, element, last, post, say, setText, wholeSeconds } from "./dom.js";
import { current, isEnded, isFailure, kindOf, nameOf, select, selectedBackend, statusOf } from "./model.js";
import { renderUsage } from "./usage.js";

/** How many lines of output are shown of a backend that failed. */
const TAIL = 6;

/** Who each backend is opened as, by id: what the form said when it was started. */
export const identities = new Map();

export function renderBackend() {
  const backend = selectedBackend();
  $("backend").hidden = !backend;
  if (!backend) return;
  const { info } = backend;
  setText($("title").firstElementChild, nameOf(info));
  renderFacts(backend);
  const kind = kindOf(last(info.states));
  const usable = kind === "ready" || kind === "starting";
  $("open").disabled = !usable;
  $("copy-url").disabled = !usable;
  $("end").disabled = !usable;
  $("kill").disabled = isEnded(info) || statusOf(info) === "hard-terminating";
  setText($("again"), isEnded(info) ? "Start again" : "Restart");
  renderStates(info);
  renderFailure(backend);
  renderUsage(backend);
}

function renderFacts({ info, at }) {
  const facts = [];
  if (info.key !== undefined) facts.push(info.id);
  const scope = info.scope.join("/");
  if (scope !== "-/-") facts.push(scope);
  if (info.tag) facts.push("tag " + info.tag);
  if (info.env.length > 0) facts.push("env " + info.env.join(", "));
  const identity = identities.get(info.id);
  if (identity && identity.user) facts.push("opened as " + identity.user);
  if (!isEnded(info)) {
    if (info.pid) facts.push("process " + info.pid);
    if (info.address) facts.push(info.address);
    facts.push(info.connections === 1 ? "1 connection" : info.connections + " connections");
  }
  setText($("facts"), facts.join(" · "));
  setText($("limits"), limits(info, at));
  $("limits").hidden = $("limits").textContent === "";
}

/** When it will be ended, as time passes. */
function limits(info, at) {
  if (isEnded(info)) return "";
  const texts = [];
  if (typeof info.idleLeft === "number") {
    const left = info.idleLeft - (performance.now() - at);
    texts.push("Idle: ends in " + wholeSeconds(left + 999) + " unless someone connects");
  } else if (typeof info.maxIdle === "number") {
    texts.push("Ends after " + wholeSeconds(info.maxIdle) + " without a connection");
  }
  if (typeof info.lifetime === "number") {
    const left = info.lifetime - (Date.now() - Date.parse(info.states[0].time));
    texts.push("Lifetime: ends in " + wholeSeconds(left + 999));
  }
  return texts.join(" · ");
}

function renderStates(info) {
  // Unchanged elements stay, so that users can select and hover over them.
  const shown = info.id + info.states.length;
  if ($("states").dataset.shown === shown) {
    const gap = $("states").lastElementChild.children[1];
    if (gap) setText(gap, age(last(info.states).time));
    return;
  }
  $("states").dataset.shown = shown;
  const items = info.states.map((state, index) => {
    const item = element("li");
    const past = index < info.states.length - 1;
    const step = element("span", "step " + (past ? "past" : kindOf(state)));
    step.title = new Date(state.time).toLocaleString();
    step.append(element("i", "dot"), element("span", "", state.status));
    const notes = [];
    if (state.termination_reason) notes.push(state.termination_reason);
    if (state.exit_error) notes.push("error");
    if (notes.length > 0) step.append(element("span", "reason", notes.join(", ")));
    item.append(step);
    if (past) {
      const ms = Date.parse(info.states[index + 1].time) - Date.parse(state.time);
      item.append(element("span", "gap", duration(ms)));
    } else if (state.status !== "terminated") {
      item.append(element("span", "gap", age(state.time)));
    }
    return item;
  });
  $("states").replaceChildren(...items);
}

/** The reason of a failure and the last output, whichever tab is open. */
function renderFailure({ info, lines }) {
  const state = last(info.states);
  const failed = state.status === "terminated" && isFailure(state);
  $("failure").hidden = !failed;
  if (!failed) return;
  const remarks = lines.filter(({ from }) => from === "platform");
  setText($("why"), state.termination_reason === "startuptimeout"
    ? "It failed to start in time."
    : state.termination_reason === "internalerror"
    ? "The platform could not run it."
    : "It ended with an error.");
  const remark = last(remarks);
  setText($("remark"), remark ? "The platform: " + remark.text : "");
  const tail = lines.filter(({ from }) => from !== "platform").slice(-TAIL);
  setText($("tail"), tail.length > 0
    ? tail.map(({ text }) => text).join("\n")
    : "It wrote nothing.");
}

// ---- Orders

const path = (name, rest) => name + "/" + encodeURIComponent(current()) + (rest || "");
const visit = () => post(path("visit"), identities.get(current()) || {});
const show = (url) => open(url, "_blank", "noopener");

export function wireBackend() {
  $("end").onclick = () => post(path("v2/backend", "/terminate"), {});
  $("kill").onclick = () => post(path("v2/backend", "/terminate"), { hard: true });
  $("again").onclick = async () => {
    const id = current();
    $("again").disabled = true;
    const answer = await post(path("again"), {});
    $("again").disabled = false;
    if (!answer) return;
    if (identities.has(id)) identities.set(answer.backend_id, identities.get(id));
    // The user may have turned to another one meanwhile.
    if (current() === id) select(answer.backend_id);
  };
  $("open").onclick = async () => {
    const answer = await visit();
    if (!answer) return;
    if (!answer.no_page) return show(answer.url);
    $("no-page").firstElementChild.textContent =
      "There is no page to open: " + answer.no_page + ". ";
    $("no-page").hidden = false;
    $("anyway").onclick = () => show(answer.url);
  };
  $("copy-url").onclick = async () => {
    const answer = await visit();
    if (!answer) return;
    if (await copyText(answer.url)) say("Copied. The URL contains a connection token.");
    else prompt("The browser does not allow copying. The URL:", answer.url);
  };
}
`;
