import type { Area } from "../suite.ts";

export const disposal: Area = { name: "disposal", cases: {} };
