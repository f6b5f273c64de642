/** Keys that the command takes while it runs in a terminal. */
import { openBrowser } from "./open_browser.ts";
import type { DevBackend, DevPlatform } from "./platform.ts";
import type { Terminal } from "./terminal.ts";

/** What a key acts on. */
export interface HotKeyContext {
  platform: Pick<DevPlatform, "apiUrl" | "backends" | "restart">;
  terminal: Pick<Terminal, "note" | "list">;
  /** Ends the platform, as Ctrl-C does. */
  end: () => void;
  /** Opens a page. @default the user's browser */
  open?: ((url: string) => Promise<void>) | undefined;
}

/** Does what a key stands for; other keys do nothing. Never rejects. */
export async function press(
  key: string,
  { platform, terminal, end, open = openBrowser }: HotKeyContext,
): Promise<void> {
  switch (key) {
    case "o":
      return await open(platform.apiUrl);
    case "l":
      return terminal.list(running(platform.backends));
    case "q":
      return end();
    case "r": {
      const backends = running(platform.backends);
      terminal.note(
        backends.length === 0
          ? "no backend runs"
          : `restarting ${
            backends.length === 1 ? "1 backend" : `${backends.length} backends`
          }`,
      );
      await Promise.all(backends.map(async ({ id }) => {
        try {
          await platform.restart(id);
        } catch (error) {
          terminal.note(`could not restart ${id}: ${(error as Error).message}`);
        }
      }));
    }
  }
}

function running(backends: readonly DevBackend[]): DevBackend[] {
  return backends.filter(({ states }) =>
    states.at(-1)!.status !== "terminated"
  );
}

/**
 * Whether keys can be read: standard input is a terminal, and this process is in its
 * foreground. The system stops a process in the background that reads from its terminal.
 */
export async function hasKeyboard(): Promise<boolean> {
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) return false;
  if (Deno.build.os === "windows") return true;
  const { stdout } = await new Deno.Command("ps", {
    args: ["-o", "stat=", "-p", String(Deno.pid)],
    stderr: "null",
  }).output().catch(() => ({ stdout: new Uint8Array() }));
  return new TextDecoder().decode(stdout).includes("+");
}

/** Calls `onKey` with each key that is pressed, until disposed. */
export function readKeys(onKey: (key: string) => void): Disposable {
  // Ctrl-C remains a signal.
  Deno.stdin.setRaw(true, { cbreak: Deno.build.os !== "windows" });
  const reader = Deno.stdin.readable.getReader();
  const decoder = new TextDecoder();
  (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const key of decoder.decode(value)) onKey(key);
    }
  })().catch(() => {
    // The terminal is gone, which also ends the command.
  });
  return {
    [Symbol.dispose]() {
      reader.cancel().catch(() => {});
      try {
        Deno.stdin.setRaw(false);
      } catch {
        // Closed already.
      }
    },
  };
}
