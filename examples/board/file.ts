/** Saves a copy of a board to disk. */
import { type Notes, notesSchema } from "./app.ts";

/** Milliseconds between checks for changes to save. */
const PACE = 200;

/** Keeps the notes in one file. */
export class BoardFile {
  readonly #path: string;
  readonly #read: () => Notes;
  /** The content of the file. Notes that have not changed are the same object. */
  #kept: Notes | undefined;
  #saving: Promise<void> = Promise.resolve();

  /** `notes` returns the current notes, which are never modified in place. */
  constructor(path: string, notes: () => Notes) {
    this.#path = path;
    this.#read = notes;
  }

  /** The notes of the file, or `undefined` if there is no file yet. */
  async load(): Promise<Notes | undefined> {
    let text: string;
    try {
      text = await Deno.readTextFile(this.#path);
    } catch (error) {
      if ((error as Error).name === "NotFound") return undefined;
      throw error;
    }
    return notesSchema.parse(JSON.parse(text));
  }

  /** Saves changes from now on. */
  keep(): void {
    this.#kept = this.#read();
    setInterval(
      () => this.save().catch((error) => console.error(`not saved: ${error}`)),
      PACE,
    );
  }

  /** Saves what has changed. Resolves when the file is written. */
  save(): Promise<void> {
    return this.#saving = this.#saving.catch(() => {}).then(async () => {
      const notes = this.#read();
      if (notes === this.#kept) return;
      const folder = this.#path.slice(0, this.#path.lastIndexOf("/"));
      await Deno.mkdir(folder, { recursive: true });
      // The file is replaced as a whole: if the process is killed now, the old one stays.
      const draft = `${this.#path}.new`;
      await Deno.writeTextFile(draft, JSON.stringify(notes));
      await Deno.rename(draft, this.#path);
      this.#kept = notes;
    });
  }
}

/** The file name of a board: its key, if every system accepts that as a file name. */
export async function fileName(board: string): Promise<string> {
  if (/^[a-z0-9_-]{1,60}$/.test(board)) return `${board}.json`;
  const bytes = new TextEncoder().encode(board);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  // A dot cannot be in a name of the first kind.
  return `${digest.toHex().slice(0, 32)}.sha256.json`;
}
