import { assertEquals, assertThrows } from "@std/assert";
import { joinPath, originTest, pathWithin } from "../../session/pass/path.ts";

const base = new URL("https://b1.example.net/TOKEN/");

Deno.test("joinPath - passes a path on as it was written", () => {
  for (
    const [path, search] of [
      ["", ""],
      ["a/b/", "?x=1&y=%2F.."],
      ["a//b", ""],
      ["files/a%2Fb%20c", ""],
      ["caf%C3%A9/ü", ""],
      ["100%25", ""],
      ["a.b/..c/d..", ""],
      ["http:/x", "?u=http://other.example/"],
      ["@evil.example", ""],
      ["a%3Fb", ""],
    ] as const
  ) {
    assertEquals(
      joinPath(base, path, search),
      base.href + path.replace("ü", "%C3%BC") + search,
    );
  }
});

Deno.test("joinPath - refuses paths that any server on the way could read differently", () => {
  for (
    const path of [
      "..",
      ".",
      "../x",
      "a/../../x",
      "a/..",
      "%2e%2e/x",
      "%2E%2e/x",
      ".%2e/x",
      "..%2fx",
      "a%2f..%2f..%2fx",
      "%252e%252e%252fx",
      "..%252fx",
      "%25252e%25252e/x",
      "\\x",
      "..\\x",
      "a\\..\\..\\x",
      "..%5cx",
      "..%255cx",
      "/evil.example",
      "//evil.example",
      "%2fevil.example",
      "%252fevil.example",
      "/http://evil.example",
      "..;/x",
      "..;a=b/x",
      "%2e%2e%3b/x",
      "a/.%09./x",
      "a%00",
      "a%0d%0aset-cookie:x",
      "%c0%ae%c0%ae/x",
      "%c0%afx",
      "a#b",
      " ../x",
      "%20../x",
      `%${"25".repeat(9)}2e%${"25".repeat(9)}2e/x`,
    ]
  ) {
    assertEquals(joinPath(base, path), undefined, path);
  }
});

Deno.test("joinPath - whatever the path, the host and the prefix stay", () => {
  // A fixed seed: the same paths every time.
  let state = 12345;
  const random = (below: number) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state % below;
  };
  const pieces = [
    "..",
    ".",
    "/",
    "//",
    "\\",
    "%2e",
    "%2f",
    "%5c",
    "%25",
    "2e",
    "a",
    "@",
    ":",
    "?",
    "#",
    "http:",
    ";",
    " ",
    "%00",
    "é",
    "~b'",
  ];
  const searches = ["", "?", "?x=1&y=%2e", "?'é", "??/../", "?#/"];
  for (let turn = 0; turn < 20_000; turn++) {
    const path = Array.from(
      { length: 1 + random(8) },
      () => pieces[random(pieces.length)],
    ).join("");
    const joined = joinPath(base, path, searches[random(searches.length)]);
    if (joined === undefined) continue;
    const url = new URL(joined);
    // What is dialled is what was checked.
    assertEquals(url.href, joined, path);
    assertEquals(url.origin, base.origin, path);
    assertEquals(url.pathname.startsWith("/TOKEN/"), true, path);
    assertEquals(url.pathname.startsWith("/TOKEN//"), false, path);
    // Nor when servers on the way decode it again and again.
    let text = url.pathname;
    for (let level = 0; level < 6; level++) {
      try {
        text = decodeURIComponent(text);
      } catch {
        break;
      }
      const again = new URL(`https://b1.example.net${text}`);
      assertEquals(again.pathname.startsWith("/TOKEN/"), true, path);
    }
  }
});

Deno.test("joinPath - time grows no faster than the path", () => {
  const best = (length: number) => {
    const path = "%" + "25".repeat(length) + "2e";
    return Math.min(
      ...Array.from({ length: 5 }, () => {
        const start = performance.now();
        for (let turn = 0; turn < 10; turn++) joinPath(base, path);
        return performance.now() - start;
      }),
    );
  };
  best(16_000);
  assertEquals(best(16_000) / best(2_000) < 24, true);
});

Deno.test("pathWithin - the backend takes itself for the root", () => {
  const requested = new URL("https://b1.example.net/TOKEN/a/b?x=1");
  for (
    const [location, path] of [
      ["c", "a/c"],
      ["../c?q=1#h", "c?q=1#h"],
      ["/login", "login"],
      ["/", ""],
      ["?y=2", "a/b?y=2"],
      ["/TOKEN/c", "c"],
      ["https://b1.example.net/TOKEN/c", "c"],
      ["https://b1.example.net/c", "c"],
      ["../../../../c", "c"],
    ] as const
  ) {
    assertEquals(pathWithin(base, requested, location), path, location);
  }
});

Deno.test("pathWithin - anything else leads out", () => {
  const requested = new URL("https://b1.example.net/TOKEN/a/b");
  for (
    const location of [
      "https://evil.example/",
      "http://b1.example.net/TOKEN/c",
      "https://b1.example.net:8443/TOKEN/c",
      "//evil.example/",
      "/\\evil.example/",
      "\\\\evil.example/",
      "https://user:pw@b1.example.net/TOKEN/c",
      "javascript:alert(1)",
      "data:text/html,x",
      "https://",
      "/TOKEN//evil.example",
      "/TOKEN/..%2f..%2fx",
    ]
  ) {
    assertEquals(pathWithin(base, requested, location), undefined, location);
  }
});

Deno.test("originTest - exact origins, hosts below, any port", () => {
  const test = originTest([
    "https://app.example.com",
    "https://*.jamsocket.net",
    "http://localhost:*",
    "https://*.ports.example:*",
    "https://*.eight.example:8443",
    "HTTPS://Upper.Example:443/",
  ]);
  for (
    const origin of [
      "https://app.example.com",
      "https://a.jamsocket.net",
      "https://a.b.jamsocket.net",
      "http://localhost",
      "http://localhost:9090",
      "https://x.ports.example:1",
      "https://x.eight.example:8443",
      "https://upper.example",
    ]
  ) assertEquals(test(origin), true, origin);
  for (
    const origin of [
      "",
      "null",
      "https://app.example.com.evil",
      "https://evil-app.example.com",
      "https://app.example.com:8443",
      "http://app.example.com",
      "https://app.example.com/",
      "https://app.example.com@evil.example",
      "https://jamsocket.net",
      "https://evil-jamsocket.net",
      "https://a.jamsocket.net.evil",
      "https://a.jamsocket.net:8443",
      "https://localhost",
      "http://localhost.evil",
      "http://127.0.0.1:9090",
      "http://169.254.169.254",
      "https://x.eight.example",
      "file://",
      "chrome-extension://abc",
    ]
  ) assertEquals(test(origin), false, origin);
  assertEquals(originTest(["null"])("null"), true);
});

Deno.test("originTest - an invalid pattern is an error", () => {
  for (
    const pattern of [
      "*",
      "https://*",
      "https://*.*.example",
      "https://a.*.example",
      "app.example.com",
      "https://app.example.com/path",
      "ftp://a.example",
      "https://a.example:*x",
      "",
    ]
  ) assertThrows(() => originTest([pattern]), TypeError, "is not an origin");
});
