/** The small plots of processor time and memory. */
export const USAGE_SCRIPT: string = String.raw`
import { $, bytes, last, setText } from "./dom.js";
import { isEnded } from "./model.js";

const WIDTH = 120;
const HEIGHT = 28;

export function renderUsage({ info, samples, measured }) {
  if (measured === undefined && samples.length === 0) return hide("measuring …", info);
  if (samples.length === 0) {
    return hide(measured ? "measuring …" : "not available here", info);
  }
  $("usage").hidden = false;
  $("usage-none").hidden = true;
  const latest = last(samples);
  plot("cpu", samples.map(({ cpu }) => cpu), 10, latest.cpu.toFixed(1) + " %", "CPU");
  plot("memory", samples.map(({ memory }) => memory), 1e6, bytes(latest.memory), "Memory");
}

function hide(text, info) {
  $("usage").hidden = true;
  $("usage-none").hidden = isEnded(info);
  setText($("usage-none"), "CPU and memory: " + text);
}

/** The scale begins at zero and ends at the highest value, but not below "least". */
function plot(id, values, least, text, name) {
  const most = Math.max(least, ...values);
  const points = values.map((value, index) => {
    const x = WIDTH - (values.length - 1 - index) * (WIDTH / 119);
    const y = HEIGHT - 1 - value / most * (HEIGHT - 3);
    return x.toFixed(1) + "," + y.toFixed(1);
  });
  const figure = $(id);
  const [line, area] = figure.querySelectorAll("polyline, polygon");
  line.setAttribute("points", points.join(" "));
  const [firstX] = points[0].split(",");
  area.setAttribute("points",
    firstX + "," + HEIGHT + " " + points.join(" ") + " " + WIDTH + "," + HEIGHT);
  setText(figure.querySelector("b"), text);
  figure.querySelector("svg").setAttribute("aria-label",
    name + " over the last " + Math.max(2, values.length * 2) + " seconds, now " + text);
}
`;
