/**
 * A log of changes in PostgreSQL: one row an entry, and LISTEN/NOTIFY to say that there
 * are new ones.
 *
 * `npm:postgres` rather than `pg`, because its `listen` renews the subscription after
 * a lost connection and says so, which is when entries may have been missed.
 */
import type { JSONValue, Sql } from "postgres";
import { type ActionLog, type Entry, hashOf } from "./shared.ts";

/** Entries that are read at once. */
const PAGE = 500;

/** The tables. The row in `feedme_heads` is locked until the entry is committed. */
const TABLES = `
  create table if not exists feedme_heads (feed text primary key, seq bigint not null);
  create table if not exists feedme_log (
    feed text, seq bigint, action text not null, data json not null,
    primary key (feed, seq)
  );
  create table if not exists feedme_saved (
    feed text primary key, seq bigint not null, data json not null
  )`;

export class PostgresLog implements ActionLog {
  constructor(readonly sql: Sql) {}

  /** Creates the tables, if several processes start at once too. */
  async prepare(): Promise<void> {
    await this.sql.begin(async (sql) => {
      await sql`select pg_advisory_xact_lock(46336)`;
      await sql.unsafe(TABLES);
    });
  }

  async append(feed: string, action: string, data: object): Promise<number> {
    const { sql } = this;
    // The head's lock makes the order of the numbers that of the commits, which a
    // sequence would not: a reader at 5 must not meet 4 later.
    const [row] = await sql`
      with head as (
        insert into feedme_heads values (${feed}, 1)
        on conflict (feed) do update set seq = feedme_heads.seq + 1 returning seq
      ), entry as (
        insert into feedme_log select ${feed}, seq, ${action}, ${
      sql.json(data as JSONValue)
    } from head returning seq
      )
      select seq, pg_notify(${await channelOf(feed)}, '') from entry`;
    return Number(row!.seq);
  }

  async follow(
    feed: string,
    seq: number,
    listener: (entry: Entry) => void | Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const read = async () => {
      for (let more = true; more && !signal.aborted;) {
        const rows = await this.sql`
          select seq, action, data from feedme_log
          where feed = ${feed} and seq > ${seq} order by seq limit ${PAGE}`;
        for (const { seq: number, action, data } of rows) {
          if (signal.aborted) return;
          await listener({ seq: Number(number), action, data });
          seq = Number(number);
        }
        more = rows.length === PAGE;
      }
    };
    let reading = Promise.resolve();
    let queued = false;
    const wake = () => {
      if (queued) return;
      queued = true;
      reading = reading.then(() => {
        queued = false;
        return read();
      }).catch((error) => {
        if (signal.aborted) return;
        console.error("feedme log:", error);
        setTimeout(wake, 1_000);
      });
    };
    // Subscribed before reading, so that nothing is missed in between; `wake` again
    // after each reconnect.
    const { unlisten } = await this.sql.listen(
      await channelOf(feed),
      wake,
      wake,
    );
    if (signal.aborted) await unlisten();
    else signal.addEventListener("abort", () => unlisten().catch(() => {}));
    await reading;
  }

  async load(feed: string) {
    const [row] = await this.sql`
      select seq, data from feedme_saved where feed = ${feed}`;
    return row && { seq: Number(row.seq), data: row.data };
  }

  async save(feed: string, seq: number, data: object): Promise<void> {
    const { sql } = this;
    await sql`
      insert into feedme_saved values (${feed}, ${seq}, ${
      sql.json(data as JSONValue)
    })
      on conflict (feed) do update set seq = excluded.seq, data = excluded.data
      where feedme_saved.seq < excluded.seq`;
  }
}

/** A channel's name may have 63 bytes. */
async function channelOf(feed: string): Promise<string> {
  return `feedme_${await hashOf(feed)}`;
}
