import type { Area } from "../suite.ts";

export const streams: Area = { name: "streams", cases: {} };
