/** `serve` on a Docker daemon that listens on TCP and asks for certificates. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { findEngine } from "../../session/dev/docker/address.ts";
import { DockerRunner } from "../../session/dev/docker/runner.ts";
import { DevPlatformError } from "../../session/dev/listen.ts";
import { serveModule, testOnDocker } from "../engines/containers.ts";
import { startDockerd } from "../kit/dockerd.ts";
import { freePort } from "../kit/postgres.ts";
import { folder } from "../kit/program.ts";

/** Makes `ca.pem`, and for each name a certificate and a key that it has signed. */
async function certificates(path: string): Promise<void> {
  const openssl = async (...args: string[]) => {
    const { success, stderr } = await new Deno.Command("openssl", {
      args,
      cwd: path,
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  };
  const key = ["req", "-newkey", "rsa:2048", "-nodes", "-subj"];
  await openssl(
    ...[...key, "/CN=a test authority", "-x509", "-days", "2"],
    ...["-keyout", "ca-key.pem", "-out", "ca.pem"],
  );
  const sign = async (prefix: string, extensions: string) => {
    await Deno.writeTextFile(`${path}/extensions`, extensions);
    await openssl(
      ...[...key, "/CN=a test", "-out", "request"],
      ...["-keyout", `${prefix}key.pem`],
    );
    await openssl(
      ...["x509", "-req", "-in", "request", "-days", "2"],
      ...["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial"],
      ...["-extfile", "extensions", "-out", `${prefix}cert.pem`],
    );
  };
  await sign(
    "server-",
    "subjectAltName = IP:127.0.0.1\nextendedKeyUsage = serverAuth",
  );
  await sign("", "extendedKeyUsage = clientAuth");
}

const port = freePort();
const host = `tcp://127.0.0.1:${port}`;
let path: string;

testOnDocker(
  "docker - over TLS, with the certificates that the environment names",
  async (daemon) => {
    Deno.env.set("DOCKER_TLS_VERIFY", "1");
    Deno.env.set("DOCKER_CERT_PATH", path);
    try {
      const { tls } = findEngine(host);
      await using serving = await serveModule(
        { ...daemon, host },
        "tests/engines/sample.ts",
      );
      const engine = serving.engine();
      const { backend_id, url } = await engine.connect({ key: "one" });
      for await (const { status } of engine.statuses(backend_id)) {
        if (status === "ready") break;
      }
      const answer = await fetch(`${url}a`);
      assertEquals((await answer.json()).path, "/a");
      await engine.terminate(backend_id, { hard: true });

      // Without TLS, and with an authority that did not sign the daemon's certificate.
      for (const wrong of [undefined, { ...tls!, ca: tls!.cert }]) {
        await assertRejects(
          () =>
            DockerRunner.start({
              image: "none",
              name: "wrong",
              host,
              tls: wrong,
              networks: [],
              mounts: undefined,
              env: {},
              onNote() {},
            }),
          DevPlatformError,
          "no container engine answers at tcp://127.0.0.1",
        );
      }
    } finally {
      Deno.env.delete("DOCKER_TLS_VERIFY");
      Deno.env.delete("DOCKER_CERT_PATH");
      await Deno.remove(path, { recursive: true });
    }
  },
  async () => {
    path = await Deno.makeTempDir();
    await certificates(path);
    return await startDockerd({
      args: [
        ...["--host", host, "--tlsverify", "--tlscacert", `${path}/ca.pem`],
        ...["--tlscert", `${path}/server-cert.pem`],
        ...["--tlskey", `${path}/server-key.pem`],
      ],
    });
  },
);

Deno.test("docker - a certificate that is missing is named", async () => {
  await using certs = await folder({ "ca.pem": "" });
  const env = new Map([
    ["DOCKER_HOST", host],
    ["DOCKER_TLS_VERIFY", "1"],
    ["DOCKER_CERT_PATH", certs.path],
  ]);
  assertThrows(
    () => findEngine(undefined, env),
    DevPlatformError,
    `${certs.path}/cert.pem cannot be read`,
  );
  // A socket has no certificates.
  assertEquals(findEngine("unix:///engine.sock", env), {
    host: "unix:///engine.sock",
    tls: undefined,
  });
});
