"""The man pages that packaging makes from the programs' own help: every command is in them, and man has nothing to say."""
import re
import subprocess

import pytest
from conftest import BINARIES, SOURCE


def commands_of(program, *group):
    text = subprocess.run([program, *group, "--help"], capture_output=True, text=True, check=True).stdout
    listed = re.search(r"^Commands:\n(.*?)(?:\n\n|\Z)", text, re.M | re.S)[1]
    return [line.split()[0] for line in listed.splitlines()]


@pytest.mark.parametrize("name", ["gantry", "gantry-oci"])
def test_page_shows_every_command(name, tmp_path):
    include, page = tmp_path / "commands", tmp_path / f"{name}.1"
    subprocess.run([SOURCE / "packaging/command-help", BINARIES / name, include], check=True)
    subprocess.run(["help2man", "--no-info", "--no-discard-stderr", f"--include={include}", f"--output={page}",
                    BINARIES / name], check=True)
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "120"}
    shown = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True, env=environment)
    assert (shown.returncode, shown.stderr) == (0, "")
    for command in commands_of(BINARIES / name):
        if command != "help":
            assert re.search(rf"^ +{name} {command}$", shown.stdout, re.M), f"{command} has no section"
    assert re.search(r"^ +--cidfile FILE$" if name == "gantry" else r"^ +--console-socket PATH$", shown.stdout, re.M)
