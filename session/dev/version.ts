/** The version of the package, which `--version` shows. `cli_test.ts` compares it. */
export const VERSION = "0.1.0";
