/**
 * Writes `feedline.schema.json`, by which editors complete and check `feedline.json`:
 * `deno task schema`. It is made from the options of the command, and a test says when it
 * is out of date.
 */
import { fileURLToPath } from "node:url";
import { configSchema } from "../session/dev/config_file.ts";

/** The text of the file. */
export const schemaText = () => JSON.stringify(configSchema(), null, 2) + "\n";

/** Where it is. */
export const SCHEMA = fileURLToPath(
  new URL("../feedline.schema.json", import.meta.url),
);

if (import.meta.main) await Deno.writeTextFile(SCHEMA, schemaText());
