/** The tab of what backends have printed. */
export const OUTPUT_SCRIPT: string = String.raw`
import { appendColored } from "./ansi.js";
import { $, appendText, clock, element, follow } from "./dom.js";
import { ALL, backends, current, MAX_LINES, merged, nameOf, select } from "./model.js";

let search = "";
let end;

export const output = {
  placeholder: "Search the output",
  show: () => render(),
  find(text) {
    search = text;
    render();
  },
  clear() {
    if (current() === ALL) {
      merged.length = 0;
      for (const backend of backends.values()) backend.lines.length = 0;
    } else {
      backends.get(current()).lines.length = 0;
      const others = merged.filter(({ id }) => id !== current());
      merged.length = 0;
      merged.push(...others);
    }
    render();
  },
  text: () => entries().map(({ id, line }) => [
    line.time,
    ...(current() === ALL ? [named(id)] : []),
    line.text,
  ].join("  ")).join("\n"),
};

export function wireOutput() {
  end = follow($("log"), $("follow-log"));
  $("source").onchange = render;
}

function named(id) {
  const backend = backends.get(id);
  return backend ? nameOf(backend.info) : id;
}

const isShown = ({ id, line }) =>
  (current() === ALL || id === current()) &&
  ($("source").value === "" || line.from === $("source").value) &&
  (search === "" || line.text.toLowerCase().includes(search));

function entries() {
  const backend = backends.get(current());
  const all = current() === ALL ? merged : backend
    ? backend.lines.map((line) => ({ id: current(), line }))
    : [];
  return all.filter(isShown);
}

function render() {
  const log = $("log");
  log.className = current() === ALL ? "all" : "";
  log.replaceChildren();
  append(entries());
  if (log.children.length === 0) showNothing();
  end.toEnd();
}

function showNothing() {
  const filtered = search !== "" || $("source").value !== "";
  const row = element("p", "nothing", filtered ? "No line matches" : "No output yet");
  $("log").append(row);
}

/** Adds lines that have just arrived. */
export function appendLines(fresh) {
  const shown = fresh.filter(isShown);
  if (shown.length === 0) return;
  const log = $("log");
  if (log.firstElementChild && log.firstElementChild.className === "nothing") {
    log.replaceChildren();
  }
  append(shown.slice(-MAX_LINES));
  while (log.children.length > MAX_LINES) log.firstElementChild.remove();
  end.added();
}

function append(shown) {
  $("log").append(...shown.map(row));
}

function row({ id, line }) {
  const result = element("div", line.from);
  if (line.from === "stderr") result.title = "stderr";
  const time = element("time", "", clock(line.time));
  time.title = line.time;
  result.append(time);
  if (current() === ALL) {
    const backend = backends.get(id);
    const from = element("span", "from c" + (backend ? backend.color : 0), named(id));
    from.title = id;
    from.onclick = () => select(id);
    result.append(from);
  }
  const text = element("span", "text");
  if (line.colored) appendColored(text, line.colored, search);
  else appendText(text, line.text, search);
  result.append(text);
  return result;
}
`;
