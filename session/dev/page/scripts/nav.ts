/** The lists of backends on the left. */
export const NAV_SCRIPT: string = String.raw`
import { $, age, clock, duration, element, last, setText } from "./dom.js";
import { ALL, backends, current, endOf, isEnded, isFailure, kindOf, nameOf, select } from "./model.js";

const MAX_ENDED = 50;

export function renderNav() {
  const infos = [...backends.values()].map(({ info }) => info);
  const running = infos.filter((info) => !isEnded(info));
  // The one that ended last comes first.
  const ended = infos.filter(isEnded)
    .sort((a, b) => endOf(a) < endOf(b) ? 1 : endOf(a) > endOf(b) ? -1 : 0)
    .slice(0, MAX_ENDED);
  renderList($("running"), running);
  renderList($("ended"), ended);
  for (const [id, list] of [["running", running], ["ended", ended]]) {
    $(id).hidden = list.length === 0;
    $(id + "-title").hidden = list.length === 0;
  }
  renderAll(infos.length > 0, running.length);
  document.title = (running.length > 0 ? "(" + running.length + ") " : "") +
    "Feedline dev platform";
}

function summary(info) {
  const state = last(info.states);
  const first = info.states[0];
  if (state.status !== "terminated") return state.status + " for " + age(state.time);
  const lived = duration(Date.parse(state.time) - Date.parse(first.time));
  return (isFailure(state) ? "failed" : "ended") + " after " + lived + ", at " + clock(state.time);
}

/** Updates the children of a list to match the items, reusing existing ones. */
function renderList(list, infos) {
  const present = new Map();
  for (const item of list.children) present.set(item.dataset.id, item);
  infos.forEach((info, index) => {
    const item = present.get(info.id) || newItem(info.id);
    present.delete(info.id);
    const [button] = item.children;
    const [, name, count, what] = button.children;
    const state = last(info.states);
    button.className = kindOf(state);
    button.title = nameOf(info) + " (" + info.id + ")";
    mark(button, info.id === current());
    setText(name, nameOf(info));
    name.className = info.key === undefined ? "name id" : "name";
    setText(count, info.connections > 0 && !isEnded(info) ? info.connections + " open" : "");
    setText(what, summary(info));
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] || null);
  });
  for (const item of present.values()) item.remove();
}

function newItem(id) {
  const item = element("li");
  item.dataset.id = id;
  const button = element("button");
  const count = element("span", "count");
  count.title = "Connections that are open";
  button.append(element("i", "dot"), element("span", "name"), count, element("span", "what"));
  button.onclick = () => select(id);
  item.append(button);
  return item;
}

function mark(button, isCurrent) {
  if (isCurrent) button.setAttribute("aria-current", "true");
  else button.removeAttribute("aria-current");
}

function renderAll(shown, running) {
  const list = $("all");
  list.hidden = !shown;
  if (list.children.length === 0) {
    const item = element("li");
    const button = element("button");
    button.append(element("i", "dot"), element("span", "name", "All backends"), element("span", "count"));
    button.onclick = () => select(ALL);
    item.append(button);
    list.append(item);
  }
  const button = list.firstElementChild.firstElementChild;
  button.className = running > 0 ? "ready" : "ended";
  mark(button, current() === ALL);
  setText(button.lastElementChild, running + " running");
}
`;
