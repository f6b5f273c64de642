/** The tab of requests to backends. */
export const REQUESTS_SCRIPT: string = String.raw`
import { $, appendText, clock, duration, element, follow } from "./dom.js";
import { ALL, backends, current, nameOf, requests } from "./model.js";

let search = "";
let end;
/** Requests up to this number were cleared. */
let cleared = -1;

export const requestsTab = {
  placeholder: "Filter the requests",
  show: () => renderRequests(),
  find(text) {
    search = text;
    renderRequests();
  },
  clear() {
    cleared = Math.max(cleared, ...requests.keys());
    renderRequests();
  },
  text: () => shown().map((request) => cells(request).join("  ")).join("\n"),
};

export function wireRequests() {
  end = follow($("requests"), $("follow-requests"));
}

const isShown = (request) => request.n > cleared &&
  (current() === ALL || request.backend === current()) &&
  (search === "" || cells(request).join(" ").toLowerCase().includes(search));

const shown = () => [...requests.values()].filter(isShown);

function cells(request) {
  return [
    clock(request.time),
    ...(current() === ALL ? [named(request.backend)] : []),
    request.method,
    request.path || "(token refused)",
    String(request.status),
    duration(request.ms),
    opened(request),
    request.user === undefined ? "" : request.user,
  ];
}

function named(id) {
  const backend = backends.get(id);
  return backend ? nameOf(backend.info) : id || "–";
}

function opened({ kind, open, status }) {
  if (kind === "http" || status >= 400) return "";
  const name = kind === "websocket" ? "WebSocket" : "events";
  return name + (open === undefined ? ", open" : ", " + duration(open));
}

const HEADS = ["Time", "Method", "Path", "Status", "Took", "Stream", "User"];

export function renderRequests() {
  const all = current() === ALL;
  const heads = all ? [HEADS[0], "Backend", ...HEADS.slice(1)] : HEADS;
  const head = element("tr");
  head.append(...heads.map((text) => {
    const cell = element("th", text.toLowerCase(), text);
    cell.scope = "col";
    return cell;
  }));
  const rows = shown().map((request) => {
    const row = element("tr");
    cells(request).forEach((text, index) => {
      const cell = element("td", heads[index].toLowerCase());
      if (heads[index] === "Status") cell.classList.add("s" + String(text)[0]);
      if (text.length > 20) cell.title = text;
      appendText(cell, text, search);
      row.append(cell);
    });
    return row;
  });
  $("request-head").replaceChildren(head);
  $("request-rows").replaceChildren(...rows);
  $("no-requests").textContent = search
    ? "No request matches"
    : "No request to " + (all ? "a backend" : "this backend") + " yet";
  $("no-requests").hidden = rows.length > 0;
  $("request-table").hidden = rows.length === 0;
  end.added();
}
`;
