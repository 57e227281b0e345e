#!/usr/bin/env python3
"""How many small defects in Limen's own sources its tests notice.

Every defect of Scripts/planted-defects.txt is put into a copy of the tree, all of them at once, each behind the number that the environment
variable LIMEN_PLANTED names. So the copy is built once. With 0 it is Limen as it is, and its tests must pass; with any other number one
defect is there, and the tests that should notice are run until the first failure.

  Scripts/planted.py check            say whether every defect's text still stands in the sources, once each
  Scripts/planted.py COPY             make the copy and build it; the same again goes on where it was stopped
  Scripts/planted.py COPY run [N ..]  run the defects, or some of them; results are kept in COPY/planted.tsv
  Scripts/planted.py COPY table       the results as the table of Documentation/Mutants.md
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "Scripts" / "planted-defects.txt"
# What should notice, the fast first.
SUITES = {
    "machine": ["InterceptTests|NonCanonicalReturnTests|StackTransitionTests|VendorDifferenceTests|BareMetalTests.FreeRunTests|PositionTests",
                "RecordedExecutionsTests|QEMUAgreesTests", "EditedDesignTests", "AblationTests", "SpecimenTests"],
    "xen": ["FailsafeTests|SyscallFlagsTests|DebugPutOffTests|EventChannelTests|MulticallIretTests|XenPVTests.FreeRunTests|PrivilegedOperationsTests|SchedulingTests|PageTableCallTests",
            "LimenAgreesTests|XenAgreesTests", "EditedDesignTests", "AblationTests|XenPVExplorationTests", "SpecimenTests"],
    "judge": ["EditedDesignTests|UnclaimedDesignTests", "AblationTests", "SpecimenTests"],
    "search": ["NestingTests|PruningTests|PruningHandlerTests|WatchedToTheEndTests|UnclaimedDesignTests|EditedDesignTests",
               "SpecimenTests|SteppedReferenceTests"],
}
LONGEST = 900


class Defect:
    def __init__(self, number, block):
        head, body = block.split("\n", 1)
        file, kind = [part.strip() for part in head[2:].split("|")]
        old, new = body.split("\n+ ", 1)
        self.number, self.file, self.kind = number, file, kind
        self.old, self.new = old[2:], new.rstrip("\n")

    def row(self):
        shown = self.new.split("\n")[0].strip()
        return f"{self.number}\t{self.file.removeprefix('Sources/')}\t`{shown}`"


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
            subprocess.run([copy / "Scripts" / script], check=True, stdout=subprocess.DEVNULL)
    # What is as it was is not written, so that nothing of it is built anew.
    for name, text in planted(ROOT).items():
        path = copy / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    subprocess.run(["swift", "build", "-c", "release", "--build-tests"], cwd=copy, check=True)


def fails(copy, number, suites):
    """The first test that fails, or None."""
    # What a defect boots is no boot of another's.
    cache, downloads = copy / f".cache-{number}", pathlib.Path.home() / ".cache/limen"
    cache.mkdir(exist_ok=True)
    for name in ["kernels", "xen", "selftests"]:
        if (downloads / name).exists() and not (cache / name).exists():
            (cache / name).symlink_to(downloads / name)
    bundle = copy / ".build/x86_64-unknown-linux-gnu/release/limenPackageTests.xctest"
    process = subprocess.Popen(
        [bundle, "--testing-library", "swift-testing", "--filter", suites], cwd=copy, text=True, errors="replace",
        env={**os.environ, "LIMEN_PLANTED": str(number), "NO_COLOR": "1", "LIMEN_CACHE": cache}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True)
    deadline = time.monotonic() + LONGEST
    found = None
    for line in process.stdout:
        match = re.search(r"Test (\w+)\(.*(recorded an issue|failed)", line)
        if match or time.monotonic() > deadline:
            found = match.group(1) if match else "took too long"
            os.killpg(process.pid, 9)
            break
    status = process.wait()
    if number != 0:
        shutil.rmtree(cache, ignore_errors=True)
    if found is None and status != 0:
        found = f"ended with {status}"
    return found


def run(copy, chosen):
    results = copy / "planted.tsv"
    lines = [line.split("\t") for line in results.read_text().splitlines()] if results.exists() else []
    known = {line[0]: line[1] for line in lines}

    def note(what, verdict):
        known[what] = verdict
        with results.open("a") as file:
            file.write(f"{what}\t{verdict}\n")

    def passes(suites):
        """Without a defect; asked before the suites are first used."""
        if f"0 {suites}" not in known:
            failure = fails(copy, 0, suites)
            if failure:
                print(f"without a defect, {suites}: {failure}; not used", flush=True)
            note(f"0 {suites}", failure or "passes")
        return known[f"0 {suites}"] == "passes"

    for defect in defects():
        if str(defect.number) in known or chosen and defect.number not in chosen:
            continue
        verdict = "survived"
        for suites in SUITES[defect.kind]:
            if passes(suites) and (failure := fails(copy, defect.number, suites)):
                verdict = failure
                break
        note(str(defect.number), verdict)
        print(defect.row() + "\t" + verdict, flush=True)


def table(copy):
    found = dict(line.split("\t") for line in (copy / "planted.tsv").read_text().splitlines())
    ran = [defect for defect in defects() if str(defect.number) in found]
    caught = [defect for defect in ran if found[str(defect.number)] != "survived"]
    print(f"{len(caught)} of {len(ran)} were noticed.\n\n| | file | defect | noticed by |\n|---|---|---|---|")
    for defect in ran:
        cells = defect.row().replace("|", "\\|").split("\t")
        print("| " + " | ".join(cells) + f" | {found[str(defect.number)]} |")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] == "check":
        sys.exit(check())
    copy, verb = pathlib.Path(sys.argv[1]).resolve(), (sys.argv[2:] or ["make"])[0]
    {"make": lambda: make(copy), "run": lambda: run(copy, {int(n) for n in sys.argv[3:]}), "table": lambda: table(copy)}[verb]()
