/** The page's helpers: elements, numbers for people, the clipboard. */
export const DOM_SCRIPT: string = String.raw`
export const $ = (id) => document.getElementById(id);

export function element(tag, className, text) {
  const result = document.createElement(tag);
  if (className) result.className = className;
  if (text !== undefined) result.textContent = text;
  return result;
}

/** An unchanged text stays, so that users can select it. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export const last = (list) => list[list.length - 1];

export function cut(list, length) {
  if (list.length > length) list.splice(0, list.length - length);
}

export function duration(ms) {
  if (ms < 1000) return Math.max(0, Math.round(ms)) + " ms";
  const s = ms / 1000;
  if (s < 10) return s.toFixed(1) + " s";
  if (s < 60) return Math.floor(s) + " s";
  const m = Math.floor(s / 60);
  if (m < 60) return m + " min " + Math.floor(s % 60) + " s";
  return Math.floor(m / 60) + " h " + m % 60 + " min";
}

/** Whole seconds, so that the display does not flicker. */
export function wholeSeconds(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  return s < 60 ? s + " s" : duration(s * 1000);
}

/** Page and platform share this machine's clock; it may have been set meanwhile. */
export const age = (time) => wholeSeconds(Date.now() - Date.parse(time));

export const clock = (time) =>
  new Date(time).toLocaleTimeString([], { hour12: false });

export function bytes(count) {
  if (count < 1000) return count + " B";
  if (count < 1e6) return (count / 1e3).toFixed(count < 1e4 ? 1 : 0) + " kB";
  if (count < 1e9) return (count / 1e6).toFixed(count < 1e7 ? 1 : 0) + " MB";
  return (count / 1e9).toFixed(1) + " GB";
}

/** Adds text as text nodes, with the places that match a search marked. */
export function appendText(parent, text, search) {
  if (!search) return parent.append(text);
  const lower = text.toLowerCase();
  let start = 0;
  // Where case changes the length of a text, places would not fit.
  if (lower.length === text.length) {
    for (let at; (at = lower.indexOf(search, start)) >= 0;) {
      parent.append(text.slice(start, at));
      start = at + search.length;
      parent.append(element("mark", "", text.slice(at, start)));
    }
  }
  parent.append(text.slice(start));
}

/** Copies a text; returns whether the browser allowed it. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not in a secure context, e.g. by the address of another machine.
    const field = element("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

let hiding;
/** Says for a moment what has happened. */
export function say(text) {
  $("said").textContent = text;
  $("said").hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => $("said").hidden = true, 3000);
}

/** Sends an order to the platform; resolves with its answer, or shows what went wrong. */
export async function post(path, body) {
  $("problem").hidden = true;
  try {
    const response = await fetch(path, {
      method: "POST",
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (response.ok) return answer;
    throw new Error(answer.error.message);
  } catch (error) {
    showProblem(error.message);
    return undefined;
  }
}

export function showProblem(text) {
  $("problem").textContent = text;
  $("problem").hidden = false;
}

/**
 * Keeps a scrolled list at its end while the user has not scrolled up. Returns functions
 * to call after new rows were added, and to go to the end.
 */
export function follow(list, button) {
  let following = true;
  const toEnd = () => {
    following = true;
    button.hidden = true;
    list.scrollTop = list.scrollHeight;
  };
  list.addEventListener("scroll", () => {
    following = list.scrollHeight - list.scrollTop - list.clientHeight < 30;
    if (following) button.hidden = true;
  });
  button.addEventListener("click", toEnd);
  return {
    toEnd,
    added() {
      if (following) toEnd();
      else button.hidden = false;
    },
  };
}
`;
