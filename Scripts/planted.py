#!/usr/bin/env python3
"""How many small defects in Limen's own sources its tests notice.

Every defect of Scripts/planted-defects.txt is put into a copy of the tree, all of them at once, each behind the number that the environment
variable LIMEN_PLANTED names. So the copy is built once. With 0 it is Limen as it is, and its tests must pass; with any other number one
defect is there, and the tests that should notice are run until the first failure: of every defect the fast ones first, then the slower ones of
those that are not noticed yet. Tests that take longer than a limit with the defect have not noticed. Limits are of the processor's time where a
machine that is busy otherwise would make one.

  Scripts/planted.py check            say whether every defect's text still stands in the sources, once each
  Scripts/planted.py COPY             make the copy and build it; the same again goes on where it was stopped
  Scripts/planted.py COPY run [-STAGES] [N ..]
                                      run the defects, or some of them; with -2 only the first two of their tests. Results are kept in
                                      COPY/planted.tsv, and two runs of different defects may go on at once
  Scripts/planted.py COPY table       the results as the table of Documentation/Mutants.md
"""
import collections
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "Scripts" / "planted-defects.txt"
# What should notice, the fast first. `pages` is what SpecimenTests asks of every specimen and its twin, put to the program: that it finds the
# invariants that it finds without the defect, after as many trials. `own pages` are those of the invariant that the file declares.
# `images` is what QEMUAgreesTests asks: that the images of Tests/Privileged print what they print without the defect, when that test passes.
# `page A B` asks of these specimens alone, `images A B` of these images.
UNIT = "InterceptTests|NonCanonicalReturnTests|StackTransitionTests|VendorDifferenceTests|InterruptsLetInTests|SpuriousPageFaultTests|ProfileTests"
FRED = "BoundaryTests|BranchTrackingTests|EventReturnTests|FREDDeliveryTests|FREDElsewhereTests|LowBranchTests"
CALLS = "FailsafeTests|SyscallFlagsTests|DebugPutOffTests|EventChannelTests|MulticallIretTests|PageTableCallTests|SchedulingTests"
EDITS = "EditedDesignTests|WatchedToTheEndTests|OpenGateTests|ClaimsTests|RegistersClearedTests|StackOwnerTests|StackBoundedTests"
SUITES = {
    "machine": [UNIT + "|" + FRED + "|RecordedExecutionsTests", "images", EDITS, "pages"],
    "fred": [FRED, "FREDImageTests", "pages"],
    "xen": ["LimenAgreesTests", CALLS, EDITS, "pages"],
    "judge": ["own pages", EDITS, "pages"],
    "guards": ["own pages", "EditedDesignTests", "pages"],
    "registers": ["RegistersClearedTests", "pages"],
    "hypervisor": ["HypervisorWordsTests", "RealXenExplorationTests"],
    "search": ["WatchedToTheEndTests", "PruningHandlerTests", "PruningTests", "NestingTests|UnclaimedDesignTests"],
}
ROOMS = {
    "machine": "the machine", "fred": "FRED and branch tracking", "xen": "Xen PV", "judge": "invariants",
    "guards": "monitors of FRED and of the guards against speculation", "registers": "cleared registers",
    "hypervisor": "Xen in the machine", "search": "search",
}
# The defects of these are not in what boots a kernel: its snapshots are the same.
BOOTS_ALIKE = {"judge", "guards", "registers", "search"}
# Seconds of the processor, which others may use as well, and of the clock. What takes so many times as long with the defect hangs, and whoever
# waits for the tests notices.
LIMIT, LONGEST, HANG = 90, 600, 20


class Defect:
    """A text and what stands for it; tests to ask first (`?`) and that it led to (`!`), and why nobody can notice it (`=`)."""

    def __init__(self, number, block):
        lines = block.split("\n")
        self.test = next((line[2:] for line in lines if line.startswith("! ")), None)
        self.why = next((line[2:] for line in lines if line.startswith("= ")), None)
        self.first = [line[2:] for line in lines if line.startswith("? ")]
        head, body = "\n".join(line for line in lines if line[:2] not in ("? ", "! ", "= ")).split("\n", 1)
        file, kind = [part.strip() for part in head[2:].split("|")]
        old, new = body.split("\n+ ", 1)
        self.number, self.file, self.kind = number, file, kind
        self.old, self.new = old[2:], new.rstrip("\n")

    @property
    def asked(self):
        return self.first + ([self.test] if self.test else []) + SUITES[self.kind]

    @property
    def shown(self):
        return f"{self.file.removeprefix('Sources/')}: `{' '.join(self.new.split())}`"


def defects():
    text = "\n".join(line for line in LIST.read_text().split("\n") if not line.startswith("#"))
    blocks = [block for block in re.split(r"\n\s*\n", text.strip()) if block.startswith("@ ")]
    return [Defect(index + 1, block) for index, block in enumerate(blocks)]


SWITCH = """/// Which defect is planted in this copy.
#if canImport(Glibc)
  import Glibc
#endif

private let number: Int = getenv("LIMEN_PLANTED").flatMap { Int(String(cString: $0)) } ?? 0

@inline(never) func isPlanted(_ wanted: Int) -> Bool { number == wanted }
"""


def planted(root):
    """The files of the tree below `root` with all the defects in them; ends the program where a text is not there exactly once."""
    files, complaints = {}, []
    for defect in defects():
        text = files.get(defect.file) or (root / defect.file).read_text()
        if text.count(defect.old) != 1:
            complaints.append(f"{defect.number} {defect.file}: {text.count(defect.old)} times, not once: {defect.old}")
        files[defect.file] = text.replace(defect.old, defect.new.replace("PLANTED", f"isPlanted({defect.number})"))
        files["/".join(defect.file.split("/")[:2]) + "/IsPlanted.swift"] = SWITCH
    if complaints:
        sys.exit("\n".join(complaints))
    return files


def check():
    planted(ROOT)
    print(f"{len(defects())} defects can be planted")


def make(copy):
    # A worktree's .git is a file that names its place.
    if not (copy / ".git").exists():
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "--detach", copy, "HEAD"], check=True)
        for script in ["probe.sh", "reference-kernel.sh", "privileged.sh"]:
            path = copy / "Scripts" / script
            subprocess.run([path], check=True, stdout=subprocess.DEVNULL)
            # What they build is the same whatever is planted; the tests need not build it anew.
            first, rest = path.read_text().split("\n", 1)
            path.write_text(f'{first}\n[ -z "${{LIMEN_PLANTED:-}}" ] || exit 0\n{rest}')
    # What is as it was is not written, so that nothing of it is built anew.
    for name, text in planted(ROOT).items():
        path = copy / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    subprocess.run(["swift", "build", "-c", "release", "--build-tests"], cwd=copy, check=True)


def end_session(leader):
    """Ends what was started in the session, the tests' own programs too, each of which has a process group of its own."""
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int((entry / "stat").read_text().rsplit(")", 1)[1].split()[3]) == leader:
                os.kill(int(entry.name), signal.SIGKILL)
        except (OSError, IndexError):
            pass


IMAGES = ["iret", "delivery", "syscall", "debug", "segments", "paging", "privilege", "interrupts", "transfers", "fred", "control", "msrs", "triple"]


def limited(seconds):
    """For a child: so many seconds of the processor, each of its processes."""
    return lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))


def limen(copy, words, number, seconds=LIMIT, env={}, **more):
    """What the program says; an exception where it takes too long for any answer."""
    ended = subprocess.run(
        [copy / ".build/x86_64-unknown-linux-gnu/release/limen", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, preexec_fn=limited(seconds), env={**os.environ, "LIMEN_PLANTED": str(number), **env}, **more)
    if ended.returncode == -signal.SIGXCPU:
        raise TimeoutError
    return ended


def image_answer(copy, image, profile, number):
    # None of them takes a second.
    ended = limen(copy, ["boot", copy / ".build-privileged" / image, "--profile", profile], number, HANG)
    # Cases of which nothing is asked.
    exceptions = copy / "Tests/Privileged/exceptions" / f"{image}.txt"
    free = re.findall(r"^(?:(\w+) )?([\w-]+): \*$", exceptions.read_text() if exceptions.exists() else "", re.M)
    free = {name for of, name in free if of in ("", profile)}
    lines = ended.stdout.decode(errors="replace").replace("\r", "").split("\n")
    return "\n".join(line for line in lines if re.sub(r"\.([0-9a-f]+|end)$", "", line.split(":")[0]) not in free)


def kept(path, answer):
    """What the file says; where there is none, it is made, whoever else makes it at the same time."""
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(answer())
        part.rename(path)
    return path.read_text()


def ask_images(copy, defect, images):
    for image in images:
        for profile in ["intel", "amd"]:
            sound = kept(copy / f".image-{image}-{profile}", lambda: image_answer(copy, image, profile, 0))
            try:
                if image_answer(copy, image, profile, defect.number) != sound:
                    return f"printsTheSame({image}, {profile})"
            except TimeoutError:
                return f"hangs, {HANG} s of {image}"
    return "passes"


def page_answer(copy, subject, number, cache):
    """The check's status, the invariants that are named, and how many trials there were."""
    ended = limen(
        copy, ["check", subject, "--no-witnesses"], number, cwd=cache, text=True, errors="replace",
        env={"NO_COLOR": "1", "LIMEN_CACHE": cache})
    named = ",".join(sorted(set(re.findall(r"\[([a-z-]+)\]", ended.stdout))))
    return f"{ended.returncode} {named} {re.findall(r'([0-9]+ trials), [0-9]+ guest', ended.stdout)}"


def ask_pages(copy, defect, suites, cache):
    declared = re.search(r'identifier: "([a-z-]+)"', (copy / defect.file).read_text()) if defect else None
    pages = sorted((copy / "Specimens").glob("*/Defective.S"))
    if suites.startswith("page "):
        pages = [copy / "Specimens" / name / "Defective.S" for name in suites.split()[1:]]
    if suites == "own pages":
        if declared is None:
            return "runs no test"
        # Those first that take no event, and no host's.
        own = [(page.read_text(), page) for page in pages]
        own = [(text, page) for text, page in own if f"\n// invariant: {declared.group(1)}\n" in text]
        pages = [page for text, page in sorted(own, key=lambda one: (one[1].parent.name.startswith("host-"), "\n// depth: 0\n" not in one[0]))]
    start = time.monotonic()
    for page in pages:
        for subject in [f"specimen:{page.parent.name}", f"specimen:{page.parent.name}:fixed"]:
            try:
                sound = kept(copy / f".page-{subject}", lambda: page_answer(copy, subject, 0, copy / ".cache-0"))
                if page_answer(copy, subject, defect.number, cache) != sound:
                    return f"thePageIsTrue({subject})"
            except TimeoutError:
                return f"not in {LIMIT} s of {subject}"
        if time.monotonic() - start > LONGEST and page != pages[-1]:
            return f"not in {LONGEST} s"
    return "passes"


def ask(copy, defect, suites, sound):
    """What the tests say of the defect, or of none: `passes`, the first test that fails, how they ended, or that they took too long.

    `sound` is how many seconds they take without a defect.
    """
    number = defect.number if defect else 0
    # What a defect boots is no boot of another's.
    cache = copy / f".cache-{0 if not defect or defect.kind in BOOTS_ALIKE else number}"
    cache.mkdir(exist_ok=True)
    for name in ["kernels", "xen", "selftests"]:
        there = pathlib.Path.home() / ".cache/limen" / name
        if there.exists() and not (cache / name).exists():
            (cache / name).symlink_to(there)
    if suites.split()[0] == "images":
        return ask_images(copy, defect, suites.split()[1:] or IMAGES) if defect else "passes"
    if suites.endswith("pages") or suites.startswith("page "):
        return ask_pages(copy, defect, suites, cache) if defect else "passes"
    limit = max(HANG * sound, 30) if defect else LONGEST
    bundle = copy / ".build/x86_64-unknown-linux-gnu/release/limenPackageTests.xctest"
    process = subprocess.Popen(
        [bundle, "--testing-library", "swift-testing", "--filter", suites], cwd=copy, text=True, errors="replace",
        env={**os.environ, "LIMEN_PLANTED": str(number), "NO_COLOR": "1", "LIMEN_CACHE": cache}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=limited(limit))
    late = threading.Event()
    timer = threading.Timer(LONGEST, lambda: (late.set(), end_session(process.pid)))
    timer.start()
    found, ran, last = None, False, ""
    for line in process.stdout:
        ran = ran or "passed after" in line
        last = line.strip() or last
        match = re.search(r'Test (?:(\w+)\(|"([^"]*)").*(recorded an issue|failed)', line)
        if match:
            found = match.group(1) or match.group(2)
            break
    end_session(process.pid)
    status = process.wait()
    timer.cancel()
    if number and cache.name != ".cache-0":
        subprocess.run(["rm", "-rf", cache])
    if found:
        return found
    if late.is_set():
        return f"not in {LONGEST} s"
    if status == -signal.SIGXCPU:
        return f"hangs, {limit} s for {sound} s"
    if status != 0:
        return f"ended with {status}" + (f" ({signal.Signals(-status).name})" if status < 0 else f": {last[:80]}")
    return "passes" if ran else "runs no test"


def is_noticed(verdict):
    return verdict not in ("passes", "runs no test") and not verdict.startswith("not in ")


def results(copy):
    """By number and tests, what was said, and after how many seconds."""
    path = copy / "planted.tsv"
    rows = [line.split("\t") for line in path.read_text().splitlines()] if path.exists() else []
    return {(int(row[0]), row[1]): (row[2], int(row[3])) for row in rows}


def run(copy, words):
    stages = -min([int(word) for word in words if word.startswith("-")], default=-9)
    chosen = {int(word) for word in words if not word.startswith("-")}
    known = results(copy)

    def verdict(defect, suites):
        key = (defect.number if defect else 0, suites)
        if key not in known:
            start = time.monotonic()
            said = ask(copy, defect, suites, known.get((0, suites), ("", 0))[1])
            known[key] = said, round(time.monotonic() - start)
            with (copy / "planted.tsv").open("a") as file:
                file.write(f"{key[0]}\t{suites}\t{said}\t{known[key][1]}\n")
            print(time.strftime("%H:%M:%S"), key[0], f"{known[key][1]} s", said, suites, sep="\t", flush=True)
        return known[key][0]

    wanted = [defect for defect in defects() if not chosen or defect.number in chosen]
    for stage in range(min(stages, max(len(defect.asked) for defect in wanted))):
        for defect in wanted:
            asked = defect.asked
            if stage >= len(asked) or any(is_noticed(known.get((defect.number, suites), ("passes",))[0]) for suites in asked):
                continue
            # Without a defect they pass.
            if verdict(None, asked[stage]) == "passes":
                verdict(defect, asked[stage])


def table(copy):
    known = {key: said for key, (said, _) in results(copy).items()}
    rows, rest, part = collections.defaultdict(collections.Counter), [], []
    for defect in defects():
        said = [known[key] for key in known if key[0] == defect.number]
        if not said:
            continue
        row = rows[ROOMS[defect.kind]]
        row["ran"] += 1
        by = next(((key[1], known[key]) for key in known if key[0] == defect.number and is_noticed(known[key])), None)
        if by and by[0] != defect.test:
            row["noticed"] += 1
            row["by its end"] += by[1].startswith(("ended with", "hangs"))
            continue
        slow = [one for one in said if one.startswith("not in ")]
        left = [suites for suites in defect.asked if (defect.number, suites) not in known]
        row["noticed since" if by else "equivalent" if defect.why else "in part" if left or slow else "missed"] += 1
        if not by and not defect.why and (left or slow):
            part.append(str(defect.number))
            continue
        became = f"`{defect.test}`: {by[1]}" if by else defect.why or "open: all of its tests pass"
        rest.append(f"| {defect.number} | {defect.shown.replace('|', chr(92) + '|')} | {became} |")
    columns = ["ran", "noticed", "by its end", "noticed since", "equivalent", "in part", "missed"]
    print("| room | defects | noticed | of these by a crash or hang | by a test that it led to | equivalent | asked in part | open |\n|---|---|---|---|---|---|---|---|")
    for room, row in rows.items():
        print(f"| {room} | " + " | ".join(str(row[column]) for column in columns) + " |")
    total = sum(rows.values(), collections.Counter())
    print("| all | " + " | ".join(str(total[column]) for column in columns) + " |")
    print("\n| | noticed by a test that it led to, or equivalent | by which, and why |\n|---|---|---|")
    print("\n".join(rest))
    if part:
        print("\nNot noticed by those of their tests that were asked, which are not all: " + ", ".join(part) + ".")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] == "check":
        sys.exit(check())
    copy, verb = pathlib.Path(sys.argv[1]).resolve(), (sys.argv[2:] or ["make"])[0]
    {"make": lambda: make(copy), "run": lambda: run(copy, sys.argv[3:]), "table": lambda: table(copy)}[verb]()
