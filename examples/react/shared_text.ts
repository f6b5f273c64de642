/** The text of a note that several people write at once, as a hook. */
import {
  type ChangeEvent,
  type CompositionEvent,
  useEffect,
  useLayoutEffect,
  useRef,
} from "react";
import {
  apply,
  type Change,
  compose,
  diff,
  moved,
  SharedText,
  transform,
} from "../board/text.ts";
import { type Note, useAction, useFeedAction } from "./api.ts";

/** This page's id in changes, so that it recognizes its own when the server returns them. */
const page = crypto.randomUUID();

/** What one field knows of its text, from one render to the next. */
interface Draft {
  shared: SharedText;
  /** The revision that `shared` is based on. */
  revision: number;
  /** Changes of others that wait until an input method has finished. */
  unshown?: Change | undefined;
  composing: boolean;
}

/**
 * The props of a textarea that shows the text and lets the user edit it. The textarea
 * has the text, not React's state: a letter that is typed between a change of somebody
 * else and the next render belongs to the text that the user sees.
 */
export function useSharedText(id: string, note: Note, stale: boolean) {
  const field = useRef<HTMLTextAreaElement>(null);
  const shown = useRef(note.text);
  const draft = useRef<Draft>(null!);
  draft.current ??= {
    shared: new SharedText(note.text, note.revision),
    revision: note.revision,
    composing: false,
  };
  const { run: edit } = useAction("edit");
  const latest = useRef(note);
  useLayoutEffect(() => {
    latest.current = note;
  });

  /** Sends one change at a time; without a connection it waits for the next. */
  function send(): void {
    const next = draft.current.shared.send();
    if (!next) return;
    const args = { id, ...next, change: [...next.change], from: page };
    edit(args).catch(({ code }: { code: string }) => {
      // Without a connection, the change is kept and sent after the reconnect.
      if (code !== "REJECTED") return draft.current.shared.lost();
      const { text, revision } = latest.current;
      Object.assign(draft.current, {
        shared: new SharedText(text, revision),
        revision,
        unshown: undefined,
      });
      field.current!.value = shown.current = text;
    });
  }

  /** Shows a change of somebody else. */
  function insert(change: Change): void {
    const { unshown, composing } = draft.current;
    draft.current.unshown = unshown ? compose(unshown, change) : change;
    // An input method that writes a character in several steps loses its place when the
    // text around it is replaced.
    if (!composing) showUnshown();
  }

  function showUnshown(): void {
    const { unshown } = draft.current;
    draft.current.unshown = undefined;
    const next = unshown ? apply(shown.current, unshown) : shown.current;
    if (!unshown || next === shown.current) return;
    const textarea = field.current!;
    const { selectionStart, selectionEnd } = textarea;
    textarea.value = shown.current = next;
    textarea.setSelectionRange(
      moved(selectionStart, unshown),
      moved(selectionEnd, unshown),
    );
  }

  /** Continues from the server's text, after a reconnect or a missed action. */
  function resume({ text, revision }: Note): void {
    insert(draft.current.shared.resume(text, revision));
    draft.current.revision = revision;
  }

  useFeedAction("board", {}, ({ name, data, oldData, newData }) => {
    if (name !== "edited" || data.id !== id) return;
    const before = oldData.notes[id]!;
    if (before.revision !== draft.current.revision) resume(before);
    if (data.from === page) draft.current.shared.agreed();
    else insert(draft.current.shared.receive(data.change));
    draft.current.revision = newData.notes[id]!.revision;
    send();
  });

  useEffect(() => {
    if (stale || note.revision < draft.current.revision) return;
    resume(note);
    send();
  }, [stale]);

  function take(value: string): void {
    let change = diff(shown.current, value);
    const { unshown, shared } = draft.current;
    if (unshown) {
      draft.current.unshown = transform(unshown, change, "before");
      change = transform(change, unshown, "after");
    }
    shown.current = value;
    shared.make(change);
    send();
  }

  return {
    ref: field,
    defaultValue: note.text,
    onChange: (event: ChangeEvent<HTMLTextAreaElement>) =>
      take(event.target.value),
    onCompositionStart: () => void (draft.current.composing = true),
    onCompositionEnd: (event: CompositionEvent<HTMLTextAreaElement>) => {
      draft.current.composing = false;
      if (event.currentTarget.value !== shown.current) {
        take(event.currentTarget.value);
      }
      showUnshown();
    },
  };
}
