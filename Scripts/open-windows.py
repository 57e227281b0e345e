#!/usr/bin/env python3
"""Which windows a kernel leaves between a defence and what it defends, by run: the rows of Documentation/OpenWindows.md.

    open-windows.py LIMEN KERNEL PROFILE CROSSING [LIMEN OPTION ...]

`limen trace` runs the crossing; a window is the boundaries behind the defence up to what it defends. At each of them each event is
injected, and the trace of that run says whether its handler comes back and whether the defence is made again behind it.
"""
import json
import re
import subprocess
import sys

EVENTS = ["nmi", "external-interrupt", "machine-check", "debug-breakpoint"]
RETURN = re.compile(r"^(sysret|iret|sysexit|eretu)")
INDIRECT = re.compile(r"^(call|jmp) \*")


def trace(arguments, inject=None):
    command = arguments + ["--format", "json"] + (["--inject", inject] if inject else [])
    ended = subprocess.run(command, capture_output=True, text=True)
    # 4: an event cannot be taken there.
    if ended.returncode not in (0, 4):
        sys.exit(f"open-windows: {' '.join(command)}: {ended.stderr.strip()}")
    return json.loads(ended.stdout)


def kernel_steps(document):
    return [step for step in document["steps"] if step["cpl"] == 0 and step["executed"]]


def is_verw(step):
    return step["instruction"].startswith("verw ") and "%" not in step["instruction"].split()[1].replace("%rip", "")


def is_loop(step):
    return step["location"].get("symbol") == "clear_bhb_loop"


def windows(steps):
    """The name of each defence, its boundaries, and which steps make it again."""
    found = []
    places = [i for i, step in enumerate(steps) if is_verw(step)]
    if places:
        end = next(i for i in range(places[-1], len(steps)) if RETURN.match(steps[i]["instruction"]))
        found.append(("VERW, up to the return", steps[places[-1] + 1 : end + 1], is_verw))
    places = [i for i, step in enumerate(steps) if is_loop(step)]
    if places:
        end = next((i for i in range(places[-1], len(steps)) if INDIRECT.match(steps[i]["instruction"])), None)
        if end is not None:
            found.append(("BHB loop, up to the first indirect branch", steps[places[-1] + 1 : end + 1], is_loop))
    return found


def outcome(arguments, step, event, again):
    boundary = step["boundary"]
    document = trace(arguments, f"{boundary}:{event}")
    taken = document["injections"][0]["outcome"]
    if taken != "taken":
        return taken
    steps = kernel_steps(document)
    back = [i for i, other in enumerate(steps) if other["boundary"] > boundary and other["location"] == step["location"]]
    if not back:
        return "does not come back"
    return "defended again" if any(again(other) for other in steps[back[0] :]) else "open"


def row(answers):
    kinds = sorted(set(answers))
    if len(kinds) == 1:
        return kinds[0]
    return ", ".join(f"{kind} at {answers.count(kind)}" for kind in kinds)


def main():
    limen, kernel, profile, crossing = sys.argv[1:5]
    arguments = [limen, "trace", kernel, "--profile", profile, "--crossing", crossing] + sys.argv[5:]
    document = trace(arguments)
    name = re.sub(r"^vmlinuz-|-amd64$", "", document["kernel"].get("name", kernel))
    for defence, steps, again in windows(kernel_steps(document)):
        cells = [row([outcome(arguments, step, event, again) for step in steps]) for event in EVENTS]
        first, last = (step["location"] for step in (steps[0], steps[-1]))
        where = " to ".join(f"{p['symbol']}+{p['offset']:#x}" for p in (first, last))
        print(f"| {name} | {profile} | {crossing} | {defence} | {len(steps)} | {where} | " + " | ".join(cells) + " |", flush=True)


main()
