/** Shells that a script is there for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/*
 * Each script asks `sluice completion words -- <words so far>`, which knows the verb tables of the very program that is installed, and
 * prints a candidate a line, with its text behind a tab; the last line is `:file` when names of files do as well.
 */

const BASH = `# sluice completion bash: put it into ~/.bashrc as  source <(sluice completion bash)
_sluice() {
  local IFS=$'\\n' line isFile=
  local current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = ":file" ]; then isFile=1; else COMPREPLY+=("\${line%%$'\\t'*}"); fi
  done < <("\${COMP_WORDS[0]}" completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [ -n "$isFile" ]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY+=($(compgen -f -- "$current"))
  fi
}
complete -F _sluice sluice
`;

const ZSH = `#compdef sluice
# sluice completion zsh: put it into ~/.zshrc, behind compinit, as  source <(sluice completion zsh)
_sluice() {
  local line isFile=
  local -a words_ texts_
  while IFS= read -r line; do
    if [[ "$line" == ":file" ]]; then
      isFile=1
    else
      words_+=("\${line%%$'\\t'*}")
      texts_+=("\${line/$'\\t'/  -- }")
    fi
  done < <("\${words[1]}" completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#words_ )) && compadd -l -d texts_ -a words_
  [[ -n "$isFile" ]] && _files
}
compdef _sluice sluice
`;

const FISH = `# sluice completion fish: put it into ~/.config/fish/completions/sluice.fish
function __sluice_words
    set -l line (commandline -opc) (commandline -ct)
    for candidate in ($line[1] completion words -- $line[2..-1] 2>/dev/null)
        if test "$candidate" = ":file"
            __fish_complete_path (commandline -ct)
        else
            echo $candidate
        end
    end
end
complete -c sluice -f -a '(__sluice_words)'
`;

/** What a shell has to read to complete command lines of sluice. */
export const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
