/** Completions, in the shells themselves; and the help of each command. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { parseCommandLine } from "../../session/dev/cli.ts";
import { type Shell, SHELLS } from "../../session/dev/completions.ts";
import { DevPlatformError } from "../../session/dev/mod.ts";
import { folder } from "../kit/program.ts";

function text(...args: string[]): string {
  const parsed = parseCommandLine(args);
  assert(parsed.command === "help");
  return parsed.text;
}

/**
 * Programs that print what completes a line, one word a line. zsh completes in its line
 * editor only, so the functions of that are stand-ins: `compadd` prints the words that fit.
 */
const PROGRAMS: Record<Shell, (line: string) => string> = {
  bash: (line) =>
    `COMP_WORDS=(${
      line.replace(/ $/, ' ""')
    }); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    _feedline; printf '%s\\n' "\${COMPREPLY[@]}"`,
  zsh: (line) =>
    `words=(${line.replace(/ $/, ' ""')}); CURRENT=$#words; PREFIX=$words[-1]
    _files() { : }
    compadd() { shift; for each in "$@"; do [[ $each == $PREFIX* ]] && print -r -- $each; done }
    _feedline`,
  fish: (line) => `complete -C '${line}'`,
};

for (const shell of SHELLS) {
  const found = await new Deno.Command(shell, { args: ["--version"] }).output()
    .then(({ success }) => success, () => false);
  Deno.test({
    name: `completions - in ${shell}${
      found ? "" : ` (skipped: ${shell} is not here)`
    }`,
    ignore: !found && !Deno.env.has("CI"),
    async fn() {
      const script = text("completions", shell);
      // Shells complete the names of files, too.
      await using empty = await folder();
      const complete = async (line: string) => {
        const before = shell === "zsh" ? "compdef() { : }\n" : "";
        const { stdout, stderr } = await new Deno.Command(shell, {
          cwd: empty.path,
          args: ["-c", `${before}${script}\n${PROGRAMS[shell](line)}`],
        }).output();
        assertEquals(new TextDecoder().decode(stderr), "");
        return new TextDecoder().decode(stdout).split("\n").filter(Boolean);
      };
      assertEquals(await complete("feedline ser"), ["serve"]);
      assertEquals(await complete("feedline serve --token-l"), [
        "--token-lifetime",
      ]);
      assertEquals(await complete("feedline dev --wat"), ["--watch"]);
      assertEquals(await complete("feedline logs --fo"), ["--follow"]);
      assertEquals(await complete("feedline serve --wat"), []);
    },
  });
}

Deno.test("completions - a shell that is not known is named with those that are", () => {
  for (const args of [[], ["tcsh"], ["bash", "zsh"]]) {
    assertThrows(
      () => parseCommandLine(["completions", ...args]),
      DevPlatformError,
      "pass one shell: completions bash | zsh | fish",
    );
  }
});

Deno.test("help - each command has examples, and says what its exit code means", () => {
  for (const command of ["dev", "serve", "list", "logs", "terminate", "open"]) {
    const help = text(command, "--help");
    assertMatch(help, /\nExamples?:\n {2}dev /, command);
    assertMatch(
      help,
      /The exit code is 0, 1 if something failed, or 2 if the arguments/,
      command,
    );
  }
});
