/**
 * The sample backend as Durable Objects. The worker lets the suite, which runs elsewhere,
 * reach them: it forwards the platform's HTTP API and the connection URLs.
 */
import {
  DurableSessions,
  type ObjectState,
  type SessionNamespace,
  sessionObject,
  sessionOf,
} from "@feedline/feedline/cloudflare";
import { sampleBackend } from "@feedline/feedline/engine-tests";
import { isHTTPError } from "@feedline/feedline/types";
import { webSocketPair } from "../../kit/web_socket_pair.ts";
import { GateClock } from "../gate_clock.ts";

/** Of all objects: they run in the isolate of this module. */
const clock = new GateClock();

class SampleObject {
  #serve: ReturnType<typeof sampleBackend> | undefined;

  constructor(_state: ObjectState) {}

  async sessionEnd(): Promise<void> {
    const { SAMPLE_STOP_MS = 0 } = sessionOf(this).env;
    await new Promise((resolve) => setTimeout(resolve, +SAMPLE_STOP_MS));
  }

  fetch(request: Request): Promise<Response> {
    const session = sessionOf(this);
    this.#serve ??= sampleBackend({
      env: session.env,
      upgrade: () => webSocketPair(),
      // After the response has gone.
      exit: (code) => void setTimeout(() => session.exit(code), 10),
    });
    return this.#serve(request);
  }
}

export const Sample = sessionObject(SampleObject, {
  // As the dev platform's: some cases wait for much longer.
  grace: 10_000,
  tokenLifetime: clock.tokenLifetime,
  now: clock.now,
});

const INTERNAL = "https://durable-object.invalid";

export default {
  async fetch(
    request: Request,
    { SAMPLES }: { SAMPLES: SessionNamespace },
  ): Promise<Response> {
    const engine = new DurableSessions(SAMPLES);
    const { origin, pathname, search } = new URL(request.url);
    const [, first, second, third, ...rest] = pathname.split("/");
    if (pathname === "/expire") {
      clock.pass();
      return new Response(null, { status: 204 });
    }
    try {
      if (pathname.endsWith("/connect")) {
        const answer = await engine.connect(await request.json());
        const { backend_id: id, token } = answer;
        return Response.json({
          ...answer,
          url: `${origin}/at/${id}/${token}/`,
          status_url: `${origin}/v2/backend/${id}/status`,
        });
      }
      if (first === "v2") {
        const object = SAMPLES.idFromString(third!.slice(0, 64));
        return await SAMPLES.get(object).fetch(INTERNAL + pathname, request);
      }
      const path = `/${[third, ...rest].join("/")}${search}`;
      return await engine.fetch(new Request(INTERNAL + path, request), {
        backend_id: second!,
      });
    } catch (error) {
      if (!isHTTPError(error)) console.error(error, (error as Error).cause);
      const status = isHTTPError(error) ? error.code : 404;
      return Response.json({ error: { message: String(error) } }, { status });
    }
  },
};
