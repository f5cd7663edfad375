#!/usr/bin/python3
"""quickstart's steps 2 to 11; scripts/quickstart did step 1 (see there for the options)."""
import argparse
import json
import os
import signal
import sys
import time

import hosts
import steps_recovery
import steps_rollout
import steps_service
import steps_setup
from loop import Loop, kept, new_facts
from show import ClaimFailed, table

WHY = {
    "find out what this host enforces": "A limit that the kernel doesn't enforce is no limit: without cgroup v2's "
                                        "controllers the containers run in a guest that has them.",
    "start registry, control plane and agent": "Three programs; the agent registers its host's real CPU and memory.",
    "make two images": "Out of Debian's packages, so that no account and no foreign registry is needed.",
    "log in and push": "With the aws command line's own token, as with Amazon ECR.",
    "create a service": "A task definition with CPU, memory, a dynamic port and a health check; two tasks of it.",
    "prove that limits are enforced": "By what the kernel has and does, not by what we say.",
    "roll out a new version": "New tasks start before old ones stop; the timeline shows each.",
    "follow an image": "A service tagged gantry:follow-image=true is redeployed when its tag is pushed.",
    "kill -9 the agent and the control plane": "A container's parent is its monitor: neither of the two.",
    "stop everything": "And remove what was started.",
}


def steps(loop, in_guest):
    return [
        ("find out what this host enforces", lambda: steps_setup.choose_host(loop, in_guest)),
        ("start registry, control plane and agent", lambda: steps_setup.start_servers(loop)),
        ("make two images", lambda: steps_setup.make_images(loop)),
        ("log in and push", lambda: steps_setup.log_in_and_push(loop)),
        ("create a service", lambda: steps_service.create_service(loop)),
        ("prove that limits are enforced", lambda: steps_service.prove_enforcement(loop)),
        ("roll out a new version", lambda: steps_rollout.roll_out(loop)),
        ("follow an image", lambda: steps_rollout.follow_image(loop)),
        ("kill -9 the agent and the control plane", lambda: steps_recovery.kill_and_restart(loop)),
        ("stop everything", lambda: steps_recovery.finish(loop)),
    ]


def run_steps(loop, in_guest, results):
    for number, (name, step) in enumerate(steps(loop, in_guest), 2):
        print(f"\n── {number}. {name} ──\n   {WHY[name]}", flush=True)
        begin = time.monotonic()
        result = {"number": number, "step": name, "shown": "", "held": False}
        results.append(result)
        try:
            result["shown"] = step()
            result["held"] = True
        except Exception as error:
            result["shown"] = f"{error}" if isinstance(error, ClaimFailed) else f"{type(error).__name__}: {error}"
            print(f"   ✗ {result['shown']}", flush=True)
            return False
        finally:
            result["seconds"] = round(time.monotonic() - begin, 1)
    return True


def show_logs(loop):
    for name in ("gantry-control.log", "gantry-registry.log", "agent.log"):
        path = loop.state / name
        if path.exists():
            print(f"\n   the end of {name}:")
            for line in path.read_text(errors="replace").splitlines()[-12:]:
                print("     " + line[:220])


def stop_kept():
    for facts in kept():
        print(f"   ending {facts['state']}", flush=True)
        Loop(facts).stop()


def main():
    parser = argparse.ArgumentParser(prog="scripts/quickstart")
    parser.add_argument("--keep", action="store_true", help="leave everything running and print how to go on")
    parser.add_argument("--guest", action="store_true", help="use the QEMU guest even where this host enforces limits")
    parser.add_argument("--stop", action="store_true", help="end what --keep left running, and remove it")
    parser.add_argument("--report", metavar="FILE", help="write what was shown as JSON")
    options = parser.parse_args()
    if options.stop:
        return stop_kept()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    in_guest = options.guest or bool(hosts.missing_controllers())
    seconds = int(os.environ.get("GANTRY_QUICKSTART_BUILD_SECONDS", "0"))
    results = [{"number": 1, "step": "install what is missing, and build", "shown": "build/release", "held": True,
                "seconds": seconds}]
    loop = Loop(new_facts(in_guest), options.keep)
    good = False
    try:
        good = run_steps(loop, in_guest, results)
        if not good:
            show_logs(loop)
    finally:
        if loop.state.exists() and not (good and options.keep):
            print("\n   cleaning up", flush=True)
            loop.stop()
    print()
    table([(r["number"], r["step"], ("" if r["held"] else "FAILED: ") + r["shown"][:90], r["seconds"]) for r in results],
          ("#", "step", "what was shown", "seconds"))
    print(f"\n   {sum(r['seconds'] for r in results):.0f} seconds in all")
    if options.report:
        with open(options.report, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=2)
    sys.exit(0 if good else 1)


main()
