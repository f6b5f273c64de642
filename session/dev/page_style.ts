/** The page's style. Colors come in pairs: light, dark. */
export const PAGE_STYLE: string = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f6f7f6, #131615);
  --sheet: light-dark(#fff, #1a1e1c);
  --raised: light-dark(#edf0ee, #252b28);
  --line: light-dark(#dfe4e1, #2c3330);
  --text: light-dark(#1b2320, #e3e9e6);
  --quiet: light-dark(#5d6964, #93a09a);
  --green: light-dark(#12805a, #3ecf97);
  --amber: light-dark(#a86500, #f0b04a);
  --red: light-dark(#c02c3b, #ff7b81);
  --focus: light-dark(#12805a, #3ecf97);
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace;
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
* { box-sizing: border-box; margin: 0; }
[hidden] { display: none !important; }
html, body { height: 100%; }
body {
  display: grid;
  grid: auto minmax(0, 1fr) / 280px minmax(0, 1fr);
  background: var(--ground);
  color: var(--text);
}
header {
  grid-column: 1 / -1;
  display: flex;
  align-items: center;
  gap: 16px;
  padding: 10px 20px;
  border-bottom: 1px solid var(--line);
  background: var(--sheet);
}
h1 { font-size: 15px; font-weight: 650; white-space: nowrap; }
h1 span { font-weight: 400; color: var(--quiet); }
code, pre { font-family: var(--mono); font-size: 12.5px; }
#command {
  flex: 1;
  min-width: 0;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
  color: var(--quiet);
}
#link { display: flex; align-items: center; gap: 7px; color: var(--quiet); font-size: 13px; }

.dot { flex: none; width: 8px; height: 8px; border-radius: 50%; background: var(--quiet); }
.ready > .dot, .live > .dot { background: var(--green); }
.starting > .dot { background: var(--amber); animation: pulse 1s infinite alternate; }
.ending > .dot { background: var(--amber); }
.failed > .dot, .lost > .dot { background: var(--red); }
.ended > .dot { background: none; border: 1.5px solid var(--quiet); }
@keyframes pulse { to { opacity: .35; } }
@media (prefers-reduced-motion: reduce) { .dot { animation: none !important; } }

nav { overflow: auto; padding: 14px 12px; border-right: 1px solid var(--line); }
nav h2 {
  margin: 16px 8px 4px;
  font-size: 11.5px;
  font-weight: 600;
  letter-spacing: .04em;
  text-transform: uppercase;
  color: var(--quiet);
}
ul, ol { list-style: none; padding: 0; }
nav ul button {
  display: grid;
  grid-template-columns: auto minmax(0, 1fr) auto;
  align-items: center;
  gap: 0 9px;
  width: 100%;
  padding: 6px 8px;
  border: 0;
  border-radius: 7px;
  background: none;
  text-align: left;
}
nav ul button:hover { background: var(--raised); }
nav ul button[aria-current] { background: light-dark(#e3e8e5, #2b322f); }
nav .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 550; }
nav .name.id { font-family: var(--mono); font-size: 12.5px; font-weight: 400; }
nav .what { grid-column: 2 / -1; font-size: 12px; color: var(--quiet); }
nav .count { font-size: 12px; color: var(--quiet); font-variant-numeric: tabular-nums; }
#ended button { opacity: .75; }
#all { margin-top: 12px; }

button, input { font: inherit; color: inherit; }
button { cursor: pointer; }
#spawn { display: flex; gap: 6px; }
#spawn input {
  flex: 1;
  min-width: 0;
  padding: 4px 9px;
  border: 1px solid var(--line);
  border-radius: 7px;
  background: var(--sheet);
}
#spawn button, #actions button, #follow {
  padding: 4px 12px;
  border: 1px solid var(--line);
  border-radius: 7px;
  background: var(--sheet);
}
#spawn button:hover, #actions button:hover:enabled, #follow:hover { background: var(--raised); }
#actions button:disabled { opacity: .4; cursor: default; }
#kill:enabled { color: var(--red); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 1px; }
::placeholder { color: var(--quiet); opacity: 1; }
#problem { margin: 8px 8px 0; font-size: 13px; color: var(--red); overflow-wrap: anywhere; }

main { display: flex; flex-direction: column; min-height: 0; background: var(--sheet); }
#empty { max-width: 620px; margin: auto; padding: 24px; }
#empty h2 { font-size: 18px; margin-bottom: 6px; }
#empty p { color: var(--quiet); }
#empty pre {
  margin-top: 14px;
  padding: 14px 16px;
  overflow: auto;
  border: 1px solid var(--line);
  border-radius: 10px;
  background: var(--ground);
}
#backend { padding: 16px 20px 14px; border-bottom: 1px solid var(--line); }
#title { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 14px; }
#title h2 { font-size: 18px; line-height: 1.3; overflow-wrap: anywhere; }
#facts { flex: 1; color: var(--quiet); font-size: 13px; overflow-wrap: anywhere; }
#actions { display: flex; gap: 6px; }
#states { display: flex; flex-wrap: wrap; gap: 6px 0; margin-top: 14px; }
#states li { display: flex; align-items: center; font-size: 13px; }
#states .step {
  display: flex;
  align-items: center;
  gap: 7px;
  padding: 2px 10px 2px 9px;
  border: 1px solid var(--line);
  border-radius: 99px;
  color: var(--quiet);
}
#states li:last-child .step { color: var(--text); font-weight: 550; background: var(--raised); }
#states .gap {
  padding: 0 8px;
  color: var(--quiet);
  font-size: 12px;
  font-variant-numeric: tabular-nums;
  white-space: nowrap;
}
#states .reason { font-weight: 400; color: var(--quiet); }

#output { position: relative; flex: 1; min-height: 0; display: flex; }
#log { flex: 1; overflow: auto; padding: 10px 0 14px; font: 12.5px/1.55 var(--mono); }
#log > div {
  display: grid;
  grid-template-columns: auto minmax(0, 1fr);
  gap: 12px;
  padding: 0 20px 0 17px;
  border-left: 3px solid transparent;
}
#log.all > div { grid-template-columns: auto minmax(60px, 160px) minmax(0, 1fr); }
#log > div:hover { background: var(--raised); }
#log time { color: var(--quiet); user-select: none; }
#log .from { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; cursor: pointer; }
.c0 { color: light-dark(#12805a, #3ecf97); }
.c1 { color: light-dark(#1d66c2, #79b4ff); }
.c2 { color: light-dark(#8a3fb8, #cf9bf2); }
.c3 { color: light-dark(#a86500, #f0b04a); }
.c4 { color: light-dark(#b02a6b, #f58fbf); }
.c5 { color: light-dark(#0c7d8c, #58cbd9); }
#log .text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
/* Not an alarm, because programs also write ordinary output there. */
#log .stderr { border-left-color: var(--line); }
#log .platform .text { color: var(--amber); font-style: italic; }
#log .nothing { color: var(--quiet); font-family: inherit; }
#follow {
  position: absolute;
  right: 24px;
  bottom: 16px;
  box-shadow: 0 2px 10px #0003;
}

@media (max-width: 720px) {
  body { grid: auto auto minmax(0, 1fr) / minmax(0, 1fr); }
  nav { max-height: 38vh; border-right: 0; border-bottom: 1px solid var(--line); }
  #command { display: none; }
  #facts { flex-basis: 100%; order: 3; }
  #title h2 { flex: 1; }
  #link { margin-left: auto; }
}
`;
