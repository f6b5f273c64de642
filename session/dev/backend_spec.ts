/** What a backend is, before and after it runs. No code. */
import type { SpawnOptions } from "../../types.ts";

/** The settings of one backend. */
export interface BackendSpec {
  /** Its id. */
  id: string;
  /** The key that it holds, if any. */
  key: string | undefined;
  /** The tag of the connect request; empty if there was none. */
  tag: string;
  /** The account that owns it. */
  account: string;
  /** The service that it belongs to. */
  service: string;
  /** The service's environment. */
  environment: string | undefined;
  /** Increases with each holder of a key. */
  fencingToken: number;
  /** What the spawn request says about the program. */
  executable: NonNullable<SpawnOptions["executable"]>;
  /** How long it may be without a connection before it is ended, in milliseconds. */
  maxIdle: number | undefined;
  /** How long it may live before it is ended, in milliseconds. */
  lifetime: number | undefined;
}
