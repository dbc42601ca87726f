#!/usr/bin/env python3
"""Runs every test of the project and counts: `./test [--bless] [PATTERN]`.

1. cargo fmt --check, cargo clippy, counts that may not rise (counts.py), cargo test --workspace
2. guest programs (conformance/guests/*/*.c, *.cpp): built by mingw-w64, for msvcrt and (the crt family) for UCRT, run
   under uosrun, and their output compared with the .expected file beside them
3. robustness: bad images and bad use give an error and the documented exit code
4. real programs (conformance/programs) with their jobs
5. the Linux guest (linux.py): guests, errors, and programs of a Debian tree

A PATTERN restricts to tests whose name contains it. --bless writes what guests print as expected.
"""
import json, os, shutil, subprocess, sys, tempfile
from pathlib import Path

import linux

TOP = Path(__file__).resolve().parent.parent
BUILD = TOP / "conformance" / "build"
UOSRUN = Path(os.environ.get("UOSRUN", TOP / "target" / "release" / "uosrun"))
PROGRAMS = ("esbuild-bundle buildifier-format dbmate-sqlite biome-format ast-grep-rewrite pagefind-index ruff-format typos-fix "
            "ripgrep-search ripgrep-pipe elm-format-file cmake-script 7zip-zip-hash rcedit-version ffmpeg-mpeg4 duckdb-query zig-ast "
            "node-full sass-compile").split()

passed = failed = 0
skipped = []
bless = "--bless" in sys.argv
pattern = next((a for a in sys.argv[1:] if not a.startswith("--")), "")


def wanted(name):
    return pattern in name


def result(name, ok, why=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    print(f"{'pass' if ok else 'FAIL'}  {name}" + (f"\n{why}" if not ok and why else ""), flush=True)


def run(cmd, timeout=600, **kw):
    return subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, stdin=subprocess.DEVNULL, **kw)


def step(name, cmd):
    if not wanted(name):
        return
    p = run(cmd, timeout=2400, cwd=TOP)
    result(name, p.returncode == 0, p.stdout.decode(errors="replace")[-4000:])


# --- guests ---------------------------------------------------------------------------------------

UCRT = ["-D_UCRT", "-nodefaultlibs", "-Wl,--start-group", "-lmingw32", "-lgcc", "-lmoldname", "-lmingwex", "-lucrt", "-lkernel32", "-ladvapi32", "-luser32",
        "-Wl,--end-group"]


def build(source, variant):
    """Compiles a guest; returns its path, or the compiler's words."""
    exe = BUILD / f"{source.parent.name}-{source.stem}-{variant}.exe"
    exe.parent.mkdir(parents=True, exist_ok=True)
    text = source.read_text()
    script = source.with_suffix(".build")
    if "no mingw" in text.split("\n")[0] and not script.exists():
        return f"{source.name}: needs clang and a build script of its own"
    if script.exists():
        p = run(["bash", str(script), str(exe)], cwd=source.parent)
    else:
        compiler = "x86_64-w64-mingw32-g++" if source.suffix == ".cpp" else "x86_64-w64-mingw32-gcc"
        # A program without a C runtime brings its own entry point.
        bare = ["-nostdlib", "-Wl,-e,mainCRTStartup", "-lkernel32", "-lntdll"] if "mainCRTStartup" in text else None
        libs = bare or ["-static", "-lws2_32", "-ladvapi32", "-lbcrypt", "-lsynchronization"] if variant == "msvcrt" or bare else UCRT
        p = run([compiler, "-O1", "-w", "-o", str(exe), str(source)] + libs)
    return exe if p.returncode == 0 and exe.exists() else p.stdout.decode(errors="replace")


def guests(prefix):
    for source in sorted((TOP / "conformance" / "guests").glob("*/*.c*")):
        if source.suffix not in (".c", ".cpp"):
            continue
        for variant in ["msvcrt"] + (["ucrt"] if source.parent.name == "crt" and source.suffix == ".c" else []):
            name = f"guest {source.parent.name}/{source.stem} ({variant})"
            if not wanted(name):
                continue
            exe = build(source, variant)
            if not isinstance(exe, Path):
                skipped.append(f"{name}: cannot be built here: {str(exe).strip().splitlines()[-1:] or exe}")
                continue
            expected = source.with_suffix(f".{variant}.expected")
            if not expected.exists():
                expected = source.with_suffix(".expected")
            with tempfile.TemporaryDirectory() as cwd:
                try:
                    p = subprocess.run([UOSRUN, "--prefix", prefix, exe], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60)
                except subprocess.TimeoutExpired:
                    result(name, False, "  timeout")
                    continue
            got = p.stdout.replace(b"\r", b"")
            if bless:
                expected.write_bytes(got)
            want = expected.read_bytes().replace(b"\r", b"")
            why = ""
            if got != want:
                pairs = zip(got.decode(errors="replace").splitlines() + [""], want.decode(errors="replace").splitlines() + [""])
                line = next((i, g, w) for i, (g, w) in enumerate(pairs) if g != w) if got.splitlines() != want.splitlines() else (0, "", "")
                why = f"  line {line[0] + 1}: {line[1]!r}, expected {line[2]!r}; exit {p.returncode}; {p.stderr.decode(errors='replace')[-600:]}"
            result(name, got == want, why)


# --- robustness -----------------------------------------------------------------------------------

def robustness(prefix):
    hello = (TOP / "samples" / "hello.exe").read_bytes()
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)

        def case(name, args, code, word, env=None):
            name = f"robustness: {name}"
            if not wanted(name):
                return
            p = subprocess.run([UOSRUN] + args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60, env=env)
            text = (p.stdout + p.stderr).decode(errors="replace")
            result(name, p.returncode == code and word in text, f"  exit {p.returncode}: {text[-400:]}")

        def image(name, data):
            path = tmp / name
            path.write_bytes(data)
            return str(path)

        at = ["--prefix", prefix]
        sample = str(TOP / "samples" / "hello.exe")
        case("missing program", at + [str(tmp / "none.exe")], 127, "no such program")
        case("folder", at + [str(tmp)], 126, "folder")
        case("empty file", at + [image("empty.exe", b"")], 126, "too short")
        case("text file", at + [image("text.exe", b"#!/bin/sh\n" * 100)], 126, "MZ")
        case("truncated image", at + [image("cut.exe", hello[: len(hello) // 2])], 126, "truncated")
        case("header only", at + [image("head.exe", hello[:200])], 126, "PE")
        bad = bytearray(hello)
        nt = int.from_bytes(bad[0x3C:0x40], "little")
        bad[nt + 4: nt + 6] = (0x14C).to_bytes(2, "little")
        case("32-bit image", at + [image("i386.exe", bytes(bad))], 126, "32-bit")
        for number, word in [(0xAA64, "ARM64"), (0x1C4, "32-bit ARM"), (0x1234, "another processor")]:
            bad[nt + 4: nt + 6] = number.to_bytes(2, "little")
            case(f"image for machine {number:#x}", at + [image("foreign.exe", bytes(bad))], 126, word)
        dll = bytearray(hello)
        dll[nt + 23] |= 0x20
        case("DLL", at + [image("library.exe", bytes(dll))], 126, "DLL")
        case("16-bit image", at + [image("ne.exe", b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"NE" + bytes(1000))], 126, "16-bit")
        case("Linux program", at + [image("elf.exe", Path("/bin/true").read_bytes())], 126, "MZ")
        case("missing function", at + [image("nofn.exe", hello.replace(b"__getmainargs", b"__getmainargz"))], 127, "__getmainargz")
        missing = hello.replace(b"KERNEL32.dll", b"NOSUCH32.dll")
        case("missing DLL", at + [image("nodll.exe", missing)], 126, "NOSUCH32.dll")
        case("no arguments", [], 2, "--help")
        case("unknown option", ["--frobnicate"], 2, "frobnicate")
        case("help teaches", ["--help"], 0, "uosrun check")
        case("unwritable prefix", ["--prefix", "/proc/none", sample], 126, "--prefix")
        # A disk without room, if this user may mount one of its own: nothing is left of the prefix that could not be made.
        script = 'mount -t tmpfs -o size=16k none "$0" && "$1" --prefix "$0/p" "$2"; code=$?; ls -A "$0"; exit $code'
        disk = tmp / "disk"
        disk.mkdir()
        if run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", disk]).returncode == 0:
            p = run(["unshare", "-rm", "sh", "-c", script, disk, UOSRUN, sample])
            words = p.stdout.decode().splitlines()
            if wanted("robustness: full disk"):
                result("robustness: full disk", p.returncode == 126 and "No space" in words[0] and len(words) == 2, f"  {p.returncode} {words}")
        else:
            skipped.append("robustness: full disk: this user cannot mount")
        if wanted("robustness: file size limit"):
            p = run(["sh", "-c", 'ulimit -f 0; exec "$0" --prefix "$1/limited" "$2"', UOSRUN, tmp, sample])
            left = [n for n in os.listdir(tmp) if "limited" in n]
            result("robustness: file size limit", p.returncode == 126 and b"too large" in p.stdout and not left, f"  {p.returncode} {p.stdout} {left}")
        # A prefix that may only be read still runs programs, and stays as it is.
        if wanted("robustness: read-only prefix"):
            fixed = tmp / "fixed"
            run([UOSRUN, "--prefix", fixed, sample])
            contents = lambda: run(["sh", "-c", 'cd "$0" && find . | sort && find . -type f -exec sha256sum {} + | sort', fixed]).stdout
            before = contents()
            run(["chmod", "-R", "a-w", fixed])
            p = run(([] if os.getuid() else ["unshare", "-rm", "sh", "-c", 'mount --bind -o ro "$0" "$0" 2>/dev/null; mount -o remount,bind,ro "$0"; exec "$@"', fixed])
                    + [UOSRUN, "--prefix", fixed, sample])
            run(["chmod", "-R", "u+w", fixed])
            result("robustness: read-only prefix", p.returncode == 0 and b"Hello" in p.stdout and contents() == before, f"  {p.returncode} {p.stdout[-300:]}")
        # Cut anywhere, an image runs or is refused; it is never half run.
        name = "robustness: truncated images"
        if wanted(name):
            odd = []
            for size in range(0, len(hello), 512):
                p = run([UOSRUN] + at + [image("short.exe", hello[:size])], timeout=20)
                refused = p.returncode == 126 and p.stdout.startswith(b"uosrun: ") and b"Hello" not in p.stdout
                if not refused and not (p.returncode == 0 and p.stdout.startswith(b"Hello")):
                    odd.append((size, p.returncode, p.stdout[-200:]))
            result(name, not odd, f"  {odd[:3]}")
        case("check finds the missing", ["check", image("nodll2.exe", missing)], 1, "missing")
        if wanted("robustness: broken pipe"):
            p = run(["sh", "-c", '{ "$0" api; echo "exit $?" >&2; } | head -1', UOSRUN])
            result("robustness: broken pipe", b"exit 141" in p.stdout and b"panicked" not in p.stdout, f"  {p.stdout[-300:]}")
        case("api lists", ["api", "kernel32!CreateFileW"], 0, "fileapi")
        case("api lists system calls", ["api", "linux!openat2"], 0, "437\tpartial")

        sample = str(TOP / "samples" / "hello.exe")
        case("trace a header", at + ["--trace=kernel32:errhandlingapi", sample], 0, "kernel32:errhandlingapi SetUnhandledExceptionFilter(filter: hello.exe+0x")
        case("trace a function", at + ["--trace=msvcrt!exit", sample], 0, "msvcrt:exit exit(code: 0)")
        case("trace an unknown DLL", at + ["--trace=nosuch", sample], 2, "no builtin DLL nosuch")
        json_file = tmp / "calls.json"
        case("trace to JSON", at + ["--trace-json", str(json_file), sample], 0, "Hello")
        if wanted("robustness: trace JSON reads"):
            calls = [json.loads(line) for line in json_file.read_text().splitlines()] if json_file.exists() else []
            result("robustness: trace JSON reads", any(call["function"] == "malloc" and call["args"]["size"].isdigit() for call in calls))

        # Every byte of the headers flipped in turn never crashes uosrun itself.
        name = "robustness: damaged headers"
        if wanted(name):
            bad_codes = []
            for offset in list(range(0x3C, 0x40)) + list(range(nt, nt + 0x188, 3)):
                data = bytearray(hello)
                data[offset] ^= 0xFF
                path = image("flip.exe", bytes(data))
                try:
                    p = subprocess.run([UOSRUN] + at + [path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=20)
                    if p.returncode < 0 or b"internal" in p.stderr or b"panicked" in p.stderr:
                        bad_codes.append((hex(offset), p.returncode, p.stderr[-200:]))
                except subprocess.TimeoutExpired:
                    bad_codes.append((hex(offset), "timeout", b""))
            result(name, not bad_codes, f"  {bad_codes[:5]}")

        name = "robustness: 64 first starts at once"
        if wanted(name):
            fresh = str(tmp / "fresh")
            many = [subprocess.Popen([UOSRUN, "--prefix", fresh, TOP / "samples" / "hello.exe"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) for _ in range(64)]
            outs = [p.communicate() + (p.returncode,) for p in many]
            left = [n for n in os.listdir(tmp) if n.startswith(".fresh")]
            result(name, all(c == 0 and o.startswith(b"Hello") for o, _, c in outs) and not left, f"  {[e for _, e, c in outs if c][:2]} {left}")


# --- real programs --------------------------------------------------------------------------------

def programs(prefix):
    table = TOP / "conformance" / "programs" / "programs.py"
    for job in PROGRAMS:
        name = f"program {job}"
        if not wanted(name):
            continue
        fetch = run([sys.executable, table, "fetch", job], timeout=900)
        if fetch.returncode != 0:
            skipped.append(f"{name}: its package cannot be had")
            continue
        p = run([sys.executable, table, "run", "--with", f"{UOSRUN} --prefix {prefix}", job], timeout=300)
        result(name, p.returncode == 0, "  " + p.stdout.decode(errors="replace").strip()[:600])


def main():
    step("cargo fmt", ["cargo", "fmt", "--all", "--check"])
    step("counts", [sys.executable, "conformance/counts.py"])
    step("cargo clippy", ["cargo", "clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])
    if not UOSRUN.exists() or not pattern:
        p = run(["cargo", "rustc", "--release", "--bin", "uosrun", "--", "-C", "target-feature=+crt-static"], timeout=3000, cwd=TOP)
        if p.returncode != 0:
            print(p.stdout.decode(errors="replace")[-4000:])
            print("0 passed, 1 failed")
            return 1
    step("cargo test", ["cargo", "test", "--workspace", "--quiet"])
    scratch = tempfile.mkdtemp(prefix="uosrun-test-")
    try:
        prefix = str(Path(scratch) / "prefix")
        guests(prefix)
        robustness(prefix)
        programs(prefix)
        linux.run(UOSRUN, result, wanted, skipped.append)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for line in skipped:
        print("skipped:", line)
    print(f"{passed} passed, {failed} failed" + (f", {len(skipped)} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
