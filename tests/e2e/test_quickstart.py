"""Every claim that quickstart makes is a test: it checks each one itself and says which held."""
import json
import subprocess

import pytest

from conftest import SOURCE

STEPS = range(1, 12)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("quickstart") / "report.json"
    done = subprocess.run([str(SOURCE / "scripts/quickstart"), "--report", str(path)], text=True, capture_output=True,
                          timeout=1500)
    steps = {step["number"]: step for step in json.loads(path.read_text())} if path.exists() else {}
    return done, steps


@pytest.mark.parametrize("number", STEPS)
def test_step_holds(report, number):
    done, steps = report
    assert number in steps, f"step {number} was not reached:\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}"
    assert steps[number]["held"], f"{steps[number]['step']}: {steps[number]['shown']}\n{done.stdout[-4000:]}"


def test_ends_well_and_shows_a_summary(report):
    done, steps = report
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert len(steps) == len(STEPS)
    assert "seconds in all" in done.stdout
