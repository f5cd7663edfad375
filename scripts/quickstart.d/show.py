"""What quickstart prints, and how it runs commands: each one is shown before it runs."""
import contextlib
import shlex
import subprocess
import sys
import threading
import time


class ClaimFailed(Exception):
    """Something that quickstart shows doesn't hold."""


def say(text):
    for line in text.splitlines():
        print("   " + line, flush=True)


def holds(claim, evidence=""):
    """A claim that was just checked and holds."""
    print(f"   ✓ {claim}" + (f": {evidence}" if evidence else ""), flush=True)


def require(condition, claim, evidence=""):
    if not condition:
        raise ClaimFailed(f"{claim} does not hold" + (f": {evidence}" if evidence else ""))
    holds(claim, evidence)


@contextlib.contextmanager
def progress(what, after=2.0, every=10.0):
    """Says what is being waited for, and goes on saying it, when it takes longer than two seconds."""
    done = threading.Event()
    begin = time.monotonic()

    def tell():
        pause = after
        while not done.wait(pause):
            say(f"… {what} ({time.monotonic() - begin:.0f} s)")
            pause = every

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def wait_for(what, condition, limit=120.0, pause=0.25):
    """The condition's first true value; ClaimFailed after `limit` seconds."""
    deadline = time.monotonic() + limit
    with progress(f"waiting for {what}"):
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise ClaimFailed(f"{what}: not seen within {limit:.0f} s")
            time.sleep(pause)


def short(command, replace=()):
    text = shlex.join(command)
    for long, brief in replace:
        text = text.replace(long, brief)
    return text if len(text) < 220 else text[:217] + "…"


def run(command, *, shown=None, quiet=False, input=None, env=None, limit=600.0, check=True):
    """Shows and runs a command; its output is shown too unless quiet, and returned."""
    print(f"   $ {shown or short(command)}", flush=True)
    with progress(f"running {command[0].rsplit('/', 1)[-1]}"):
        done = subprocess.run(command, input=input, env=env, text=True, capture_output=True, timeout=limit)
    if check and done.returncode != 0:
        raise ClaimFailed(f"`{shown or short(command)}` ended with {done.returncode}: {done.stderr.strip()[-600:]}")
    if not quiet and done.stdout.strip():
        lines = done.stdout.rstrip().splitlines()
        for line in lines[:24]:
            print("     " + line[:150], flush=True)
        if len(lines) > 24:
            print(f"     … {len(lines) - 24} lines more", flush=True)
    return done.stdout if check else done


def table(rows, header):
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, ["─" * width for width in widths], *rows]:
        print("   " + "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())
    sys.stdout.flush()
