/**
 * The page's script. Text from backends enters the document only as text nodes.
 *
 * Written without template strings and backslashes, because it is one itself.
 */
export const PAGE_SCRIPT: string = `"use strict";
(function () {
  const MAX_LINES = 1000;
  const MAX_ENDED = 50;
  /** The same number as the platform keeps. */
  const MAX_BACKENDS = 500;
  const ALL = "all";
  const $ = (id) => document.getElementById(id);

  /** Backends by id, each { info, lines, color }, oldest first. */
  const backends = new Map();
  /** The lines of all backends, in the order of arrival. */
  let merged = [];
  let colors = 0;
  let selected = decodeURIComponent(location.hash.slice(1)) || ALL;
  let following = true;
  /** Page and platform share this machine's clock. */
  const now = () => Date.now();

  // ---- Input

  const source = new EventSource("events");
  source.onopen = () => setLink("live", "live");
  source.onerror = () => setLink("lost", "platform not running, reconnecting");
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (event.runs !== undefined) {
      // The first event of a stream replaces everything.
      backends.clear();
      merged = [];
      $("command").textContent = event.runs;
      $("log").replaceChildren();
    }
    for (const info of event.backends) {
      const known = backends.get(info.id);
      if (known) known.info = info;
      else backends.set(info.id, { info, lines: [], color: colors++ % 6 });
    }
    for (const [id, { info }] of backends) {
      if (backends.size <= MAX_BACKENDS) break;
      if (isEnded(info)) backends.delete(id);
    }
    const fresh = [];
    for (const [id, lines] of event.lines) {
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
    if (event.runs !== undefined) select(backends.has(selected) ? selected : ALL);
    else {
      appendLines(fresh);
      render();
    }
  };

  function setLink(kind, text) {
    $("link").className = kind;
    $("link").lastElementChild.textContent = text;
  }

  function cut(list, length) {
    if (list.length > length) list.splice(0, list.length - length);
  }

  // ---- Rendering

  function element(tag, className, text) {
    const result = document.createElement(tag);
    if (className) result.className = className;
    if (text !== undefined) result.textContent = text;
    return result;
  }

  const last = (list) => list[list.length - 1];
  const statusOf = (info) => last(info.states).status;
  const isEnded = (info) => statusOf(info) === "terminated";
  const nameOf = (info) => info.key === undefined ? info.id : info.key;

  /** A backend that never listened has failed too, although the platform ended it. */
  const isFailure = (state) => state.exit_error ||
    state.termination_reason === "startuptimeout" ||
    state.termination_reason === "internalerror";

  function kindOf(state) {
    switch (state.status) {
      case "ready": return "ready";
      case "terminating":
      case "hard-terminating": return "ending";
      case "terminated": return isFailure(state) ? "failed" : "ended";
      default: return "starting";
    }
  }

  function duration(ms) {
    if (ms < 1000) return Math.max(0, Math.round(ms)) + " ms";
    const s = ms / 1000;
    if (s < 10) return s.toFixed(1) + " s";
    if (s < 60) return Math.floor(s) + " s";
    const m = Math.floor(s / 60);
    if (m < 60) return m + " min " + Math.floor(s % 60) + " s";
    return Math.floor(m / 60) + " h " + m % 60 + " min";
  }

  const clock = (time) => new Date(time).toLocaleTimeString([], { hour12: false });
  const since = (time) => now() - Date.parse(time);
  /** Whole seconds, so that the display does not flicker. */
  const age = (time) => duration(Math.max(0, Math.floor(since(time) / 1000)) * 1000 || 0)
    .replace(/^0 ms$/, "0 s").replace(/[.]0 s$/, " s");

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
      let item = present.get(info.id);
      present.delete(info.id);
      if (!item) {
        item = element("li");
        item.dataset.id = info.id;
        const button = element("button");
        button.append(
          element("i", "dot"),
          element("span", "name"),
          element("span", "count"),
          element("span", "what"),
        );
        button.onclick = () => select(info.id);
        item.append(button);
      }
      const [button] = item.children;
      const [, name, count, what] = button.children;
      const state = last(info.states);
      button.className = kindOf(state);
      button.title = info.id;
      mark(button, info.id === selected);
      setText(name, nameOf(info));
      name.className = info.key === undefined ? "name id" : "name";
      setText(count, info.connections > 0 && !isEnded(info) ? info.connections + " open" : "");
      count.title = "Connections that are open";
      setText(what, summary(info));
      if (list.children[index] !== item) list.insertBefore(item, list.children[index] || null);
    });
    for (const item of present.values()) item.remove();
  }

  function mark(button, current) {
    if (current) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }

  function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  function render() {
    const infos = [...backends.values()].map(({ info }) => info);
    const running = infos.filter((info) => !isEnded(info));
    const ended = infos.filter(isEnded).reverse().slice(0, MAX_ENDED);
    renderList($("running"), running);
    renderList($("ended"), ended);
    $("running-title").hidden = running.length === 0;
    $("ended-title").hidden = ended.length === 0;
    renderAll(infos.length > 0, running.length);
    $("empty").hidden = infos.length > 0;
    const backend = backends.get(selected);
    $("backend").hidden = !backend;
    $("output").hidden = infos.length === 0;
    if (backend) renderBackend(backend.info);
    const log = $("log");
    if (infos.length > 0 && log.children.length === 0) {
      const row = element("div");
      row.append(element("span", "nothing", "No output yet"));
      row.dataset.nothing = "";
      log.append(row);
    }
    document.title = (running.length > 0 ? "(" + running.length + ") " : "") +
      "Feedline dev platform";
  }

  function renderAll(shown, running) {
    const list = $("all");
    list.hidden = !shown;
    if (list.children.length === 0) {
      const item = element("li");
      const button = element("button");
      button.append(element("i", "dot"), element("span", "name", "All output"), element("span", "count"));
      button.onclick = () => select(ALL);
      item.append(button);
      list.append(item);
    }
    const button = list.firstElementChild.firstElementChild;
    button.className = running > 0 ? "ready" : "ended";
    mark(button, selected === ALL);
    setText(button.lastElementChild, running + " running");
  }

  function renderBackend(info) {
    const [heading] = $("title").children;
    setText(heading, nameOf(info));
    const facts = [];
    if (info.key !== undefined) facts.push(info.id);
    const scope = info.scope.join("/");
    if (scope !== "-/-") facts.push(scope);
    if (info.tag) facts.push("tag " + info.tag);
    if (!isEnded(info)) {
      if (info.pid) facts.push("process " + info.pid);
      if (info.address) facts.push(info.address);
      facts.push(info.connections === 1 ? "1 connection" : info.connections + " connections");
    }
    setText($("facts"), facts.join(" · "));
    const kind = kindOf(last(info.states));
    $("open").disabled = kind !== "ready" && kind !== "starting";
    $("end").disabled = kind !== "ready" && kind !== "starting";
    $("kill").disabled = isEnded(info) || statusOf(info) === "hard-terminating";

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

  // ---- Output

  function row({ id, line }) {
    const result = element("div", line.from);
    if (line.from === "stderr") result.title = "stderr";
    const time = element("time", "", clock(line.time));
    time.title = line.time;
    result.append(time);
    if (selected === ALL) {
      const backend = backends.get(id);
      const from = element("span", "from c" + (backend ? backend.color : 0), backend ? nameOf(backend.info) : id);
      from.title = id;
      from.onclick = () => select(id);
      result.append(from);
    }
    result.append(element("span", "text", line.text));
    return result;
  }

  function appendLines(entries) {
    const shown = selected === ALL ? entries : entries.filter(({ id }) => id === selected);
    if (shown.length === 0) return;
    const log = $("log");
    if (log.firstElementChild && "nothing" in log.firstElementChild.dataset) log.replaceChildren();
    log.append(...shown.slice(-MAX_LINES).map(row));
    while (log.children.length > MAX_LINES) log.firstElementChild.remove();
    if (following) log.scrollTop = log.scrollHeight;
    else $("follow").hidden = false;
  }

  function select(id) {
    selected = id;
    history.replaceState(null, "", id === ALL ? "#" : "#" + encodeURIComponent(id));
    const log = $("log");
    log.className = id === ALL ? "all" : "";
    log.replaceChildren();
    following = true;
    $("follow").hidden = true;
    $("problem").hidden = true;
    const lines = backends.has(id) ? backends.get(id).lines : [];
    appendLines(id === ALL ? merged : lines.map((line) => ({ id, line })));
    render();
    log.scrollTop = log.scrollHeight;
  }

  $("log").onscroll = () => {
    const log = $("log");
    following = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
    if (following) $("follow").hidden = true;
  };
  $("follow").onclick = () => {
    $("log").scrollTop = $("log").scrollHeight;
  };

  // ---- Actions

  async function post(path, body) {
    $("problem").hidden = true;
    try {
      const response = await fetch(path, { method: "POST", body: JSON.stringify(body) });
      const answer = await response.json();
      if (response.ok) return answer;
      throw new Error(answer.error.message);
    } catch (error) {
      $("problem").textContent = error.message;
      $("problem").hidden = false;
      return undefined;
    }
  }

  $("spawn").onsubmit = async (event) => {
    event.preventDefault();
    const key = $("key").value;
    // The names that the client libraries use for a dev platform.
    const answer = await post("v2/service/-/-/connect", key ? { key } : {});
    if (!answer) return;
    $("key").value = "";
    // The page may not know it yet; its lines then follow.
    select(answer.backend_id);
  };
  const path = (rest) => "v2/backend/" + encodeURIComponent(selected) + rest;
  $("end").onclick = () => post(path("/terminate"), {});
  $("kill").onclick = () => post(path("/terminate"), { hard: true });
  $("open").onclick = async () => {
    const answer = await post("visit/" + encodeURIComponent(selected), {});
    if (answer) open(answer.url, "_blank", "noopener");
  };

  if (location.port !== "8080" && location.port !== "") {
    $("options").textContent = "dev: true, port: " + location.port;
  }
  setInterval(render, 1000);
})();
`;
