/** Cookies in every way to write them: which cross, and in what form. */
import { assertEquals } from "@std/assert";
import { requestHeaders, responseHeaders } from "../../session/pass/headers.ts";

const BASE = "/rooms/lobby/backend/";
const EXPIRES = "Expires=Wed, 21 Oct 2099 07:28:00 GMT";

/** What a backend writes, and what the client gets; `undefined` for nothing. */
const SET_COOKIE: [written: string, crosses: string | undefined][] = [
  // Paths and domains.
  ["a=1", `a=1; Path=${BASE}`],
  ["a=1; Path=/", `a=1; Path=${BASE}`],
  ["a=1; Path=deep", `a=1; Path=${BASE}`],
  ["a=1; Path=/rooms/lobby/backend/../../..", `a=1; Path=${BASE}`],
  ["a=1; Path=%2F", `a=1; Path=${BASE}`],
  ['a=1; Path="/"', `a=1; Path=${BASE}`],
  ["a=1; Path=", `a=1; Path=${BASE}`],
  ["a=1; Path", `a=1; Path=${BASE}`],
  ["a=1; PATH=/; DOMAIN=b.example", `a=1; Path=${BASE}`],
  ["a=1;path=/;domain=.b.example", `a=1; Path=${BASE}`],
  ["a=1;\tPath\t=\t/ ; Domain = b.example", `a=1; Path=${BASE}`],
  ["a=1; Path=/x; Path=/; path=/y", `a=1; Path=${BASE}`],
  ["a=1; Domain; Domain=; Domain=b.example", `a=1; Path=${BASE}`],
  ["a=1; Path=/; Domain=b.example; Path=/", `a=1; Path=${BASE}`],
  // Attributes that only begin like one of these.
  ["a=1; Pathology=1; Domains=2", `a=1; Pathology=1; Domains=2; Path=${BASE}`],
  // Other attributes stay as they are.
  [
    `a=1; ${EXPIRES}; Max-Age=5; HttpOnly; SECURE; samesite=Lax; Priority=High`,
    `a=1; ${EXPIRES}; Max-Age=5; HttpOnly; SECURE; samesite=Lax; Priority=High; Path=${BASE}`,
  ],
  [
    "a=1; Secure; SameSite=None; Partitioned",
    `a=1; Secure; SameSite=None; Partitioned; Path=${BASE}`,
  ],
  ["a=1; Max-Age=0; Path=/", `a=1; Max-Age=0; Path=${BASE}`],
  ["a=1;; ;HttpOnly;", `a=1; HttpOnly; Path=${BASE}`],
  // Values.
  ["a=", `a=; Path=${BASE}`],
  ["a = 1", `a = 1; Path=${BASE}`],
  ['a="x y"', `a="x y"; Path=${BASE}`],
  // A quote does not hide a semicolon from a browser.
  ['a="x; Path=/; Domain=b.example"; Secure', `a="x; Secure; Path=${BASE}`],
  ["a=x=y==", `a=x=y==; Path=${BASE}`],
  ['a={"b":1,"c":2}', `a={"b":1,"c":2}; Path=${BASE}`],
  // Prefixes.
  ["__Secure-a=1; Secure; Path=/", `__Secure-a=1; Secure; Path=${BASE}`],
  ["__Host-a=1; Secure; Path=/", undefined],
  ["__host-a=1; Secure; Path=/", undefined],
  ["__Host-Http-a=1; Secure; HttpOnly; Path=/", undefined],
  ["=__Host-a=1; Secure; Path=/", undefined],
  // Names.
  ["=1", `=1; Path=${BASE}`],
  ["a", `a; Path=${BASE}`],
  ["__proto__=1", `__proto__=1; Path=${BASE}`],
  ["", undefined],
  ["; a=1", undefined],
];

Deno.test("Set-Cookie - confined to the backend's path, however it is written", () => {
  for (const [written, crosses] of SET_COOKIE) {
    const headers = new Headers();
    headers.append("set-cookie", written);
    const options = { cookies: true, cookiePath: BASE };
    assertEquals(
      responseHeaders(headers, options).getSetCookie(),
      crosses === undefined ? [] : [crosses],
      written,
    );
    assertEquals(responseHeaders(headers).getSetCookie(), [], written);
  }
});

Deno.test("Set-Cookie - several stay several, in their order", () => {
  const headers = new Headers();
  const written = [`a=1; ${EXPIRES}`, "b=2", "a=3", "a=1", "c=4, d=5"];
  for (const cookie of written) headers.append("set-cookie", cookie);
  assertEquals(
    responseHeaders(headers, { cookies: true, cookiePath: BASE })
      .getSetCookie(),
    written.map((cookie) => `${cookie}; Path=${BASE}`),
  );
});

Deno.test("Set-Cookie - a list of names lets exactly those cross", () => {
  const cookies = ["theme", "a.c", "[x]", "s*d", "__proto__"];
  for (
    const [written, crosses] of [
      ["theme=1", true],
      ["theme =1", true],
      ["theme=", true],
      ["Theme=1", false],
      ["theme", false], // the value of a cookie without a name
      ["=theme", false],
      ["=theme=1", false],
      ["themes=1", false],
      ["x; theme=1", false],
      ["a.c=1", true],
      ["abc=1", false],
      ["[x]=1", true],
      ["x=1", false],
      ["s*d=1", true],
      ["sssd=1", false],
      ["__proto__=1", true],
      ["constructor=1", false],
    ] as const
  ) {
    const headers = new Headers();
    headers.append("set-cookie", written);
    const [cookie] = responseHeaders(headers, { cookies, cookiePath: BASE })
      .getSetCookie();
    assertEquals(cookie, crosses ? `${written}; Path=${BASE}` : undefined);
  }
});

/** What a client sends, and what a backend gets by the list `theme`, `a.c`. */
const COOKIE: [sent: string, crosses: string | undefined][] = [
  ["theme=dark", "theme=dark"],
  ["edge=secret", undefined],
  ["edge=secret; theme=dark; b=2", "theme=dark"],
  ["edge=secret;theme=dark;b=2", "theme=dark"],
  [";; edge=secret ;  theme=dark;", "theme=dark"],
  ["theme = dark", "theme = dark"],
  ["theme=", "theme="],
  ["theme", undefined], // the value of a cookie without a name
  ["=theme", undefined],
  ["Theme=dark; THEME=dark", undefined],
  ["themes=1; xtheme=1", undefined],
  ["a.c=1; abc=2", "a.c=1"],
  ["theme=1; theme=2", "theme=1; theme=2"],
  ["theme=x=y", "theme=x=y"],
  ['theme="dark blue"; edge="secret"', 'theme="dark blue"'],
  // Quotes do not hide a semicolon.
  ['theme="dark; edge=secret"', 'theme="dark'],
  ["$Version=1; theme=dark; $Path=/; $Domain=x", "theme=dark"],
  // Fields that were joined like those of any other header.
  ["theme=dark, edge=secret", "theme=dark"],
  ["edge=secret, theme=dark", "theme=dark"],
  // A comma within a value.
  ['theme={"a":1, "b":2},x; edge=1', 'theme={"a":1, "b":2},x'],
  ["__proto__=1; constructor=2", undefined],
];

Deno.test("Cookie - a list of names lets exactly those cross", () => {
  for (const [sent, crosses] of COOKIE) {
    const headers = new Headers({ cookie: sent });
    const to = (cookies: boolean | string[]) =>
      requestHeaders(headers, { cookies }).get("cookie") ?? undefined;
    assertEquals(to(["theme", "a.c"]), crosses, sent);
    assertEquals(to([]), undefined, sent);
    assertEquals(to(false), undefined, sent);
    assertEquals(to(true), headers.get("cookie") ?? undefined, sent);
  }
  const two = new Headers([["cookie", "theme=dark"], [
    "cookie",
    "edge=secret",
  ]]);
  assertEquals(
    requestHeaders(two, { cookies: ["theme"] }).get("cookie"),
    "theme=dark",
  );
});
