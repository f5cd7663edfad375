"""docs/commands.md against the programs: every option and command of their help is there, with its default, and nothing
else is; and the exit codes of wrong usage that it promises."""
import re
import subprocess

import pytest
from conftest import BINARIES, SOURCE

DAEMONS = ["gantry-monitor", "gantry-agent", "gantry-control", "gantry-registry"]
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", (SOURCE / "docs/commands.md").read_text(), re.M | re.S))
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z0-9-]*|-[A-Za-z])(?![\w-])")


def call(program, *words):
    return subprocess.run([BINARIES / program, *words], capture_output=True, text=True, timeout=20,
                          env={"PATH": "/usr/bin:/bin"})


def helped(program, *words):
    done = call(program, *words, "--help")
    assert (done.returncode, done.stderr) == (0, ""), f"{program} {words}: {done.stderr}"
    return done.stdout


def options_of_help(text):
    """{"--name": (its letter or None, its text)}"""
    found, last = {}, None
    for line in text.splitlines():
        begin = re.match(r" {2,6}(?:(-\w), )?(--[a-z][a-z0-9-]*)", line)
        if begin:
            last = begin[2]
            found[last] = (begin[1], line)
        elif last and line.startswith(" " * 15):
            found[last] = (found[last][0], found[last][1] + " " + line.strip())
    return found


def rows(text):
    """The cells of each row of the tables in it whose first cell is code."""
    for line in text.splitlines():
        if line.startswith("| `"):
            yield [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def code(cell):
    return " ".join(re.findall(r"`([^`]*)`", cell))


def options_of_rows(table):
    """{"--name" or "-n": the row's text}"""
    return {option: " ".join(row) for row in table for option in OPTION.findall(code(row[0]))}


def compare(what, help_text, documented):
    listed = options_of_help(help_text)
    names = set(listed) | {letter for letter, _ in listed.values() if letter}
    extra = {"-h", "--help"}
    assert names - extra == set(documented) - extra, f"{what}: --help and docs/commands.md name different options"
    for name, (_, text) in listed.items():
        standard = re.search(r'\(default "?([^\s:;,)"]+)', text)
        if standard and not standard[1].startswith("$"):
            row = documented[name]
            plain = standard[1] in ("no", "none", "all", "the", "its", "twice", "one")
            assert plain or standard[1] in row, f"{what} {name}: the default {standard[1]} isn't in: {row}"


def option_rows(text):
    return [row for row in rows(text) if row[0].startswith("`-")]


def command_rows(text):
    """{"image prune": its options' cell}"""
    found = {}
    for row in rows(text):
        if re.match(r"`[a-z]", row[0]) and len(row) == 3 and "_" not in row[0]:
            for call_of in re.findall(r"`([^`]*)`", row[0]):
                name = " ".join(re.match(r"[a-z][a-z -]*", call_of)[0].split())
                found[name] = row[2]
    return found


def options_of_cell(cell, table):
    if re.match(r"as `\w+`", cell):
        return options_of_cell(table[re.match(r"as `(\w+)`", cell)[1]], table) | options_of_cell(
            re.sub(r"^as `\w+`", "", cell), {})
    return {option: cell for option in OPTION.findall(re.sub(r"`--\w+ FILE` alone", "", code(cell)))}


def listed_commands(program, *group):
    text = helped(program, *group)
    return re.findall(r"^  ([a-z-]+) ", text.split("Commands:\n")[1].split("\n\n")[0], re.M)


@pytest.mark.parametrize("program", ["gantry", "gantry-oci", *DAEMONS])
def test_options_of_the_program(program):
    text = SECTIONS[program].split("### Options of run and create")[0]
    compare(program, helped(program), options_of_rows(option_rows(text)))


def gantry_commands():
    names = listed_commands("gantry")
    return names + [f"{group} {name}" for group in ("builder", "container", "image", "monitor", "system")
                    for name in listed_commands("gantry", group) if name in ("inspect", "prune", "upgrade", "df", "check")]


def test_commands_of_gantry():
    text = SECTIONS["gantry"]
    table = command_rows(text.split("### Commands")[1].split("### Options of run and create")[0])
    run = options_of_rows(option_rows(text.split("### Options of run and create")[1].split("### ")[0]))
    assert set(gantry_commands()) | {"help"} == set(table)
    for command, cell in table.items():
        if command == "help":
            continue
        if command == "run":
            documented = run
        elif command == "create":
            documented = {option: row for option, row in run.items() if option not in ("-d", "--detach")}
        else:
            documented = options_of_cell(cell, {})
        compare(f"gantry {command}", helped("gantry", *command.split()), documented)


def test_commands_of_gantry_oci():
    table = command_rows(SECTIONS["gantry-oci"])
    assert set(listed_commands("gantry-oci")) == set(table) | {"resume"}
    for command in set(table) - {"help"}:
        compare(f"gantry-oci {command}", helped("gantry-oci", command), options_of_cell(table[command], table))


def test_variables_of_the_agent():
    in_help = set(re.findall(r"\b(?:ECS|AWS)_[A-Z_]+", helped("gantry-agent")))
    in_tables = set(re.findall(r"\b(?:ECS|AWS)_[A-Z_]+", " ".join(
        " ".join(row[:2]) for row in rows(SECTIONS["gantry-agent"]))))
    assert in_help == in_tables


@pytest.mark.parametrize("program", DAEMONS)
def test_wrong_options_of_a_daemon_are_2(program):
    for words in (["--nosuch"], ["extra"], ["--nosuch=x"]):
        done = call(program, *words)
        assert done.returncode == 2
        assert re.fullmatch(rf"{program}: unknown (option|argument) \"{words[0]}\" \(see {program} --help\)\n", done.stderr)


@pytest.mark.parametrize("program", ["gantry", "gantry-oci", *DAEMONS])
def test_help_and_version_in_both_notations(program):
    assert call(program, "-h").stdout == helped(program)
    assert call(program, "--version").stdout == call(program, "-v").stdout
    assert re.match(rf"{program}( version)? \d+\.\d+\.\d+\n", call(program, "--version").stdout)


@pytest.mark.parametrize("program,words,status", [
    ("gantry", "run --nosuch", 125), ("gantry", "ps extra", 1), ("gantry", "nosuch", 1), ("gantry", "--nosuch", 125),
    ("gantry-oci", "run --nosuch", 1), ("gantry-oci", "run", 1), ("gantry-oci", "nosuch", 3),
    ("gantry-control", "--credentials c --listen 0.0.0.0:0", 2), ("gantry-agent", "--cgroup-limits maybe", 2),
    ("gantry-registry", "--credentials c --token-lifetime 13h", 2)])
def test_codes_of_wrong_usage(program, words, status):
    done = call(program, *words.split())
    assert done.returncode == status
    assert done.stdout == ""
    assert done.stderr.startswith(f"{program}: ")
