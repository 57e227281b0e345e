#!/usr/bin/env python3
"""Which guards against the training of branches a kernel executes in their place, by run: the rows of Documentation/OpenWindows.md.

    guards-in-place.py LIMEN KERNEL PROFILE CROSSING [LIMEN OPTION ...]

Read from `limen trace`, the crossing without events; what is owed follows from the profile, not from the kernel:

  untrained   zen2, zen3, zen4   the first RET since user mode is untrained right before it, or an IBPB was written
  history     ice-lake           a loop of taken branches stands before a system call's first indirect branch
  aligned     ice-lake           returns and indirect branches end in the upper half of their cache line
  filled      zen2, zen3         behind an IBPB at the entry 32 calls come before the first RET
"""
import json
import re
import subprocess
import sys

SYSTEM_CALLS = {"syscall64", "syscall32", "sysenter", "int80", "sigreturn"}
# AMD, "Technical Update Regarding Speculative Return Stack Overflow": a branch shares a RET's place in the predictor so.
ALIASED = 1 << 2 | 1 << 8 | 1 << 14 | 1 << 20
RETURN = re.compile(r"^ret\b")
INDIRECT = re.compile(r"^(call|jmp) \*")
# Intel's loop makes 61 taken branches in 160 bytes.
LOOP_BRANCHES, LOOP_EXTENT = 50, 256


def kernel_steps(arguments):
    ended = subprocess.run(arguments, capture_output=True, text=True)
    if ended.returncode == 4:
        sys.exit(0)  # The processor has no such crossing.
    if ended.returncode != 0:
        sys.exit(f"guards-in-place: {' '.join(arguments)}: {ended.stderr.strip()}")
    document = json.loads(ended.stdout)
    steps = [step for step in document["steps"] if step["cpl"] == 0 and step["executed"]]
    for step in steps:
        step["at"] = int(step["location"]["address"], 16)
    return document, steps


def place(step):
    return f"`{step['location'].get('symbol', '')}+{step['location'].get('offset', 0):#x}`"


def length(step):
    """Of a return or an indirect branch; None where its text does not say, as it names memory."""
    text = step["instruction"]
    if RETURN.match(text):
        return 3 if "$" in text else 1
    register = re.match(r"^(?:call|jmp) \*%r(\w+)$", text)
    return (3 if register.group(1).isdigit() else 2) if register else None


def barrier(steps):
    names = ("entry_ibpb", "write_ibpb")
    return next((i for i, s in enumerate(steps) if s["instruction"] == "wrmsr" and s["location"].get("symbol") in names), None)


def covers(step, ret):
    """An instruction that has the RET among its bytes: TEST with an immediate byte behind it, or MOV of eight bytes."""
    text = step["instruction"]
    size = 10 if re.match(r"^mov(abs)? \$", text) else 3 if text.startswith("test $") else 1
    return step["at"] < ret < step["at"] + size


def untrained(steps, profile):
    first = next((i for i, step in enumerate(steps) if RETURN.match(step["instruction"])), None)
    if first is None:
        return "no return"
    ret = steps[first]["at"]
    written = barrier(steps[:first])
    recent = steps[max(0, first - 12) : first]
    if profile == "zen2":
        done = any(covers(step, ret) for step in recent)
    else:
        # What leads up to the RET without a branch, and what shares its place: Linux arch/x86/kernel/vmlinux.lds.S, srso_alias_untrain_ret.
        run = [step["at"] for step in recent if ret - 8 <= step["at"] <= ret] + [ret]
        done = any(step["at"] ^ at == ALIASED for step in recent for at in run)
    if done:
        return "untrained" if written is None else "**IBPB and untrained**"
    return "IBPB" if written is not None else f"**not** at {place(steps[first])}"


def filled(steps):
    written = barrier(steps)
    if written is None:
        return "no IBPB"
    calls = 0
    for step in steps[written:]:
        calls += step["instruction"].startswith("call")
        if RETURN.match(step["instruction"]):
            return f"{calls} calls" if calls >= 32 else f"**{calls} calls**"
    return "no return"


def is_taken(step, after):
    text = step["instruction"]
    if text.startswith(("call", "jmp", "ret")):
        return True
    # A conditional branch has two bytes or six.
    return text.startswith("j") and after["at"] - step["at"] not in (2, 6)


def history(steps):
    taken = []
    for i, step in enumerate(steps):
        if i and is_taken(steps[i - 1], step):
            taken.append(steps[i - 1]["at"])
        run = taken[-LOOP_BRANCHES:]
        if len(run) == LOOP_BRANCHES and max(run) - min(run) < LOOP_EXTENT:
            return "loop"
        if INDIRECT.match(step["instruction"]):
            return f"**not** at {place(step)}"
    return "no indirect branch"


def aligned(steps):
    branches = [(s, length(s)) for s in steps if RETURN.match(s["instruction"]) or INDIRECT.match(s["instruction"])]
    low = [s for s, n in branches if n is not None and (s["at"] + n - 1) & 32 == 0]
    unknown = sum(1 for _, n in branches if n is None)
    text = f"all {len(branches) - unknown}" if not low else f"**{len(low)} of {len(branches) - unknown} not**, first {place(low[0])}"
    return text + (f", {unknown} of memory" if unknown else "")


def main():
    limen, kernel, profile, crossing = sys.argv[1:5]
    arguments = [limen, "trace", kernel, "--profile", profile, "--crossing", crossing, "--format", "json"] + sys.argv[5:]
    document, steps = kernel_steps(arguments)
    name = re.sub(r"^vmlinuz-|-amd64$", "", document["kernel"].get("name", kernel))
    cells = {"untrained": "", "filled": "", "history": "", "aligned": ""}
    if profile in ("zen2", "zen3", "zen4"):
        cells["untrained"] = untrained(steps, profile)
    if profile in ("zen2", "zen3"):
        cells["filled"] = filled(steps)
    if profile == "ice-lake":
        cells["aligned"] = aligned(steps)
        if crossing in SYSTEM_CALLS:
            cells["history"] = history(steps)
    print(f"| {name} | {profile} | {crossing} | " + " | ".join(cells.values()) + " |", flush=True)


main()
