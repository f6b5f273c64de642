/** `examples/scale/postgres.ts` with the real PostgreSQL. */
import { assertEquals } from "@std/assert";
import postgres from "postgres";
import { findPostgres, startPostgres } from "../kit/postgres.ts";
import { until } from "../kit/wait.ts";
import { standsAKill } from "./processes.ts";

const programs = await findPostgres();
if (!programs) {
  const missing = "scale: no PostgreSQL here: apt-get install postgresql";
  const required = Deno.env.get("CI") && Deno.build.os === "linux";
  if (required) throw new Error(missing);
  console.log(missing);
}

Deno.test({
  name:
    "scale - PostgreSQL: three processes, 1,000 changes, one killed in the middle",
  ignore: !programs,
  async fn() {
    await using database = await startPostgres(programs!);
    const sql = postgres(database.url, { onnotice() {}, max: 1 });
    try {
      await until(() => sql`select 1`.then(() => true, () => false));
      await standsAKill({ DATABASE_URL: database.url });
      const [count] = await sql`select count(*) from feedme_log`;
      console.log(`${count!.count} rows`);
      const [heads] =
        await sql`select max(seq) = count(*) as dense from feedme_log`;
      assertEquals(heads!.dense, true);
    } finally {
      await sql.end();
    }
  },
});
