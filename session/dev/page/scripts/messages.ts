/** The tab of WebSocket messages and server-sent events. */
export const MESSAGES_SCRIPT: string = String.raw`
import { $, appendText, bytes, clock, cut, element, follow } from "./dom.js";
import { current, requests, selectedBackend } from "./model.js";

const MAX_FRAMES = 500;
let search = "";
let end;
/** The backend that is looked at, its messages, and the stream that brings them. */
let looked;
let frames = [];
let source;

export const messages = {
  placeholder: "Filter the messages",
  show() {
    look();
    render();
  },
  find(text) {
    search = text;
    render();
  },
  clear() {
    frames = [];
    render();
  },
  text: () => frames.filter(isShown).map((frame) => [
    new Date(frame.time).toISOString(),
    frame.from === "client" ? "client → backend" : "backend → client",
    frame.title,
    frame.text,
  ].join("  ")).join("\n"),
};

export function wireMessages() {
  end = follow($("messages"), $("follow-messages"));
}

/** Ends the look when another backend is selected: the platform then keeps nothing. */
export function stopLooking() {
  if (looked === current()) return;
  if (source) source.close();
  source = looked = undefined;
  frames = [];
}

function look() {
  stopLooking();
  if (source || !selectedBackend()) return;
  looked = current();
  source = new EventSource("inspect/" + encodeURIComponent(looked));
  source.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    if (event.first) frames = [];
    // The numbers begin anew with each look of a page that was cut off.
    frames.push(...event.frames);
    cut(frames, MAX_FRAMES);
    if (!$("messages-panel").hidden) render(event.first ? undefined : event.frames);
  };
}

const isShown = (frame) => search === "" ||
  [frame.title, frame.about, frame.text, frame.protocol, ...(frame.deltas || [])]
    .join(" ").toLowerCase().includes(search);

/** Shows all messages, or adds those that are new. */
function render(fresh) {
  const list = $("message-list");
  if (fresh) {
    list.append(...fresh.filter(isShown).map(row));
    while (list.children.length > MAX_FRAMES) list.firstElementChild.remove();
  } else list.replaceChildren(...frames.filter(isShown).map(row));
  const none = list.children.length === 0;
  list.hidden = none;
  $("no-messages").hidden = !none;
  $("no-messages").textContent = !looked
    ? "Choose one backend to see its messages: those of WebSockets and server-sent events"
    : search && frames.length > 0
    ? "No message matches"
    : "Waiting for messages. Those that crossed before this tab was opened are not kept.";
  end.added();
}

function row(frame) {
  const item = element("li", frame.from);
  const details = element("details");
  const summary = element("summary");
  const time = element("time", "", clock(frame.time));
  time.title = new Date(frame.time).toISOString();
  const way = element("span", "way", frame.from === "client" ? "↑" : "↓");
  way.title = frame.from === "client" ? "from the client" : "from the backend";
  way.setAttribute("role", "img");
  way.setAttribute("aria-label", way.title);
  const badge = element("span", "badge " + frame.protocol,
    frame.kind === "event" ? "event" : frame.protocol);
  const what = element("span", "what");
  if (frame.title) appendText(what.appendChild(element("b")), frame.title, search);
  if (frame.about) appendText(what.appendChild(element("span", "about")), frame.about, search);
  if (frame.deltas) {
    const text = frame.deltas.length === 0 ? "no change" : frame.deltas.join(", ");
    appendText(what.appendChild(element("span", "deltas")), text, search);
  } else {
    appendText(what.appendChild(element("span", "preview")), frame.text.slice(0, 300), search);
  }
  summary.append(time, way, badge, what, element("span", "size", bytes(frame.size)));
  details.append(summary);
  // Made when it is opened: there may be hundreds.
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(body(frame));
  });
  item.append(details);
  return item;
}

function body(frame) {
  const result = element("div", "body");
  const request = requests.get(frame.request);
  if (request) {
    result.append(element("p", "", request.method + " " + request.path +
      (request.user === undefined ? "" : ", " + request.user)));
  }
  if (frame.deltas && frame.deltas.length > 0) {
    const list = element("ol");
    list.append(...frame.deltas.map((delta) => element("li", "", delta)));
    result.append(list);
  }
  const text = element("pre", "", pretty(frame.text) || "(empty)");
  text.tabIndex = 0;
  result.append(text);
  return result;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
`;
