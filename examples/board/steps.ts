/** The backend's life, step by step, and the dialog in front of the board. */
import type { BackendState } from "../../types.ts";
import { element } from "./dom.ts";

const STEPS = ["scheduled", "loading", "starting", "waiting", "ready"];

/** Shows the states of a backend, oldest first. */
export function showSteps(states: readonly BackendState[]): void {
  const first = states[0] && Date.parse(states[0].time);
  const seen = new Map<string, BackendState>(
    states.map((state) => [state.status, state]),
  );
  const ends = states.map(({ status }) => status)
    .filter((status) => !STEPS.includes(status));
  element("steps").replaceChildren(...[...STEPS, ...ends].map((status) => {
    const item = document.createElement("li");
    const dot = document.createElement("span");
    dot.className = "dot";
    const state = seen.get(status);
    item.className = STEPS.includes(status) ? state ? "done" : "" : "bad";
    item.append(dot, status);
    if (state && first !== undefined) {
      const time = document.createElement("small");
      const ms = Math.max(0, Date.parse(state.time) - first);
      time.textContent = ms < 10_000 ? `${ms} ms` : `${Math.round(ms / 1e3)} s`;
      item.append(time);
    }
    return item;
  }));
}

/** Shows the dialog; with `again`, its button, which gets the focus. */
export function showOver(title: string, text: string, again = false): void {
  element("title").textContent = title;
  element("text").textContent = text;
  element("again").hidden = !again;
  element("over").hidden = false;
  if (again) element("again").focus();
}

/** Hides the dialog; the focus does not get lost with its button. */
export function hideOver(): void {
  const { activeElement } = document;
  const over = element("over");
  const focused = over.contains(activeElement) ||
    activeElement === document.body;
  over.hidden = true;
  if (focused) element("add").focus();
}
