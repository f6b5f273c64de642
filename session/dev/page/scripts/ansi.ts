/** Colours of terminals as classes. Text enters the document only as text nodes. */
export const ANSI_SCRIPT: string = String.raw`
import { appendText, element } from "./dom.js";

const COLOR = /\x1b\[([\d;:]*)m/g;

/** Adds a line with sequences of colours to an element. */
export function appendColored(parent, line, search) {
  let style = {};
  let start = 0;
  const add = (text) => {
    if (text === "") return;
    const names = classesOf(style);
    if (names === "") return appendText(parent, text, search);
    const span = element("span", names);
    appendText(span, text, search);
    parent.append(span);
  };
  for (const match of line.matchAll(COLOR)) {
    add(line.slice(start, match.index));
    start = match.index + match[0].length;
    style = apply(style, match[1].split(/[;:]/).map(Number));
  }
  add(line.slice(start));
}

function classesOf({ front, back, bold, dim, italic, underline, strike }) {
  return [
    front === undefined ? "" : "ansi-" + front,
    back === undefined ? "" : "ansi-back-" + back,
    bold ? "bold" : "",
    dim ? "dim" : "",
    italic ? "italic" : "",
    underline ? "underline" : "",
    strike ? "strike" : "",
  ].filter(Boolean).join(" ");
}

/** ECMA-48, section 8.3.117 (SGR). Bright colours look like the plain ones. */
function apply(before, codes) {
  let style = { ...before };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    if (code === 0) style = {};
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 9) style.strike = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 29) style.strike = false;
    else if (code >= 30 && code <= 37) style.front = code - 30;
    else if (code >= 90 && code <= 97) style.front = code - 90;
    else if (code === 39) style.front = undefined;
    else if (code >= 40 && code <= 47) style.back = code - 40;
    else if (code >= 100 && code <= 107) style.back = code - 100;
    else if (code === 49) style.back = undefined;
    else if (code === 38 || code === 48) {
      const [length, color] = extended(codes, i + 1);
      if (code === 38) style.front = color;
      else style.back = color;
      i += length;
    }
  }
  return style;
}

/**
 * A colour of the palette of 256, or of red, green and blue, as the nearest of the eight
 * that can be read in both colour schemes; and how many codes it takes.
 */
function extended(codes, at) {
  const [kind, a, b, c] = codes.slice(at, at + 4);
  const byte = (value) => Number.isInteger(value) && value >= 0 && value <= 255;
  if (kind === 5 && byte(a)) {
    if (a < 16) return [2, a % 8];
    if (a >= 232) return [2, 7];
    const steps = [0, 95, 135, 175, 215, 255];
    const n = a - 16;
    return [2, nearest(steps[Math.floor(n / 36)], steps[Math.floor(n / 6) % 6], steps[n % 6])];
  }
  if (kind === 2 && byte(a) && byte(b) && byte(c)) return [4, nearest(a, b, c)];
  return [codes.length, undefined];
}

/** One bit each for red, green and blue, as the numbers of the eight colours have. */
function nearest(red, green, blue) {
  const most = Math.max(red, green, blue);
  const least = Math.min(red, green, blue);
  if (most - least < 40) return 7;
  const has = (value) => value - least > (most - least) / 2 ? 1 : 0;
  return has(red) + 2 * has(green) + 4 * has(blue);
}
`;
