/** Disposal: at any moment it ends everything, and leaves no timer and no socket. */
import type { Area } from "../suite.ts";
import { sessions } from "./disposal/sessions.ts";
import { live } from "./disposal/live.ts";

export const disposal: Area = {
  name: "disposal",
  cases: { ...sessions, ...live },
};
