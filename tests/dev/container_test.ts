/** What surrounds containers, without an engine: requests in, settings out. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { BackendSpec } from "../../session/dev/backend_spec.ts";
import { bearerTest } from "../../session/dev/bearer.ts";
import {
  chooseVersion,
  ContainerEngine,
  splitImage,
} from "../../session/dev/docker/engine.ts";
import { FrameSplitter } from "../../session/dev/docker/frames.ts";
import {
  containerName,
  type ContainerOptions,
  containerSettings,
  imageFor,
  specOf,
} from "../../session/dev/docker/settings.ts";
import { isApiFailure } from "../../session/dev/errors.ts";
import { jsonLine } from "../../session/dev/json_lines.ts";
import { Metrics } from "../../session/dev/metrics.ts";
import { DevPlatformError, servePlatform } from "../../session/dev/mod.ts";
import { earlier, Store } from "../../session/dev/store.ts";
import { folder } from "../kit/program.ts";

const SPEC: BackendSpec = {
  id: "b1",
  key: "../room 1",
  tag: "4",
  account: "-",
  service: "s",
  environment: undefined,
  fencingToken: Date.parse("2026-01-01T00:00:00Z"),
  executable: {
    env: { A: "secret" },
    mount: true,
    resource_limits: {
      memory_limit_bytes: 1000,
      cpu_period_percent: 50,
      cpu_time_limit: 60,
      disk_limit_bytes: 2000,
    },
  },
  maxIdle: 1000,
  lifetime: undefined,
};
const OPTIONS: ContainerOptions = {
  image: "registry:5000/rooms",
  name: "feedline",
  env: { A: "platform", B: "platform" },
  networks: ["rooms", "other"],
  mounts: "/srv/rooms",
};

Deno.test("container - a request becomes settings, and labels the backend again", () => {
  const settings = containerSettings(SPEC, OPTIONS);
  const { Labels, ...rest } = settings as { Labels: Record<string, string> };
  assertEquals(rest, {
    Image: "registry:5000/rooms:4",
    Env: [
      "A=secret",
      "B=platform",
      "PORT=8080",
      "SESSION_BACKEND_ID=b1",
      "SESSION_BACKEND_KEY=../room 1",
      `SESSION_BACKEND_FENCING_TOKEN=${SPEC.fencingToken}`,
    ],
    ExposedPorts: { "8080/tcp": {} },
    HostConfig: {
      PortBindings: { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] },
      RestartPolicy: { Name: "no" },
      Memory: 1000,
      CpuPeriod: 100_000,
      CpuQuota: 50_000,
      Ulimits: [{ Name: "cpu", Soft: 60, Hard: 60 }],
      StorageOpt: { size: "2000" },
      Binds: ["/srv/rooms/%2E%2E%2Froom%201:/plane-data"],
      NetworkMode: "rooms",
    },
  } as never);
  assert(!JSON.stringify(Labels).includes("secret"));
  const { env: _, ...executable } = SPEC.executable;
  assertEquals(
    specOf(Labels),
    JSON.parse(JSON.stringify({ ...SPEC, executable })),
  );
  for (const labels of [null, undefined, {}, { "feedline.spec": "x" }]) {
    assertEquals(specOf(labels), undefined);
  }
});

Deno.test("container - a bare request has no limits", () => {
  const bare = { ...SPEC, tag: "", executable: {} };
  const settings = containerSettings(bare, {
    ...OPTIONS,
    image: "rooms@sha256:abc",
    networks: [],
    env: {},
  });
  assertEquals([settings.Image, Object.keys(settings.HostConfig as object)], [
    "rooms@sha256:abc",
    ["PortBindings", "RestartPolicy"],
  ]);
});

Deno.test("container - options that a container must not have are refused", () => {
  const refused = (executable: object, options = OPTIONS) => {
    const error = assertThrows(() =>
      containerSettings({ ...SPEC, executable }, options)
    );
    assert(isApiFailure(error) && error.status === 400);
    return error.message;
  };
  for (
    const mount of ["/etc", "../x", "a/../b", "", "a//b", ".", "a\0", "a:/b"]
  ) {
    assert(refused({ mount }).startsWith("spawn.executable.mount"), mount);
  }
  assert(
    refused({ mount: true }, { ...OPTIONS, mounts: undefined })
      .includes("--mounts"),
  );
  for (const network_name of ["host", "", 7]) {
    assert(refused({ network_name }).includes("network_name"));
  }
  assertThrows(() => imageFor("a/b:c", { image: "rooms" }), Error, "spawn.tag");
  // A tag that the image has wins, and the request's is a label only.
  assertEquals(imageFor("a/b:c", { image: "rooms:3" }), "rooms:3");
});

Deno.test("container - each key has one name, in its scope and platform", async () => {
  const name = (part: Partial<BackendSpec>, platform = "feedline") =>
    containerName({ ...SPEC, ...part }, platform);
  const own = await name({});
  assert(/^feedline-key-[0-9a-f]{32}$/.test(own));
  assertEquals(await name({ id: "b2", tag: "5" }), own);
  for (
    const part of [
      { key: "room" },
      { account: "a" },
      { service: "t" },
      { environment: "e" },
    ]
  ) assert(await name(part) !== own);
  assert(await name({}, "other") !== own);
  assertEquals(await name({ key: undefined }), "feedline-b1");
});

Deno.test("container - images and versions of the API", () => {
  assertEquals(
    ["rooms", "a/rooms:3", "host:5000/rooms", "host:5000/rooms:3", "r@sha256:a"]
      .map((image) => Object.values(splitImage(image))),
    [
      ["rooms", "latest"],
      ["a/rooms", "3"],
      ["host:5000/rooms", "latest"],
      ["host:5000/rooms", "3"],
      ["r", "sha256:a"],
    ],
  );
  assertEquals(chooseVersion("1.41", "1.12"), "1.41");
  assertEquals(chooseVersion("1.9", "1.1"), "1.9");
  assertEquals(chooseVersion("1.60", "1.24"), "1.47");
  assertEquals(chooseVersion("1.60", "1.50"), "1.50");
  assertEquals(chooseVersion("1.41", "undefined"), "1.41");
  for (const host of ["ssh://a", "/var/run/docker.sock", "unix://a", ""]) {
    assertThrows(() => new ContainerEngine(host), DevPlatformError, "unix:///");
  }
});

Deno.test("container - output is split into its streams, wherever it is cut", () => {
  const frame = (stream: number, text: string) => {
    const bytes = new TextEncoder().encode(text);
    return [stream, 0, 0, 0, 0, 0, 0, bytes.length, ...bytes];
  };
  const all = Uint8Array.from([
    ...frame(1, "one\n"),
    ...frame(2, "grün\n"),
    ...frame(1, ""),
    ...frame(1, "end"),
  ]);
  for (let size = 1; size <= all.length; size++) {
    const frames = new FrameSplitter();
    const seen = { stdout: "", stderr: "" };
    for (let at = 0; at < all.length; at += size) {
      for (const [from, bytes] of frames.push(all.slice(at, at + size))) {
        seen[from] += String.fromCharCode(...bytes);
      }
    }
    assertEquals(seen, { stdout: "one\nend", stderr: "grÃ¼n\n" }, `${size}`);
  }
});

Deno.test("serve - what it kept is read again, and what only a container knows", async () => {
  await using state = await folder();
  const store = new Store(state.path);
  const [key] = store.keys();
  assertEquals(new Store(state.path).keys(), [key!]);
  assertEquals((await Deno.stat(store.keysFile)).mode! & 0o077, 0);
  store.keepRevocations([{ user: "ada", time: 5 }]);
  assertEquals(store.revocations(), [{ user: "ada", time: 5 }]);
  const states = [{
    status: "scheduled" as const,
    time: "2026-01-01T00:00:00.000Z",
  }];
  store.keep({ spec: SPEC, life: { history: states } } as never);
  const kept = store.backends();
  assertEquals(kept.map(({ spec }) => spec.id), ["b1"]);
  assert(
    !(await Deno.readTextFile(`${state.path}/backends/b1.json`)).includes(
      "secret",
    ),
  );
  const found = earlier(kept, [SPEC, { ...SPEC, id: "b2" }]);
  assertEquals(found.map(({ spec, states }) => [spec.id, states]), [
    ["b1", states],
    ["b2", states],
  ]);
  store.forget("b1");
  store.forget("b1");
  assertEquals(store.backends(), []);
  await Deno.writeTextFile(store.keysFile, "[]");
  assertThrows(() => store.keys(), DevPlatformError, "must be a list");
});

Deno.test("serve - without a token it listens on loopback addresses only", async () => {
  for (
    const [options, message] of [
      [{ host: "0.0.0.0" }, "without an API token"],
      [{ token: "" }, "the API token is empty"],
      [{ name: "a b" }, "the name of the platform"],
      [{ publicUrl: "rooms.example.com" }, "the public URL"],
      [{ image: "" }, "needs an image"],
    ] as const
  ) {
    const error = await servePlatform({ image: "rooms", ...options })
      .catch((error) => error);
    assert(error.message.includes(message), error.message);
  }
});

Deno.test("serve - an engine that is not there is named", async () => {
  await using state = await folder();
  const error = await servePlatform({
    image: "rooms",
    state: state.path,
    dockerHost: `unix://${state.path}/none.sock`,
  }).catch((error) => error);
  assert(error.message.startsWith("no container engine answers at unix://"));
});

Deno.test("serve - the API token, as programs and browsers send it", async () => {
  const test = bearerTest("s3cret:ü");
  const answer = (authorization?: string) =>
    test(new Headers(authorization === undefined ? {} : { authorization }));
  const bytes = String.fromCharCode(
    ...new TextEncoder().encode("ada:s3cret:x"),
  );
  assertEquals(await answer("Bearer s3cret:ü"), true);
  assertEquals(await answer("bearer s3cret:ü"), true);
  for (
    const wrong of [
      undefined,
      "",
      "Bearer",
      "Bearer ",
      "Bearer s3cret",
      "s3cret:ü",
      "Basic !",
      `Basic ${btoa(bytes)}`,
    ]
  ) assertEquals(await answer(wrong), false, wrong);
  const plain = bearerTest("plain");
  const basic = `Basic ${btoa("anyone:plain")}`;
  assertEquals(await plain(new Headers({ authorization: basic })), true);
});

Deno.test("serve - metrics in Prometheus' text format", () => {
  const metrics = new Metrics();
  const time = (ms: number) => new Date(ms).toISOString();
  const states = [
    { status: "scheduled" as const, time: time(0) },
    { status: "ready" as const, time: time(700) },
    { status: "terminated" as const, time: time(900), exit_error: true },
  ];
  for (let count = 1; count <= 3; count++) {
    metrics.state(states.slice(0, count));
  }
  metrics.refused("expired");
  metrics.refused("expired");
  const text = metrics.text({
    backends: new Map([["ready", 2], ["loading", 1]]),
    connections: 5,
  });
  const samples = text.split("\n").filter((line) => !line.startsWith("#"));
  assertEquals(samples, [
    "feedline_spawns_total 1",
    'feedline_ended_total{reason="error"} 1',
    'feedline_backends{status="loading"} 1',
    'feedline_backends{status="ready"} 2',
    "feedline_connections 5",
    'feedline_refused_tokens_total{reason="expired"} 2',
    ...["0.1", "0.25", "0.5"].map((le) =>
      `feedline_start_seconds_bucket{le="${le}"} 0`
    ),
    ...["1", "2.5", "5", "10", "30", "60", "120", "300", "+Inf"].map((le) =>
      `feedline_start_seconds_bucket{le="${le}"} 1`
    ),
    "feedline_start_seconds_sum 0.7",
    "feedline_start_seconds_count 1",
    "",
  ]);
});

Deno.test("serve - events as JSON lines, without secrets", () => {
  const backend = {
    id: "b1",
    key: "k",
    pid: undefined,
    states: [],
    connections: 0,
  };
  const now = new Date(0);
  const parse = (event: Parameters<typeof jsonLine>[0]) =>
    JSON.parse(jsonLine(event, now));
  assertEquals(parse({ type: "note", text: "a\nb" }), {
    time: now.toISOString(),
    event: "note",
    text: "a\nb",
  });
  assertEquals(parse({ type: "line", backend, from: "stderr", text: "x" }), {
    time: now.toISOString(),
    event: "line",
    backend: "b1",
    key: "k",
    from: "stderr",
    text: "x",
  });
  const state = {
    status: "terminated" as const,
    time: "2026-01-01T00:00:00.000Z",
    exit_code: 137,
    oom_killed: true,
  };
  assertEquals(parse({ type: "state", backend, state }), {
    event: "state",
    backend: "b1",
    key: "k",
    ...state,
  });
});
