/** What the page knows of the platform: the events of its stream, and what they mean. */
export const MODEL_SCRIPT: string = String.raw`
import { $, cut, last } from "./dom.js";

export const ALL = "all";
export const MAX_LINES = 1000;
const MAX_REQUESTS = 500;
const MAX_SAMPLES = 120;
/** The same number as the platform keeps. */
const MAX_BACKENDS = 500;

/** Backends by id, each { info, at, lines, color, samples }, oldest first. */
export const backends = new Map();
/** The lines of all backends, in the order of arrival. */
export const merged = [];
/** Requests by number, oldest first. */
export const requests = new Map();

let colors = 0;
let selected = decodeURIComponent(location.hash.slice(1)) || ALL;
export const current = () => selected;
export const selectedBackend = () => backends.get(selected);

/** Called with { select, lines, requests, usage }, whichever has changed. */
const listeners = [];
export const onChange = (listener) => void listeners.push(listener);
const notify = (change) => listeners.forEach((listener) => listener(change));

export function select(id) {
  selected = id;
  history.replaceState(null, "", id === ALL ? "#" : "#" + encodeURIComponent(id));
  notify({ select: true });
}

// ---- States

export const statusOf = (info) => last(info.states).status;
export const isEnded = (info) => statusOf(info) === "terminated";
export const nameOf = (info) => info.key === undefined ? info.id : info.key;
export const endOf = (info) => last(info.states).time;

/** A backend that never listened has failed too, although the platform ended it. */
export const isFailure = (state) => Boolean(state.exit_error) ||
  state.termination_reason === "startuptimeout" ||
  state.termination_reason === "internalerror";

export function kindOf(state) {
  switch (state.status) {
    case "ready": return "ready";
    case "terminating":
    case "hard-terminating": return "ending";
    case "terminated": return isFailure(state) ? "failed" : "ended";
    default: return "starting";
  }
}

// ---- Events

export function connect() {
  const source = new EventSource("events");
  source.onopen = () => setLink("live", "live");
  source.onerror = () => setLink("lost", "platform not running, reconnecting");
  source.onmessage = (message) => take(JSON.parse(message.data));
}

function setLink(kind, text) {
  $("link").className = kind;
  $("link").lastElementChild.textContent = text;
}

function take(event) {
  // The first event of a stream replaces everything.
  const first = event.runs !== undefined;
  if (first) {
    backends.clear();
    requests.clear();
    merged.length = 0;
    $("command").textContent = event.runs;
    document.body.dataset.traffic = event.traffic ? "shown" : "none";
  }
  for (const info of event.backends) {
    const known = backends.get(info.id);
    const at = performance.now();
    if (known) Object.assign(known, { info, at });
    else {
      const color = colors++ % 6;
      backends.set(info.id, { info, at, lines: [], color, samples: [] });
    }
  }
  for (const [id, { info }] of backends) {
    if (backends.size <= MAX_BACKENDS) break;
    if (isEnded(info)) backends.delete(id);
  }
  const lines = takeLines(event.lines);
  for (const request of event.requests) requests.set(request.n, request);
  for (const n of requests.keys()) {
    if (requests.size <= MAX_REQUESTS) break;
    requests.delete(n);
  }
  if (event.usage !== undefined) takeUsage(event.usage);
  if (first) select(backends.has(selected) ? selected : ALL);
  else notify({ lines, requests: event.requests, usage: event.usage });
}

function takeLines(all) {
  const fresh = [];
  for (const [id, lines] of all) {
    const backend = backends.get(id);
    if (!backend) continue;
    for (const line of lines) {
      backend.lines.push(line);
      fresh.push({ id, line });
    }
    cut(backend.lines, MAX_LINES);
  }
  fresh.sort((a, b) => a.line.time < b.line.time ? -1 : a.line.time > b.line.time ? 1 : 0);
  for (const entry of fresh) merged.push(entry);
  cut(merged, MAX_LINES);
  return fresh;
}

function takeUsage(usage) {
  const byProcess = new Map(usage);
  for (const backend of backends.values()) {
    backend.measured = usage !== null && backend.info.pid !== undefined;
    const sample = byProcess.get(backend.info.pid);
    if (sample && !isEnded(backend.info)) backend.samples.push(sample);
    cut(backend.samples, MAX_SAMPLES);
  }
}
`;
