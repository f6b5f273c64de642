/**
 * A column of the engine suite: one platform. To add one, put a file with it into
 * `columns/`; nothing else has to know it.
 */
import type { EngineSubject } from "../../session/engine_tests/mod.ts";

/** A platform that runs. */
export interface Running extends AsyncDisposable {
  subject: EngineSubject;
}

/** What each file in `columns/` exports by default. */
export interface EngineColumn {
  /** Its name in the table; `--on=` selects by a part of it. */
  name: string;
  /** Where it stands in the table: small numbers to the left. */
  order: number;
  /** Starts the platform, or says what is missing on this machine. */
  start(): Promise<Running | { missing: string }>;
}

/** The sample backend, as a module for Deno. */
export const SAMPLE: URL = new URL("sample.ts", import.meta.url);
