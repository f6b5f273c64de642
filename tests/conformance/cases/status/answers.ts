/** What a platform answers: busy, forgetful, newer than we are, or talkative. */
import { collect } from "../../../kit/wait.ts";
import { HTTPError } from "../../../../server.ts";
import { assert, assertEquals, assertRejects } from "../../../kit/assert.ts";
import type { Answer } from "../../far/script.ts";
import type { Area } from "../../suite.ts";
import { visible } from "../visible.ts";
import {
  answering,
  event,
  follow,
  hosted,
  names,
  SOON,
  TOKEN,
} from "../hosted.ts";

const state = (status: string) => ({ status, time: "2026-01-01T00:00:00Z" });

export const answerCases: Area["cases"] = {
  async "a backend that the platform forgets ends with an error"(t) {
    for (const status of [404, 410]) {
      const peer = await answering(
        t,
        { chunks: [SOON, event("scheduled")] },
        { status, json: { error: { message: "no such backend" } } },
      );
      const { states, errors } = await follow(peer);
      assertEquals(names(states), ["scheduled"]);
      const { error, final } = errors.at(-1)!;
      assert(error instanceof HTTPError, `an HTTPError, not ${error}`);
      assertEquals([error.code, final], [status, true]);

      const again = await answering(
        t,
        { chunks: [SOON, event("scheduled")] },
        { status },
      );
      const read = hosted(again).statuses("b1");
      assertEquals((await read.next()).value?.status, "scheduled");
      assertEquals((await assertRejects(() => read.next())).code, status);
    }
  },

  async "a busy platform says when to try again"(t) {
    const busy = (seconds: number): Answer => ({
      status: 503,
      headers: {
        "retry-after": String(seconds),
        // A page sees this header of another origin only so.
        "access-control-expose-headers": "retry-after",
      },
    });
    const never = await answering(t, busy(7));
    const error = await assertRejects(() =>
      hosted(never).statuses("b1").next()
    );
    assert(error instanceof HTTPError, `an HTTPError, not ${error}`);
    assertEquals([error.code, error.retryAfter], [503, 7000]);
    const limiting = await t.script({
      http: { "/v2/service/a/s/connect": [{ ...busy(7), status: 429 }] },
    });
    const refused = await assertRejects(() => hosted(limiting).connect());
    assertEquals([refused.code, refused.retryAfter], [429, 7000]);

    const peer = await answering(
      t,
      { chunks: [SOON, event("scheduled")] },
      busy(1),
      { chunks: [event("terminated")] },
    );
    const start = Date.now();
    const { states, errors } = await follow(peer);
    assert(
      Date.now() - start > 950,
      `too early, after ${Date.now() - start} ms`,
    );
    assertEquals(names(states), ["scheduled", "terminated"]);
    assertEquals(
      errors.map(({ error, final }) => [(error as HTTPError).code, final]),
      [[503, false]],
    );
  },

  async "a busy platform may give the time as a date"(t) {
    const at = (ms: number) => new Date(ms).toUTCString();
    const peer = await answering(t, {
      status: 503,
      headers: {
        date: at(1_767_225_600_000),
        "retry-after": at(1_767_225_607_000),
        "access-control-expose-headers": "retry-after, date",
      },
    });
    const error = await assertRejects(() => hosted(peer).statuses("b1").next());
    assertEquals([error.code, error.retryAfter], [503, 7000]);
  },

  async "terminate accepts any successful response"(t) {
    const answers: Answer[] = [
      { status: 204 },
      { status: 202, chunks: [] },
      { chunks: [] },
      { headers: { "content-type": "text/plain" }, chunks: ["OK"] },
      { json: null },
      { chunks: ["the rest never comes"], then: "silence" },
    ];
    const peer = await t.script({
      http: { "/v2/backend/b1/terminate": answers },
    });
    for (const _ of answers) await hosted(peer).terminate("b1");
    assertEquals((await peer.seen()).requests.length, answers.length);
  },

  async "a call without an answer times out, and Infinity means no limit"(t) {
    const peer = await t.script({
      http: {
        "/v2/service/a/s/connect": ["silence"],
        "/v2/backend/b1/status": [{ json: state("ready") }],
      },
    });
    const error = await assertRejects(() =>
      hosted(peer, { timeout: 20 }).connect({ key: "k" })
    );
    assertEquals(error.name, "TimeoutError");
    assertEquals(
      error.message,
      'Connecting to service "s" failed: no response within 20 ms',
    );
    const patient = hosted(peer, { timeout: Infinity });
    assertEquals((await patient.status("b1")).status, "ready");
  },

  async "an event stream is read in every legal form"(t) {
    const life = [event("scheduled"), event("terminated")].join("");
    for (
      const [type, text] of [
        ["text/event-stream; charset=utf-8", life],
        ["text/event-stream, text/event-stream", life],
        ["TEXT/EVENT-STREAM", `\uFEFF${life}`],
        ["text/event-stream", life.replaceAll("\n", "\r")],
        ["text/event-stream", life.replaceAll("\n", "\r\n")],
      ] as const
    ) {
      const peer = await answering(t, {
        headers: { "content-type": type },
        chunks: [text],
      });
      const states = await collect(hosted(peer).statuses("b1"));
      assertEquals(names(states), ["scheduled", "terminated"], type);
    }
  },

  async "a response that is not an event stream is an error"(t) {
    const page: Answer = {
      headers: { "content-type": "text/html" },
      chunks: ["<p>data: x"],
    };
    const first = await answering(t, page);
    const error = await assertRejects(() =>
      hosted(first).statuses("b1").next()
    );
    assert(error instanceof TypeError, `a TypeError, not ${error}`);
    assert(error.message.includes("not an event stream"), error.message);

    const later = await answering(
      t,
      { chunks: [SOON, event("scheduled")] },
      page,
      { chunks: [event("terminated")] },
    );
    const { states, errors } = await follow(later);
    assertEquals(names(states), ["scheduled", "terminated"]);
    assertEquals(errors.length, 1, "errors");
  },

  async "statuses and fields of a newer platform come through"(t) {
    const peer = await answering(t, {
      chunks: [
        event("scheduled", { region: { name: "eu", of: [1, 2] } }),
        event("hibernating", { depth: 3 }),
        event("hibernating", { depth: 4 }),
        event("terminated", { note: "grün ✓" }),
      ],
    });
    const time = "2026-01-01T00:00:00Z";
    assertEquals(await collect(hosted(peer).statuses("b1")), [
      { status: "scheduled", time, region: { name: "eu", of: [1, 2] } },
      { status: "hibernating", time, depth: 3 },
      { status: "terminated", time, note: "grün ✓" },
    ]);
  },

  async "both spellings of a reason read the same"(t) {
    for (
      const [sent, shown] of [
        ["key_expired", "keyexpired"],
        ["keyexpired", "keyexpired"],
        ["startup_timeout", "startuptimeout"],
        ["internal_error", "internalerror"],
      ]
    ) {
      const peer = await answering(t, {
        chunks: [
          event("terminating", { termination_reason: sent }),
          event("terminated", { termination_reason: sent }),
        ],
      });
      const states = await collect(hosted(peer).statuses("b1"));
      assertEquals(
        states.map((state) => Reflect.get(state, "termination_reason")),
        [shown, shown],
      );
    }
  },

  async "the API token is in no error, no JSON and no property"(t) {
    const error = {
      message: `bad ${TOKEN} for https://x.example/CONNECTION-TOKEN/`,
      code: "Unauthorized",
      id: `e1 ${TOKEN}`,
    };
    const refusal: Answer = { status: 401, json: { error } };
    const peer = await t.script({
      http: {
        "/v2/service/a/s/connect": [refusal],
        "/v2/backend/b1/terminate": [refusal],
      },
    });
    const engine = hosted(peer);
    const texts = [visible(engine)];
    const calls = [() => engine.connect(), () => engine.terminate("b1")];
    for (const call of calls) {
      const error = await assertRejects(() => call());
      assert(error instanceof HTTPError, `an HTTPError, not ${error}`);
      assertEquals([error.code, error.error?.code], [401, "Unauthorized"]);
      texts.push(visible(error));
    }
    for (const text of texts) {
      assert(!/TOKEN/.test(text), `no token in ${text}`);
    }
    const { requests } = await peer.seen();
    assertEquals(requests.map(({ headers }) => headers.authorization), [
      `Bearer ${TOKEN}`,
      `Bearer ${TOKEN}`,
    ], "but it was sent");
  },
};
