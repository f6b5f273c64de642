/** The sample backend of the engine suite as a program for Deno. */
import { sampleBackend } from "../../session/engine_tests/mod.ts";

const env = Deno.env.toObject();
Deno.addSignalListener("SIGTERM", () => {
  setTimeout(() => Deno.exit(0), Number(env.SAMPLE_STOP_MS ?? 0));
});
Deno.serve(
  { port: Number(env.PORT), onListen() {} },
  sampleBackend({
    env,
    upgrade: (request) => Deno.upgradeWebSocket(request),
    // After the response has gone.
    exit: (code) => void setTimeout(() => Deno.exit(code), 10),
    kill: () => void setTimeout(() => Deno.kill(Deno.pid, "SIGKILL"), 10),
  }),
);
