/** Runs a backend in the container of an object. */
import { deferred } from "../../net/deferred.ts";
import type { Ended, Runner } from "./runner.ts";
import type { ObjectState } from "./workers.ts";

/** The part of `Container` of `@cloudflare/containers` that this module uses. */
export interface ContainerObject {
  /** Environment variables of every container of the class. */
  envVars?: Record<string, string>;
  /** Starts it, and waits until its ports accept connections. */
  startAndWaitForPorts(options: {
    startOptions?: { envVars?: Record<string, string> };
  }): Promise<void>;
  /** Sends SIGTERM. */
  stop(): Promise<void>;
  /** Kills it. */
  destroy(): Promise<void>;
  /** Called when the container has stopped. */
  onStop(stopped: { exitCode: number; reason: string }): unknown;
  /** Called when it was not used for `sleepAfter`. */
  onActivityExpired(): unknown;
}

/** Whether an object is a `Container`, from any copy of its package. */
export function isContainer(object: object): object is ContainerObject {
  const { startAndWaitForPorts, destroy, onStop } = object as Partial<
    ContainerObject
  >;
  return [startAndWaitForPorts, destroy, onStop].every((method) =>
    typeof method === "function"
  );
}

/** What the container tells of itself. */
export interface ContainerEvents {
  /** It has stopped by itself. */
  onStop(ended: Ended): void;
  /** It was not used for `sleepAfter`. */
  onIdle(): void;
}

/** Exit codes of a process that SIGTERM has ended, as runtimes report it. */
const TERMINATED = [0, 15, 143];

/** What the end of the container means now. */
type Phase =
  | { kind: "running" }
  /** It is the container of an earlier backend, or the start itself will fail. */
  | { kind: "expected" }
  | { kind: "stopping"; stopped: (ended: Ended) => void };

/** Runs a backend in a container. */
export function containerRunner(
  container: ContainerObject,
  ctx: ObjectState,
  events: ContainerEvents,
): Runner {
  // After an eviction, the container may be running.
  let phase: Phase = { kind: "running" };
  const isRunning = () => ctx.container?.running ?? false;
  const { onStop } = container;
  container.onStop = async (stopped) => {
    const { exitCode } = stopped;
    switch (phase.kind) {
      case "running":
        events.onStop({ failed: exitCode !== 0, exitCode });
        break;
      case "stopping":
        phase.stopped({ failed: !TERMINATED.includes(exitCode), exitCode });
        break;
      case "expected":
        break;
    }
    await onStop.call(container, stopped);
  };
  container.onActivityExpired = () => events.onIdle();
  return {
    worn: false,
    pinned: true,
    reachable: isRunning,
    async start({ env }, onWaiting) {
      phase = { kind: "expected" };
      if (isRunning()) await container.destroy();
      onWaiting();
      await container.startAndWaitForPorts({
        startOptions: { envVars: { ...container.envVars, ...env } },
      });
      phase = { kind: "running" };
    },
    async stop() {
      if (!isRunning()) return { failed: false };
      const { promise, resolve } = deferred<Ended>();
      phase = { kind: "stopping", stopped: resolve };
      await container.stop();
      return await promise;
    },
    async kill() {
      const before = phase;
      phase = { kind: "expected" };
      if (isRunning()) await container.destroy();
      if (before.kind === "stopping") before.stopped({ failed: false });
    },
  };
}
