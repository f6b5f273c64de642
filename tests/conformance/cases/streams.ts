/** Streams: backlogs and their bounds, several readers, and how loops end. */
import type { Area } from "../suite.ts";
import { channels } from "./streams/channels.ts";
import { feeds } from "./streams/feeds.ts";

export const streams: Area = {
  name: "streams",
  cases: { ...channels, ...feeds },
};
