/**
 * A log of changes in NATS JetStream: a subject for each feed, whose messages the server
 * numbers and keeps, and an ordered consumer for each feed that is in use.
 *
 * NATS's own client is used as it is: its ordered consumer notices gaps and resumes after
 * a lost connection. It works with servers from 2.9, which is what Debian 12 has.
 */
import {
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type ActionLog, type Entry, hashOf } from "./shared.ts";

const STREAM = "feedme";

/** How long the server keeps the consumer of a process that has died (ms). */
const ABANDONED = 10_000;

export class NatsLog implements ActionLog {
  readonly #manager: JetStreamManager;
  readonly #stream: JetStreamClient;

  private constructor(manager: JetStreamManager) {
    this.#manager = manager;
    this.#stream = manager.jetstream();
  }

  /** Creates the stream, unless it exists. */
  static async open(connection: NatsConnection): Promise<NatsLog> {
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: STREAM, subjects: [`${STREAM}.*`] });
    return new NatsLog(manager);
  }

  async append(feed: string, action: string, data: object): Promise<number> {
    const message = JSON.stringify({ action, data });
    const { seq } = await this.#stream.publish(await subjectOf(feed), message);
    return seq;
  }

  async follow(
    feed: string,
    seq: number,
    listener: (entry: Entry) => void | Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const subject = await subjectOf(feed);
    const newest = await this.#manager.streams.getMessage(STREAM, {
      last_by_subj: subject,
    });
    const last = newest?.seq ?? 0;
    const consumer = await this.#stream.consumers.get(STREAM, {
      filter_subjects: subject,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: seq + 1,
      inactive_threshold: ABANDONED,
    });
    const messages = await consumer.consume();
    const end = async () => {
      await messages.close();
      await consumer.delete();
    };
    if (signal.aborted) return end();
    signal.addEventListener("abort", () => end().catch(console.error));
    const pass = async (existing: () => void) => {
      if (seq >= last) existing();
      for await (const message of messages) {
        const { action, data } = message.json<Omit<Entry, "seq">>();
        await listener({ seq: message.seq, action, data });
        if (message.seq >= last) existing();
      }
    };
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => resolve());
      pass(resolve).catch((error) => {
        reject(error);
        if (!signal.aborted) console.error("feedme log:", error);
      });
    });
  }
}

/** A subject must not contain dots, spaces or wildcards. */
async function subjectOf(feed: string): Promise<string> {
  return `${STREAM}.${await hashOf(feed)}`;
}
