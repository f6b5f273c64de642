/**
 * The messages that cross the gate, while somebody looks. It keeps the last ones of a
 * backend from the first look until the last one ends, and costs nothing otherwise.
 */
import { createParser } from "eventsource-parser";
import { utf8Length } from "../../../net/utf8.ts";
import type { Sender } from "../../gate.ts";
import { decode, type Decoded } from "./decode.ts";
import { redactText } from "./redact.ts";

/** A message that has crossed the gate. */
export interface Frame extends Decoded {
  /** Counts the frames of one look from 0. */
  n: number;
  /** When it crossed, in milliseconds since 1970. */
  time: number;
  /** The number of its request in the request log. */
  request: number;
  /** Whether it is a message of a WebSocket or a server-sent event. */
  kind: "websocket" | "event";
  /** Who sent it. */
  from: Sender;
  /** Its length, in bytes. */
  size: number;
}

/** How many messages of one backend are kept. */
export const MAX_FRAMES = 500;
/** How many characters of messages of one backend are kept. */
const MAX_CHARACTERS = 512 * 1024;
/** The longest event that is decoded, in characters. */
const MAX_EVENT = 256 * 1024;

/** What is kept of one backend. */
interface Ring {
  frames: Frame[];
  characters: number;
  next: number;
  lookers: Set<(frame: Frame) => void>;
}

/** Keeps the messages of the backends that somebody looks at. */
export class Inspector {
  readonly #rings = new Map<string, Ring>();

  /** Whether somebody looks at a backend. */
  looks(backend: string): boolean {
    return this.#rings.has(backend);
  }

  /** The last messages of a backend, oldest first, since the first look. */
  frames(backend: string): readonly Frame[] {
    return this.#rings.get(backend)?.frames ?? [];
  }

  /** Calls `listener` with each message of a backend, until the result is called. */
  look(backend: string, listener: (frame: Frame) => void): () => void {
    let ring = this.#rings.get(backend);
    if (!ring) {
      ring = { frames: [], characters: 0, next: 0, lookers: new Set() };
      this.#rings.set(backend, ring);
    }
    const { lookers } = ring;
    lookers.add(listener);
    return () => {
      lookers.delete(listener);
      if (lookers.size === 0 && this.#rings.get(backend)?.lookers === lookers) {
        this.#rings.delete(backend);
      }
    };
  }

  /** Keeps a message, if somebody looks. */
  add(
    backend: string,
    frame: Pick<Frame, "request" | "kind" | "from" | "time">,
    data: string | ArrayBuffer | Uint8Array,
    type?: string,
  ): void {
    const ring = this.#rings.get(backend);
    if (!ring) return;
    const decoded = decode(data);
    const kept: Frame = {
      ...frame,
      ...decoded,
      n: ring.next++,
      title: decoded.title || redactText(type ?? ""),
      size: typeof data === "string" ? utf8Length(data) : data.byteLength,
    };
    ring.frames.push(kept);
    ring.characters += kept.text.length;
    while (
      ring.frames.length > MAX_FRAMES || ring.characters > MAX_CHARACTERS
    ) ring.characters -= ring.frames.shift()!.text.length;
    for (const listener of [...ring.lookers]) listener(kept);
  }
}

/** Reads the events of a stream that somebody may begin to look at in its middle. */
export class EventReader {
  readonly #onEvent: (type: string, data: string) => void;
  readonly #decoder = new TextDecoder();
  #parser: ReturnType<typeof createParser> | undefined;

  constructor(onEvent: (type: string, data: string) => void) {
    this.#onEvent = onEvent;
  }

  /** Takes the next bytes. */
  push(chunk: Uint8Array): void {
    this.#parser ??= createParser({
      maxBufferSize: MAX_EVENT,
      onEvent: ({ event, data }) => this.#onEvent(event ?? "message", data),
      onError: ({ type }) => {
        // The rest of an event that is too long is read as events, so it begins anew.
        if (type === "max-buffer-size-exceeded") this.stop();
      },
    });
    this.#parser.feed(this.#decoder.decode(chunk, { stream: true }));
  }

  /** Nobody looks any more: forgets the unfinished event. */
  stop(): void {
    this.#parser = undefined;
  }
}
