import type { Area } from "../suite.ts";

export const cancellation: Area = { name: "cancellation", cases: {} };
