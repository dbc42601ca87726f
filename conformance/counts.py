#!/usr/bin/env python3
"""Counts that should only fall: `conformance/counts.py [--bless]`.

Per crate: stub and partial exports, `unwrap`/`expect`/`panic!` outside of tests, statics, unsafe blocks, files over 800
lines. counts.txt holds what is allowed; more than that fails. --bless writes what is there, and is for commits that
lower a count, or that say why one has to rise.
"""
import re, sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
LIST = TOP / "conformance" / "counts.txt"
PATTERNS = {
    "stub calls": r"^    \d+ \w+\(.*\bStub\(",
    "partial calls": r"^    \d+ \w+\(.*\bPartial\(",
    "stub exports": r"#\[export\([^\]]*\bstub\(|^\s*export_\w+!\([^)]*\bstub\(",
    "partial exports": r"#\[export\([^\]]*\bpartial\(|^\s*export_\w+!\([^)]*\bpartial\(",
    "panics": r"\.unwrap\(\)|\.expect\(|\bpanic!\(|\bunreachable!\(|\btodo!\(",
    "statics": r"^\s*(?:pub(?:\([^)]*\))? )?static\b",
    "unsafe blocks": r"\bunsafe \{|\bunsafe impl\b",
}


def code_of(path):
    """The file without comments and without its test modules (by convention the last thing in a file)."""
    text = path.read_text()
    text = re.split(r"^#\[cfg\(test\)\]\s*\n(?:#\[.*\]\s*\n)*mod ", text, flags=re.M)[0]
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("//"))


def count():
    counts = {}
    manifests = sorted(m.parent for m in TOP.glob("**/Cargo.toml") if not {"target", "fuzz"} & set(m.relative_to(TOP).parts))
    for crate in manifests:
        name = "uosrun" if crate == TOP else str(crate.relative_to(TOP))
        for path in sorted(p for p in (crate / "src").glob("**/*.rs") if p.name != "tests.rs"):
            code = code_of(path)
            for what, regex in PATTERNS.items():
                counts[name, what] = counts.get((name, what), 0) + len(re.findall(regex, code, flags=re.M))
            counts[name, "files over 800 lines"] = counts.get((name, "files over 800 lines"), 0) + (path.read_text().count("\n") > 800)
    return {key: n for key, n in counts.items() if n}


def read():
    lines = (line.rsplit(": ", 1) for line in LIST.read_text().splitlines() if ": " in line) if LIST.exists() else ()
    return {tuple(key.split(", ", 1)): int(n) for key, n in lines}


def check():
    """Messages for what has risen."""
    allowed = read()
    return [f"{crate}, {what}: {n}, allowed are {allowed.get((crate, what), 0)}"
            for (crate, what), n in sorted(count().items()) if n > allowed.get((crate, what), 0)]


if __name__ == "__main__":
    if "--bless" in sys.argv:
        LIST.write_text("".join(f"{crate}, {what}: {n}\n" for (crate, what), n in sorted(count().items())))
    risen = check()
    print("\n".join(risen) or "no count has risen")
    sys.exit(bool(risen))
