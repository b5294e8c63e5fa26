"""Scripts for tab completion, made from the registry.

They complete commands, options, and the names of suites, models, charts and runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from iomodels.cli.command import ALIASES, SHORT, Command, Option
from iomodels.cli.registry import commands
from iomodels.plan.suite import load_suite, suite_files

MANIFESTS = ("run.json", "slo.json", "tune.json", "micro.json")
EVERY_OPTION = ("--help",)
OTHER_NAMES = {name for names in ALIASES.values() for name in names}


def script(shell: str) -> str:
    """The script for one of read_commands.SHELLS."""
    write: dict[str, Callable[[], str]] = {
        "bash": _bash,
        "zsh": _zsh,
        "fish": _fish,
        "powershell": _powershell,
    }
    return write[shell]()


def words_of(kind: str | tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the words that complete a value; None if the shell itself finds them."""
    if isinstance(kind, tuple):
        return kind
    if kind == "suite":
        return tuple(suite_files())
    if kind == "model":
        suites = [load_suite(path) for path in suite_files().values()]
        return tuple(sorted({server.model for suite in suites for server in suite.servers}))
    if kind == "chart":
        from iomodels.figures import catalogue  # only here: matplotlib takes a second to load

        return tuple(chart.NAME for chart in (*catalogue.OF_RUNS, *catalogue.OF_MICRO_RUNS))
    if kind == "command":
        return tuple(command.name for command in commands())
    return None


def _options(command: Command) -> list[Option]:
    return [option for option in command.options if option.name.startswith("-")]


def _arguments(command: Command) -> list[Option]:
    return [option for option in command.options if not option.name.startswith("-")]


def _flags(command: Command) -> list[str]:
    """What a shell offers: each option by its name and its short form, not by its aliases."""
    names = [each for option in _options(command) for each in option.spellings]
    return [*(each for each in names if each not in OTHER_NAMES), *EVERY_OPTION]


def _names() -> str:
    return " ".join(command.name for command in commands())


# ---- bash and zsh ----


def _shell_value(option: Option) -> str:
    """A call of the script's function that offers the values of an option or argument."""
    words = words_of(option.values)
    if words is None:
        return f"_iomodels_{option.values}s"
    return f"_iomodels_words {' '.join(words)}".rstrip()


def _cases() -> str:
    """Return the branches of `case COMMAND in`: values of options, then options and arguments."""
    lines = []
    for command in commands():
        lines += [f"    {command.name})", '        case "$previous" in']
        for option in _options(command):
            if not option.flag:
                ways = "|".join(option.spellings)
                lines.append(f"        {ways}) {_shell_value(option)}; return ;;")
        lines.append("        esac")
        lines.append(
            '        case "$current" in -*) '
            f"_iomodels_words {' '.join(_flags(command))}; return ;; esac"
        )
        kinds = dict.fromkeys(_shell_value(option) for option in _arguments(command))
        lines += [f"        {call}" for call in kinds if call != "_iomodels_words"]
        lines.append("        ;;")
    return "\n".join(lines)


RUN_NAMES = f"""_iomodels_run_names() {{
    local folder manifest
    for folder in "${{1%/*}}/results" results; do
        for manifest in {" ".join(MANIFESTS)}; do
            for path in "$folder"/*/"$manifest"; do
                [ -f "$path" ] || continue
                path=${{path%/*}}
                echo "${{path##*/}}"
            done
        done
    done
    echo latest
}}
"""


def _bash() -> str:
    return f"""# bash completion for iomodels
{RUN_NAMES}
_iomodels_words() {{ COMPREPLY+=($(compgen -W "$*" -- "$current")); }}
_iomodels_runs() {{
    _iomodels_words $(_iomodels_run_names "$program")
    _iomodels_folders
}}
_iomodels_files() {{ COMPREPLY+=($(compgen -f -- "$current")); }}
_iomodels_folders() {{ COMPREPLY+=($(compgen -d -- "$current")); }}

_iomodels() {{
    local program=$1 current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        _iomodels_words {_names()} --help --version
        return
    fi
    case ${{COMP_WORDS[1]}} in
{_cases()}
    esac
}}
complete -o filenames -F _iomodels iomodels ./iomodels
"""


def _zsh() -> str:
    return f"""#compdef iomodels
setopt local_options null_glob 2>/dev/null
{RUN_NAMES}
_iomodels_words() {{ compadd -- "$@"; }}
_iomodels_runs() {{
    compadd -- ${{(f)"$(setopt null_glob; _iomodels_run_names "$program")"}}
    _files -/
}}
_iomodels_files() {{ _files; }}
_iomodels_folders() {{ _files -/; }}

_iomodels() {{
    local program=${{words[1]}} current=${{words[CURRENT]}} previous=${{words[CURRENT - 1]}}
    if (( CURRENT == 2 )); then
        _iomodels_words {_names()} --help --version
        return
    fi
    case ${{words[2]}} in
{_cases()}
    esac
}}

if [ "${{funcstack[1]}}" = _iomodels ]; then
    _iomodels "$@"
else
    compdef _iomodels iomodels
fi
"""


# ---- fish ----


def _fish_word(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fish_value(option: Option) -> str:
    """How fish completes a value: -x takes no files, -r does."""
    words = words_of(option.values)
    if option.values == "run":
        return "-x -a '(__iomodels_runs)'"
    if option.values == "folder":
        return "-x -a '(__fish_complete_directories)'"
    if words is None:
        return "-r"
    return f"-x -a {_fish_word(' '.join(words))}" if words else "-x"


def _fish() -> str:
    lines = [
        "# fish completion for iomodels",
        "function __iomodels_runs",
        "    set -l program (commandline -opc)[1]",
        "    for folder in (dirname $program)/results results",
        f"        for path in $folder/*/{{{','.join(MANIFESTS)}}}",
        "            test -f $path; and basename (dirname $path)",
        "        end",
        "    end",
        "    echo latest",
        "end",
        "complete -c iomodels -f",
    ]
    for command in commands():
        purpose = _fish_word(command.purpose)
        lines.append(
            f"complete -c iomodels -n __fish_use_subcommand -a {command.name} -d {purpose}"
        )
        seen = f"-n '__fish_seen_subcommand_from {command.name}'"
        for option in _arguments(command):
            value = _fish_value(option)
            lines.append(f"complete -c iomodels {seen} {value}")
        for option in _options(command):
            value = "" if option.flag else f" {_fish_value(option)}"
            text = _fish_word(option.help)
            short = f" -s {SHORT[option.name][1:]}" if option.name in SHORT else ""
            name = f"-l {option.name[2:]}{short}"
            lines.append(f"complete -c iomodels {seen} {name}{value} -d {text}")
        lines.append(f"complete -c iomodels {seen} -l help")
    return "\n".join(lines) + "\n"


# ---- PowerShell ----


def _quoted(words: list[str] | tuple[str, ...]) -> str:
    return "@(" + ", ".join("'" + word.replace("'", "''") + "'" for word in words) + ")"


def _powershell_value(option: Option) -> str:
    words = words_of(option.values)
    return f"@('<{option.values}>')" if words is None else _quoted(words)


def _powershell() -> str:
    tables = []
    for command in commands():
        arguments = [
            word
            for option in _arguments(command)
            for word in words_of(option.values) or (f"<{option.values}>",)
            if word != "<()>"
        ]
        values = "; ".join(
            f"'{way}' = {_powershell_value(option)}"
            for option in _options(command)
            if not option.flag
            for way in option.spellings
        )
        tables.append(
            f"    '{command.name}' = @{{\n"
            f"        Options = {_quoted(_flags(command))}\n"
            f"        Arguments = {_quoted(list(dict.fromkeys(arguments)))}\n"
            f"        Values = @{{{values}}}\n"
            "    }"
        )
    table = "\n".join(tables)
    manifests = json.dumps(list(MANIFESTS))[1:-1].replace('"', "'")
    return f"""# PowerShell completion for iomodels
$IomodelsCommands = [ordered]@{{
{table}
}}

function Get-IomodelsRun([string] $Program) {{
    foreach ($folder in @((Join-Path (Split-Path -Parent $Program) 'results'), 'results')) {{
        foreach ($manifest in @({manifests})) {{
            Get-ChildItem -Path (Join-Path $folder "*/$manifest") -ErrorAction SilentlyContinue |
                ForEach-Object {{ $_.Directory.Name }}
        }}
    }}
    'latest'
}}

Register-ArgumentCompleter -Native -CommandName iomodels, iomodels.cmd -ScriptBlock {{
    param($word, $line, $cursor)
    $words = @($line.CommandElements | ForEach-Object {{ $_.ToString() }})
    $done = if ($word) {{ $words.Count - 1 }} else {{ $words.Count }}
    $command = if ($words.Count -gt 1) {{ $IomodelsCommands[$words[1]] }}
    $found = if ($done -le 1) {{ @($IomodelsCommands.Keys) + '--help', '--version' }}
    elseif (-not $command) {{ @() }}
    elseif ($command.Values.ContainsKey($words[$done - 1])) {{ $command.Values[$words[$done - 1]] }}
    elseif ($word -like '-*') {{ $command.Options }}
    else {{ $command.Arguments }}
    $found |
        ForEach-Object {{ if ($_ -eq '<run>') {{ Get-IomodelsRun $words[0] }} else {{ $_ }} }} |
        Where-Object {{ $_ -like "$word*" -and $_ -notlike '<*' }} |
        ForEach-Object {{ [System.Management.Automation.CompletionResult]::new($_) }}
}}
"""
