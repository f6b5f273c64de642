/** The same engine calls in the words of Plane's controller, which is scripted. */
import { collect } from "../../../kit/wait.ts";
import { HTTPError } from "../../../../server.ts";
import { assert, assertEquals, assertRejects } from "../../../kit/assert.ts";
import type { Area } from "../../suite.ts";
import { plane, SECRET } from "../hosted.ts";
import { visible } from "../visible.ts";

/** What the controller answers to `POST /ctrl/connect`. */
const answer = {
  backend_id: "b1",
  spawned: true,
  status: "scheduled",
  token: "t1",
  url: "http://localhost:9090/t1/",
  secret_token: "s1",
  status_url: "http://localhost:8080/pub/b/b1/status",
  drone: "d1",
};

/** One event of Plane's stream, which counts milliseconds since 1970. */
const event = (id: number, status: string, more: object = {}) =>
  `id: ${id}\ndata: ${
    JSON.stringify({ status, time: 1_767_225_600_000 + id, ...more })
  }\n\n`;

export const planeCases: Area["cases"] = {
  async "requests use the language of Plane's controller"(t) {
    const peer = await t.script({
      http: { "/ctrl/connect": [{ json: answer }, { json: answer }] },
    });
    const response = await plane(peer).connect({
      key: "k",
      spawn: {
        tag: "v1",
        max_idle_seconds: 5,
        executable: { env: { B: "2" }, mount: true },
      },
      user: "ada",
      auth: { seat: "grün ✓" },
    });
    assertEquals(response, { ...answer, ready_url: "" });
    await plane(peer).connect({ key: "k", spawn: false, tag: "v1" });
    const [request, second] = (await peer.seen()).requests;
    assertEquals(
      [request!.method, request!.path, request!.headers.authorization],
      ["POST", "/ctrl/connect", SECRET],
    );
    assertEquals(JSON.parse(request!.body), {
      key: { name: "k", namespace: "ns", tag: "v1" },
      spawn_config: {
        cluster: "main",
        executable: { image: "rooms", env: { A: "1", B: "2" }, mount: true },
        max_idle_seconds: 5,
      },
      user: "ada",
      auth: { seat: "grün ✓" },
    });
    assertEquals(JSON.parse(second!.body), {
      key: { name: "k", namespace: "ns", tag: "v1" },
    });
  },

  async "Plane's states have the names and times of all others"(t) {
    const peer = await t.script({
      http: {
        "/pub/b/b1/status": [
          { json: { status: "ready", time: 1_767_225_600_000 } },
        ],
        "/pub/b/b1/status-stream": [
          {
            chunks: ["retry: 1\n", event(0, "scheduled"), event(1, "ready")],
            then: "cut",
          },
          {
            chunks: [
              event(2, "terminating", {
                reason: "key_expired",
                termination: "soft",
              }),
              event(3, "terminated", {
                reason: "key_expired",
                termination: "soft",
                exit_code: 3,
                last_status: "terminating",
              }),
            ],
          },
        ],
      },
    });
    const engine = plane(peer);
    assertEquals(await engine.status("b1"), {
      status: "ready",
      time: "2026-01-01T00:00:00.000Z",
    });
    assertEquals(await collect(engine.statuses("b1")), [
      { status: "scheduled", time: "2026-01-01T00:00:00.000Z" },
      { status: "ready", time: "2026-01-01T00:00:00.001Z" },
      {
        status: "terminating",
        time: "2026-01-01T00:00:00.002Z",
        termination_reason: "keyexpired",
        termination_kind: "soft",
        reason: "key_expired",
        termination: "soft",
      },
      {
        status: "terminated",
        time: "2026-01-01T00:00:00.003Z",
        termination_reason: "keyexpired",
        termination_kind: "soft",
        exit_error: true,
        reason: "key_expired",
        termination: "soft",
        exit_code: 3,
        last_status: "terminating",
      },
    ]);
    const { requests } = await peer.seen();
    assertEquals(
      requests.map(({ headers }) => [
        headers["last-event-id"],
        headers.authorization,
      ]),
      [[undefined, undefined], [undefined, undefined], ["1", undefined]],
      "Last-Event-ID, and no secret where all may read",
    );
  },

  async "Plane ends a backend softly or hard, and the state shows it"(t) {
    const time = 1_767_225_600_000;
    const peer = await t.script({
      http: {
        "/ctrl/b/b1/soft-terminate": [{ json: null }],
        "/ctrl/b/b1/hard-terminate": [{ json: null }],
        "/pub/b/b1/status": [
          { json: { status: "ready", time } },
          { json: { status: "terminating", time } },
          { json: { status: "hard-terminating", time } },
        ],
      },
    });
    await plane(peer).terminate("b1");
    await plane(peer).terminate("b1", { hard: true });
    const { requests } = await peer.seen();
    assertEquals(
      requests.map(({ method, path, headers }) => [
        method,
        path,
        headers.authorization,
      ]),
      [
        ["POST", "/ctrl/b/b1/soft-terminate", SECRET],
        ["GET", "/pub/b/b1/status", undefined],
        ["GET", "/pub/b/b1/status", undefined],
        ["POST", "/ctrl/b/b1/hard-terminate", SECRET],
        ["GET", "/pub/b/b1/status", undefined],
      ],
    );
  },

  async "Plane: a backend that is ending is not handed out"(t) {
    const ending = {
      json: { ...answer, spawned: false, status: "terminating" },
    };
    const next = { json: { ...answer, backend_id: "b2" } };
    const peer = await t.script({
      http: { "/ctrl/connect": [ending, ending, ending, next] },
    });
    const error = await assertRejects(() =>
      plane(peer).connect({ key: "k", spawn: false })
    );
    assertEquals([error.name, error.code], ["HTTPError", 409]);
    // It is asked for until there is a new one.
    const { backend_id, spawned, status } = await plane(peer).connect({
      key: "k",
    });
    assertEquals([backend_id, spawned, status], ["b2", true, "scheduled"]);
    assertEquals((await peer.seen()).requests.length, 4);
  },

  async "Plane: a field that the controller would refuse is named"(t) {
    const peer = await t.script({});
    for (
      const [request, field] of [
        [{ spawn: { max_idle_seconds: 0.5 } }, "spawn.max_idle_seconds"],
        [{ auth: [1] }, "auth"],
        [{ user: 7 }, "user"],
      ] as const
    ) {
      const error = await assertRejects(() =>
        plane(peer).connect(request as never)
      );
      assert(error.message.startsWith(`${field} must be`), error.message);
    }
    assertEquals((await peer.seen()).requests, []);
  },

  async "Plane's errors have their kind and no secret"(t) {
    const refusal = {
      status: 409,
      json: {
        id: "e1",
        kind: "KeyHeld",
        message: `The key is held; you sent ${SECRET}`,
      },
    };
    const peer = await t.script({ http: { "/ctrl/connect": [refusal] } });
    const engine = plane(peer);
    const error = await assertRejects(() =>
      engine.connect({ key: "k", spawn: false })
    );
    assert(error instanceof HTTPError, `an HTTPError, not ${error}`);
    assertEquals([error.code, error.error?.kind, error.error?.id], [
      409,
      "KeyHeld",
      "e1",
    ]);
    assert(error.message.includes("The key is held"), error.message);
    const calls = [
      () => engine.status("b9"),
      () => engine.statuses("b9").next(),
      () => engine.statusStream("b9", () => {}),
    ];
    for (const call of calls) {
      assertEquals(
        (await assertRejects(() => call())).code,
        404,
        "of an unknown backend",
      );
    }
    for (const text of [visible(engine), visible(error)]) {
      assert(!text.includes("SECRET"), `no secret in ${text}`);
    }
  },
};
