/** Signals: what was begun ends with the signal's reason, and the peer sees it end. */
import type { Area } from "../suite.ts";
import { connecting } from "./cancellation/connecting.ts";
import { leaving } from "./cancellation/leaving.ts";
import { sessions } from "./cancellation/sessions.ts";
import { live } from "./cancellation/live.ts";

export const cancellation: Area = {
  name: "cancellation",
  cases: { ...sessions, ...live, ...leaving, ...connecting },
};
