/** The page's style. Colours come in pairs: light, dark. */
export const PAGE_STYLE: string = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f6f7f6, #131615);
  --sheet: light-dark(#fff, #1a1e1c);
  --raised: light-dark(#edf0ee, #252b28);
  --line: light-dark(#dfe4e1, #2c3330);
  --edge: light-dark(#8b9691, #66716c);
  --text: light-dark(#1b2320, #e3e9e6);
  --quiet: light-dark(#55615c, #9aa7a1);
  --green: light-dark(#0f7450, #3ecf97);
  --amber: light-dark(#8d5500, #f0b04a);
  --red: light-dark(#b42534, #ff8a8f);
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
  min-width: 0;
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
#all { margin-top: 12px; }

button, input, select, textarea { font: inherit; color: inherit; }
button, summary { cursor: pointer; }
input, select, textarea, #spawn button, #tools > button, #actions button, .follow, #anyway {
  padding: 4px 10px;
  border: 1px solid var(--edge);
  border-radius: 7px;
  background: var(--sheet);
}
#spawn button:hover, #tools > button:hover, #actions button:hover:enabled, .follow:hover,
#anyway:hover { background: var(--raised); }
button:disabled { opacity: .4; cursor: default; }
.row, .pair { display: flex; gap: 6px; }
.pair > div { flex: 1; min-width: 0; }
#spawn input, #spawn textarea { width: 100%; min-width: 0; }
#spawn textarea { display: block; resize: vertical; font-family: var(--mono); font-size: 12.5px; }
#more { margin-top: 6px; }
#more summary { padding: 3px 8px; color: var(--quiet); font-size: 13px; }
#more label { display: block; margin: 8px 2px 2px; font-size: 12.5px; color: var(--quiet); }
.hint { margin: 4px 2px 0; font-size: 12px; color: var(--quiet); }
#kill:enabled { color: var(--red); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 1px; }
::placeholder { color: var(--quiet); opacity: 1; }
#problem { margin: 8px 8px 0; font-size: 13px; color: var(--red); overflow-wrap: anywhere; }

main { display: flex; flex-direction: column; min-width: 0; min-height: 0; background: var(--sheet); }
#empty { max-width: min(620px, 100%); margin: auto; padding: 24px; }
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
#backend {
  max-height: 60%;
  overflow: auto;
  flex: none;
  padding: 14px 20px;
  border-bottom: 1px solid var(--line);
}
#title { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 14px; }
#title h2 { flex: 1 1 12ch; min-width: 0; font-size: 18px; line-height: 1.3; overflow-wrap: anywhere; }
#actions { display: flex; flex-wrap: wrap; gap: 6px; }
#about { display: flex; flex-wrap: wrap; gap: 8px 24px; margin-top: 6px; }
#about > :first-child { flex: 1 1 300px; min-width: 0; color: var(--quiet); font-size: 13px; }
#facts { overflow-wrap: anywhere; }
#limits { color: var(--amber); font-variant-numeric: tabular-nums; }
#usage { display: flex; gap: 18px; }
#usage figure { width: 120px; }
#usage figcaption { font-size: 12px; color: var(--quiet); white-space: nowrap; }
#usage b { color: var(--text); font-weight: 550; font-variant-numeric: tabular-nums; }
#usage svg { display: block; width: 100%; height: 28px; border-bottom: 1px solid var(--edge); }
#usage polyline {
  fill: none;
  stroke: var(--green);
  stroke-width: 1.5;
  vector-effect: non-scaling-stroke;
}
#usage polygon { fill: var(--green); opacity: .15; }
#no-page { margin-top: 10px; color: var(--amber); font-size: 13px; }
#states { display: flex; flex-wrap: wrap; gap: 6px 0; margin-top: 12px; }
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
#states .failed .reason { color: var(--red); }
#failure {
  margin-top: 12px;
  padding: 8px 12px;
  border: 1px solid var(--line);
  border-left: 3px solid var(--red);
  border-radius: 7px;
}
#why { color: var(--red); font-weight: 600; }
#remark { color: var(--quiet); font-size: 13px; overflow-wrap: anywhere; }
#tail { margin-top: 6px; max-height: 150px; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; }

#view { flex: 1; min-height: 0; display: flex; flex-direction: column; }
#tools {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 6px;
  padding: 6px 20px;
  border-bottom: 1px solid var(--line);
  font-size: 13px;
}
[role=tablist] { display: flex; gap: 2px; margin-right: auto; }
[role=tab] {
  padding: 5px 10px;
  border: 0;
  border-bottom: 2px solid transparent;
  background: none;
  color: var(--quiet);
}
[role=tab]:hover { color: var(--text); }
[role=tab][aria-selected=true] { color: var(--text); font-weight: 550; border-color: var(--green); }
[data-traffic=none] :is(#requests-tab, #messages-tab) { display: none; }
#search { flex: 0 1 240px; min-width: 120px; }
.panel { position: relative; flex: 1; min-height: 0; display: flex; }
#log, .scroll { flex: 1; min-width: 0; overflow: auto; font: 12.5px/1.55 var(--mono); }
#log { padding: 10px 0 14px; }
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
.c0 { color: light-dark(#0f7450, #3ecf97); }
.c1 { color: light-dark(#1d66c2, #79b4ff); }
.c2 { color: light-dark(#8a3fb8, #cf9bf2); }
.c3 { color: light-dark(#8d5500, #f0b04a); }
.c4 { color: light-dark(#b02a6b, #f58fbf); }
.c5 { color: light-dark(#0b6d7a, #58cbd9); }
#log .text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
/* Not an alarm, because programs also write ordinary output there. */
#log .stderr { border-left-color: var(--edge); }
#log .platform .text { color: var(--amber); font-style: italic; }
.nothing { padding: 12px 20px; color: var(--quiet); font: 13px/1.5 system-ui, sans-serif; }
mark { background: light-dark(#ffe58a, #6b5300); color: inherit; border-radius: 2px; }
.ansi-0 { color: light-dark(#1b2320, #9aa7a1); }
.ansi-1 { color: var(--red); }
.ansi-2 { color: var(--green); }
.ansi-3 { color: var(--amber); }
.ansi-4 { color: light-dark(#1d66c2, #79b4ff); }
.ansi-5 { color: light-dark(#8a3fb8, #cf9bf2); }
.ansi-6 { color: light-dark(#0b6d7a, #58cbd9); }
.ansi-7 { color: light-dark(#55615c, #e3e9e6); }
[class*=ansi-back-] { padding: 0 2px; border-radius: 3px; background: var(--raised); }
.ansi-back-1 { background: light-dark(#fbdcdf, #4d2023); }
.ansi-back-2 { background: light-dark(#d5f0e4, #17402f); }
.ansi-back-3 { background: light-dark(#fbe8c8, #48330f); }
.ansi-back-4 { background: light-dark(#d9e8fb, #1b3557); }
[class*=ansi-back-] { color: var(--text); }
.bold { font-weight: 700; }
.dim { color: var(--quiet); }
.italic { font-style: italic; }
.underline { text-decoration: underline; }
.strike { text-decoration: line-through; }

table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th {
  position: sticky;
  top: 0;
  padding: 6px 8px;
  background: var(--sheet);
  text-align: left;
  font: 600 12px/1.4 system-ui, sans-serif;
  color: var(--quiet);
  box-shadow: inset 0 -1px var(--line);
}
td { padding: 2px 8px; white-space: nowrap; max-width: 180px; overflow: hidden; text-overflow: ellipsis; }
td.path { width: 100%; max-width: 0; min-width: 160px; }
td.time, td.took, td.stream { color: var(--quiet); }
tr > :first-child { padding-left: 20px; }
tr > :last-child { padding-right: 20px; }
tbody tr:hover { background: var(--raised); }
td.s1, td.s2, td.s3 { color: var(--green); }
td.s4 { color: var(--amber); }
td.s5 { color: var(--red); }

#message-list summary {
  display: grid;
  grid-template-columns: auto auto auto minmax(0, 1fr) auto;
  gap: 10px;
  align-items: baseline;
  padding: 2px 20px;
  list-style: none;
}
#message-list summary::-webkit-details-marker { display: none; }
#message-list summary:hover, #message-list [open] > summary { background: var(--raised); }
#message-list summary:focus-visible { outline-offset: -2px; }
#message-list time, #message-list .size { color: var(--quiet); }
#message-list .way { font-weight: 700; color: light-dark(#1d66c2, #79b4ff); }
#message-list .backend .way { color: var(--green); }
.badge { padding: 0 6px; border-radius: 4px; background: var(--raised); font-size: 11.5px; }
.badge.feedme { background: light-dark(#d5f0e4, #17402f); }
.badge.socketcluster { background: light-dark(#d9e8fb, #1b3557); }
#message-list .what { display: flex; gap: 10px; min-width: 0; white-space: nowrap; }
#message-list b { flex: none; font-weight: 600; max-width: 60%; overflow: hidden; text-overflow: ellipsis; }
#message-list .about { flex: none; max-width: 40%; overflow: hidden; text-overflow: ellipsis; color: light-dark(#8a3fb8, #cf9bf2); }
#message-list :is(.preview, .deltas) { min-width: 0; overflow: hidden; text-overflow: ellipsis; color: var(--quiet); }
#message-list .body { padding: 8px 20px 12px 40px; background: var(--ground); }
#message-list .body p { color: var(--quiet); overflow-wrap: anywhere; }
#message-list .body ol { margin: 4px 0; color: var(--green); }
#message-list .body pre { max-height: 320px; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; }

.follow { position: absolute; right: 24px; bottom: 16px; box-shadow: 0 2px 10px #0003; }
#said {
  position: fixed;
  bottom: 18px;
  left: 50%;
  translate: -50%;
  padding: 6px 14px;
  border-radius: 8px;
  background: var(--text);
  color: var(--sheet);
  box-shadow: 0 2px 12px #0004;
}

@media (max-width: 720px) {
  html, body { height: auto; min-height: 100%; }
  body { grid: auto auto minmax(0, 1fr) / minmax(0, 1fr); }
  header { padding: 10px 14px; }
  nav { border-right: 0; border-bottom: 1px solid var(--line); }
  #running, #ended { max-height: 32vh; overflow: auto; }
  #command { display: none; }
  #link { margin-left: auto; }
  #backend { max-height: none; padding: 12px 14px; }
  #title h2 { flex-basis: 100%; }
  #view { min-height: 70vh; }
  .panel { min-height: 300px; max-height: 75vh; }
  #tools { padding: 6px 8px; }
  #tools [role=tablist] { flex-basis: 100%; }
  #search { flex: 1; }
  #log > div, #log.all > div { grid-template-columns: auto minmax(0, 1fr); gap: 0 8px; padding: 0 10px 0 7px; }
  #log.all .text { grid-column: 1 / -1; }
  td.took, th.took, td.stream, th.stream, td.user, th.user { display: none; }
  tr > :first-child { padding-left: 10px; }
  #message-list summary { grid-template-columns: auto auto minmax(0, 1fr) auto; gap: 8px; padding: 3px 10px; }
  #message-list .badge { display: none; }
  #message-list .what { flex-wrap: wrap; gap: 0 8px; }
  #message-list :is(.preview, .deltas) { flex-basis: 100%; }
  #message-list .body { padding-left: 14px; padding-right: 10px; }
}
`;
