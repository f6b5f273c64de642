/** Scripts that complete the command line in a shell, made from the tables of options. */

/** The shells. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
/** One of them. */
export type Shell = typeof SHELLS[number];

/** The options of each command, without dashes. `dev` is what runs without a command. */
export type CommandOptions = ReadonlyMap<string, readonly string[]>;

/** The script for a shell, which defines completions of the command `feedline`. */
export function completions(shell: Shell, commands: CommandOptions): string {
  return SCRIPTS[shell](commands);
}

const names = (commands: CommandOptions) => [...commands.keys()].join(" ");
const dashed = (options: readonly string[]) =>
  options.map((name) => `--${name}`).join(" ");

/** The branches of a `case` that sets the options of each command. */
function branches(
  commands: CommandOptions,
  set: (options: string) => string,
): string {
  return [...commands].map(([name, options]) =>
    `    ${name === "dev" ? "*" : name}) ${set(dashed(options))} ;;`
  )
    // The branch for everything else is the last.
    .sort((a, b) => Number(a.includes("*)")) - Number(b.includes("*)")))
    .join("\n");
}

const SCRIPTS: Record<Shell, (commands: CommandOptions) => string> = {
  bash: (commands) =>
    `_feedline() {
  local word=\${COMP_WORDS[COMP_CWORD]} options
  COMPREPLY=()
  if [[ $COMP_CWORD == 1 && $word != -* ]]; then
    COMPREPLY=($(compgen -W "${names(commands)}" -- "$word"))
    return
  fi
  # What follows -- belongs to the program that is run.
  [[ " \${COMP_WORDS[*]:0:COMP_CWORD} " == *" -- "* ]] && return
  case \${COMP_WORDS[1]} in
${branches(commands, (options) => `options="${options}"`)}
  esac
  [[ $word == -* ]] && COMPREPLY=($(compgen -W "$options" -- "$word"))
}
complete -o default -F _feedline feedline`,

  zsh: (commands) =>
    `#compdef feedline
_feedline() {
  local -a options
  if (( CURRENT == 2 )) && [[ $PREFIX != -* ]]; then
    compadd -- ${names(commands)}
    _files
    return
  fi
  case $words[2] in
${branches(commands, (options) => `options=(${options})`)}
  esac
  if [[ $PREFIX == -* ]]; then compadd -- $options; else _files; fi
}
compdef _feedline feedline`,

  fish: (commands) =>
    [
      `complete -c feedline -n __fish_use_subcommand -a "${names(commands)}"`,
      ...[...commands].flatMap(([command, options]) => {
        const others = [...commands.keys()].filter((name) => name !== "dev");
        const when = command === "dev"
          ? `not __fish_seen_subcommand_from ${others.join(" ")}`
          : `__fish_seen_subcommand_from ${command}`;
        return options.map((name) =>
          `complete -c feedline -n "${when}" -l ${name}`
        );
      }),
    ].join("\n"),
};
