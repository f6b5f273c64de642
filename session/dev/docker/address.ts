/**
 * Where the container engine is, as Docker's own programs find it: `DOCKER_HOST`, and for
 * TLS over TCP `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`.
 *
 * @see {@link https://docs.docker.com/engine/security/protect-access/}
 */
import { DevPlatformError } from "../listen.ts";

/** The certificates for an engine over TLS, as PEM. */
export interface EngineTls {
  /** The authority that signed the engine's certificate. */
  ca: string;
  /** The certificate that we show. */
  cert: string;
  /** Its key. */
  key: string;
}

/** Where the container engine is. */
export interface EngineAddress {
  /** `unix:///…` or `tcp://…`. @default Docker's own socket */
  host: string | undefined;
  /** For `tcp://…`. @default the connection is not encrypted */
  tls: EngineTls | undefined;
}

/**
 * Finds the engine by the environment, unless `host` is given.
 * @throws {DevPlatformError} if a certificate cannot be read
 */
export function findEngine(
  host: string | undefined,
  env: Pick<Deno.Env, "get"> = Deno.env,
): EngineAddress {
  const found = host ?? env.get("DOCKER_HOST");
  // Any text but an empty one, as in Docker.
  const wanted = found?.startsWith("tcp:") && env.get("DOCKER_TLS_VERIFY");
  return { host: found, tls: wanted ? readCertificates(env) : undefined };
}

function readCertificates(env: Pick<Deno.Env, "get">): EngineTls {
  const folder = env.get("DOCKER_CERT_PATH") ??
    `${env.get("HOME") ?? "."}/.docker`;
  const read = (name: string) => {
    try {
      return Deno.readTextFileSync(`${folder}/${name}`);
    } catch (cause) {
      throw new DevPlatformError(
        `DOCKER_TLS_VERIFY is set, but ${folder}/${name} cannot be read; set DOCKER_CERT_PATH to the folder of ca.pem, cert.pem and key.pem`,
        { cause },
      );
    }
  };
  return {
    ca: read("ca.pem"),
    cert: read("cert.pem"),
    key: read("key.pem"),
  };
}
