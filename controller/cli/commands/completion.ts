import { type AnyCommand, command } from "../command.ts";
import { exit } from "../exit.ts";
import { usage } from "../usage.ts";
import { nearest } from "../../../schemas/selector/nearest.ts";

/** Scripts that complete commands and options in a shell, made from the command table. */
export const completion = (table: () => readonly AnyCommand[]): AnyCommand =>
  command({
    name: "completion",
    summary: "a script that completes commands in a shell",
    arguments: [["<shell>", "bash, zsh or fish"]],
    example: "source <(backend-ai completion bash)",
    async run(cli, [shell = ""]) {
      const write = shells[shell],
        meant = nearest(shell, Object.keys(shells));
      if (write === undefined)
        throw usage(`There is no completion for ${shell}`, meant === undefined ? "Shells are: bash, zsh, fish." : `Did you mean ${meant}?`);
      cli.terminal.data(write(linesOf(table())));
      return exit.good;
    },
  });

/** What may follow after a line of commands: sub-commands and options. */
interface Line {
  readonly path: string;
  readonly words: readonly string[];
}

const globals = ["--server", "--context", "--help"];

function linesOf(commands: readonly AnyCommand[], path = ""): Line[] {
  const here = {
    path,
    words: [...commands.flatMap((one) => [one.name, ...(one.aliases ?? [])]), ...(path === "" ? [...globals, "--version"] : [])],
  };
  const below = commands.flatMap((one) =>
    [one.name, ...(one.aliases ?? [])].flatMap((name) => {
      const own = `${path} ${name}`.trim(),
        children = linesOf(one.children ?? [], own),
        options = [...(one.options ?? []).flatMap(([flags]) => flags.match(/--[a-z-]+/g) ?? []), ...globals];
      return [{ path: own, words: [...(children[0]?.words ?? []), ...options] }, ...children.slice(1)];
    }),
  );
  return [here, ...below];
}

const depth = ({ path }: Line): number => (path === "" ? 0 : path.split(" ").length);

/** The deepest lines first: the first one that fits holds. */
const deepest = (lines: readonly Line[]): Line[] => [...lines].sort((a, b) => depth(b) - depth(a));
const cases = (lines: readonly Line[], write: (words: readonly string[]) => string): string =>
  deepest(lines)
    .map(({ path, words }) => `    ${path === "" ? "*" : `"${path}"|"${path} "*`}) ${write(words)} ;;`)
    .join("\n");

const shells: Readonly<Record<string, (lines: readonly Line[]) => string>> = {
  bash: (lines) => `# Completion of backend-ai for bash
_backend_ai() {
  local word said="" words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do [[ $word == -* ]] || said="\${said:+$said }$word"; done
  case "$said" in
${cases(lines, (words) => `words="${words.join(" ")}"`)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _backend_ai backend-ai`,
  zsh: (lines) => `#compdef backend-ai
# Completion of backend-ai for zsh
_backend_ai() {
  local word said="" offered
  for word in "\${(@)words[2,CURRENT-1]}"; do [[ $word == -* ]] || said="\${said:+$said }$word"; done
  case "$said" in
${cases(lines, (words) => `offered=(${words.join(" ")})`)}
  esac
  compadd -- $offered
}
compdef _backend_ai backend-ai`,
  fish: (lines) => `# Completion of backend-ai for fish
function __backend_ai_words
  set -l said (string match -v -- '-*' (commandline -opc)[2..-1])
  switch "$said"
${deepest(lines)
  .map(({ path, words }) => `    case ${path === "" ? "'*'" : `'${path}' '${path} *'`}\n      printf '%s\\n' ${words.join(" ")}`)
  .join("\n")}
  end
end
complete -c backend-ai -a '(__backend_ai_words)'`,
};
