/** The gate's decisions, with literals and a clock that the test sets. */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { Gate, type GateOptions, type Revocation } from "../../session/gate.ts";

const KEY = { id: "k1", secret: "0123456789abcdef0123456789abcdef" };

/** Signed with KEY by another implementation (Python's `hmac`). */
const HEADER = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0";
const CLAIMS =
  "eyJhdWQiOiJiMSIsInN1YiI6Ilpvw6siLCJhdXRoIjp7InJvbGUiOiJlZGl0b3IifSwiaWF0IjoxNzAwMDAwMDAwLjEyMywiZXhwIjoxNzAwMDAzNjAwLjEyMywianRpIjoibjEifQ";
const TOKEN = `${HEADER}.${CLAIMS}.OPamEPNRu5o79d4dG7ajTzVPYUf2xzkA7MmdUIXdSR8`;
const SECRET = "fwm7CoSywE2YT4c-Mtw_nl3XDV-IPUx8CunOt_FcG1U";
const ISSUED = 1_700_000_000_123;

/** A gate whose time stands still at `at`. */
function gate(at = ISSUED, options: Partial<GateOptions> = {}): Gate {
  return new Gate({ keys: [KEY], now: () => at, ...options });
}

/** The decision in one word. */
async function decision(gate: Gate, token: string): Promise<string> {
  const admission = await gate.admit(`/${token}/`);
  return admission.kind === "admitted" ? admission.kind : admission.refusal;
}

Deno.test("gate - a token of another implementation", async () => {
  assertEquals(await gate().admit(`/${TOKEN}/a%20b`), {
    kind: "admitted",
    access: {
      backendId: "b1",
      user: "Zoë",
      auth: { role: "editor" },
      issued: ISSUED,
      expires: ISSUED + 3_600_000,
      secret: SECRET,
    },
    path: "/a%20b",
    headers: {
      "x-verified-username": "ZoÃ«",
      "x-verified-user-data": '{"role":"editor"}',
      "x-verified-secret": SECRET,
      "x-verified-path": `/${TOKEN}/a%20b`,
      "x-verified-backend": "b1",
    },
  });
  assertEquals(await decision(gate(ISSUED + 3_599_999), TOKEN), "admitted");
  assertEquals(await decision(gate(ISSUED + 3_600_000), TOKEN), "expired");
});

Deno.test("gate - what it issues, it admits, and each token is another", async () => {
  const own = gate(ISSUED, { tokenLifetime: 1000 });
  const identity = { backendId: "b1", user: "Zoë", auth: { role: "editor" } };
  const first = await own.issue(identity);
  const second = await own.issue(identity);
  assertNotEquals(first, second);
  assertEquals(first.token.split(".")[0], HEADER);
  const admission = await own.admit(`/${first.token}`);
  assert(admission.kind === "admitted");
  assertEquals(admission.path, "/");
  assertEquals(admission.access, {
    ...identity,
    issued: ISSUED,
    expires: ISSUED + 1000,
    secret: first.secret,
  });
  const forever = await gate().issue({ backendId: "b1" });
  assertEquals(await decision(gate(8e15), forever.token), "admitted");
  await assertRejects(
    () => own.issue({ backendId: "b", user: "a\nb" }),
    TypeError,
    "user:",
  );
  await assertRejects(
    () => own.issue({ backendId: "b".repeat(20_000) }),
    RangeError,
    "too long for a connection token",
  );
});

Deno.test("gate - no change of any character, bit or part passes", async () => {
  const own = gate();
  const alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/%~ \u0000é";
  for (let at = 0; at < TOKEN.length; at++) {
    for (const char of alphabet) {
      if (char === TOKEN[at]) continue;
      const token = TOKEN.slice(0, at) + char + TOKEN.slice(at + 1);
      assertNotEquals(await decision(own, token), "admitted", token);
    }
    const shorter = TOKEN.slice(0, at) + TOKEN.slice(at + 1);
    assertNotEquals(await decision(own, shorter), "admitted", shorter);
    assertNotEquals(await decision(own, TOKEN.slice(0, at)), "admitted");
  }
  const none = btoa('{"alg":"none"}').replace(/=+$/, "");
  for (
    const token of [
      "",
      ".",
      "..",
      `${TOKEN}=`,
      `${TOKEN}.`,
      `.${TOKEN}`,
      `${HEADER}.${CLAIMS}`,
      `${HEADER}.${CLAIMS}.`,
      `${none}.${CLAIMS}.`,
      `${HEADER}.${CLAIMS}.${"A".repeat(43)}`,
      "__proto__.constructor.x",
      `${"A".repeat(100_000)}.b.c`,
    ]
  ) assertEquals(await decision(own, token), "invalid", token.slice(0, 200));
});

Deno.test("gate - of the same key id, only the right secret passes", async () => {
  const other = gate(ISSUED, { keys: [{ ...KEY, secret: "x".repeat(32) }] });
  assertEquals(await decision(other, TOKEN), "invalid");
  const renamed = gate(ISSUED, { keys: [{ ...KEY, id: "k2" }] });
  assertEquals(await decision(renamed, TOKEN), "unknown-key");
});

Deno.test("gate - keys rotate: the first signs, all verify", async () => {
  const own = gate();
  const next = { id: "k2", secret: "y".repeat(32) };
  own.rotate([next, KEY]);
  const { token } = await own.issue({ backendId: "b1" });
  assertEquals(
    [await decision(own, TOKEN), await decision(own, token)],
    ["admitted", "admitted"],
  );
  own.rotate([next]);
  assertEquals(
    [await decision(own, TOKEN), await decision(own, token)],
    ["unknown-key", "admitted"],
  );
  assertThrows(() => own.rotate([]), TypeError, "at least one key");
  assertThrows(() => own.rotate([KEY, KEY]), TypeError, "the id k1");
  const short = { id: "k3", secret: "hunter2" };
  const error = assertThrows(() => own.rotate([short]), RangeError, "32 bytes");
  assert(!error.message.includes(short.secret));
  assertThrows(() => own.rotate([{ ...KEY, id: "a b" }]), TypeError, "the id");
  // A refused rotation changes nothing.
  assertEquals(await decision(own, token), "admitted");
});

Deno.test("gate - a revocation ends what is open, and survives a restart", async () => {
  let kept: Revocation[] = [];
  let now = ISSUED + 10;
  const options = {
    now: () => now,
    onRevoke: (all: Revocation[]) => kept = all,
  };
  const own = gate(0, options);
  const tokens = new Map<string, string>();
  const ended: string[] = [];
  const leaves: (() => void)[] = [];
  for (const user of ["ada", "bob"]) {
    for (const backendId of ["b1", "b2"]) {
      const { token } = await own.issue({ backendId, user });
      const name = `${user} ${backendId}`;
      tokens.set(name, token);
      const admission = await own.admit(`/${token}/`);
      assert(admission.kind === "admitted");
      const leave = own.enter(admission.access, {
        end() {
          ended.push(name);
          leave();
        },
      });
      leaves.push(leave);
    }
  }
  const admitted = async (gate: Gate) => {
    const names = [];
    for (const [name, token] of tokens) {
      const word = await decision(gate, token);
      if (word === "admitted") names.push(name);
      else assertEquals(word, "revoked");
    }
    return names;
  };
  assertEquals([own.connections("b1"), own.connections("b2")], [2, 2]);
  own.revoke({ user: "ada", backendId: "b1" });
  assertEquals(ended, ["ada b1"]);
  assertEquals(await admitted(own), ["ada b2", "bob b1", "bob b2"]);
  own.revoke({ backendId: "b2" });
  assertEquals(ended, ["ada b1", "ada b2", "bob b2"]);
  assertEquals(await admitted(own), ["bob b1"]);
  assertEquals([own.connections("b1"), own.connections("b2")], [1, 0]);

  // In the very millisecond of the revocation, access may be granted again.
  const again = await own.issue({ backendId: "b1", user: "ada" });
  assertEquals(await decision(own, again.token), "admitted");

  const restarted = gate(now, { revocations: kept });
  assertEquals(await admitted(restarted), ["bob b1"]);
  assertEquals(await decision(restarted, again.token), "admitted");
  now += 5;
  own.revoke({ user: "bob" });
  assertEquals(await admitted(own), []);
  assertEquals(ended.at(-1), "bob b1");
  leaves.forEach((leave) => leave());
  assertEquals(own.connections("b1"), 0);
  assertThrows(() => own.revoke({}), TypeError, "a user or a backendId");
});

Deno.test("gate - revocations are forgotten once no token can be that old", () => {
  let kept: Revocation[] = [];
  let now = ISSUED;
  const own = gate(0, {
    now: () => now,
    tokenLifetime: 1000,
    onRevoke: (all) => kept = all,
  });
  own.revoke({ user: "ada" });
  now += 1000;
  own.revoke({ user: "bob" });
  assertEquals(kept.map(({ user }) => user), ["ada", "bob"]);
  now += 1;
  own.revoke({ user: "cy" });
  assertEquals(kept, [
    { user: "bob", time: ISSUED + 1000 },
    { user: "cy", time: ISSUED + 1001 },
  ]);
});
