"""The Linux guest's tests, which run.py calls: guests (guests-linux/), clear errors, programs of both systems in one prefix
(guests-both/), and jobs (linux/) of real programs in a Debian tree that debootstrap makes once, in $PROGRAMS_CACHE or
~/.cache/uosrun-programs. What jobs print was recorded in a chroot.

    conformance/linux.py [PATTERN]      these tests alone
"""
import os, pty, select, shutil, subprocess, sys, tempfile, time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("PROGRAMS_CACHE", Path.home() / ".cache" / "uosrun-programs"))
PACKAGES = "python3,perl,sqlite3,git,gcc,libc6-dev,busybox-static,procps"
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root", "LANG": "C", "TERM": "dumb"}


class Tests:
    def __init__(self, uosrun, result, wanted, skip):
        self.uosrun, self.result, self.wanted, self.skip = str(uosrun), result, wanted, skip

    def run(self, args, **kw):
        kw = {"timeout": 300, "stdin": subprocess.DEVNULL, "env": ENVIRONMENT, **kw}
        try:
            return subprocess.run([self.uosrun] + [str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
        except subprocess.TimeoutExpired as e:
            return subprocess.CompletedProcess(args, "timeout", e.stdout or b"", e.stderr or b"")

    def compare(self, name, p, want, code=0):
        got, want = p.stdout.decode(errors="replace").splitlines(), want.decode(errors="replace").splitlines()
        why = next((f"  line {i + 1}: {g!r}, expected {w!r}" for i, (g, w) in enumerate(zip(got + [None], want + [None])) if g != w), "")
        self.result(name, got == want and p.returncode == code, f"{why}; exit {p.returncode}; {p.stderr.decode(errors='replace')[-400:]}")

    def guests(self):
        """Each in an empty tree with /work and /tmp, by both engines."""
        for source in sorted((TOP / "conformance" / "guests-linux").glob("*/*.c")):
            for engine in ["patch", "trap"]:
                name = f"linux guest {source.parent.name}/{source.stem} ({engine})"
                if not self.wanted(name):
                    continue
                with tempfile.TemporaryDirectory() as tmp:
                    tmp = Path(tmp)
                    for folder in ["root/work", "root/tmp", "outside", "fixed"]:
                        (tmp / folder).mkdir(parents=True)
                    for secret in ["secret", "outside/secret", "fixed/secret"]:
                        (tmp / secret).write_text("SECRET\n")
                    cc = subprocess.run(["cc", "-static", "-pthread", "-w", "-O1", "-o", tmp / "root/prog", source], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                    if cc.returncode:
                        self.result(name, False, cc.stdout.decode(errors="replace")[-600:])
                        continue
                    binds = ["--bind", f"{tmp}/outside:/bound", "--bind", f"{tmp}/fixed:/fixed:ro"] if source.stem == "bind" else []
                    kw = {}
                    if source.parent.name == "identity":
                        try:
                            os.setxattr(tmp / "root", "user.test", b"")
                        except OSError:
                            self.skip(f"{name}: no attributes of users in {tmp}")
                            continue
                        binds = ["--as-root"]
                        kw = self.as_anybody(tmp)
                    p = self.run(["--root", tmp / "root", f"--engine={engine}"] + binds + ["/prog"], cwd=tmp / "root/work", timeout=120, **kw)
                    code = 4 if source.stem == "threads" else 0
                    self.compare(name, p, source.with_suffix(".expected").read_bytes(), code)

    def as_anybody(self, tmp):
        """How a user without privilege runs what is in a folder, by a copy that this one can reach."""
        if os.getuid():
            return {}
        for folder, folders, files in os.walk(tmp):
            for name in [".", *folders, *files]:
                os.lchown(os.path.join(folder, name), 65534, 65534)
        tmp.chmod(0o755)
        shutil.copy(self.uosrun, tmp / "uosrun")
        return {"executable": tmp / "uosrun", "user": 65534, "group": 65534, "extra_groups": []}

    def robustness(self):
        """Clear errors, and the exit codes that --help names."""
        with tempfile.TemporaryDirectory() as tmp:
            tmp = Path(tmp)
            (tmp / "folder").mkdir()
            subprocess.run(["cc", "-static", "-o", tmp / "hello", "-xc", "-"], input=b'#include <stdio.h>\nint main() { puts("hello"); }', check=True)
            subprocess.run(["cc", "-o", tmp / "dynamic", "-xc", "-"], input=b"int main() {}", check=True)
            hello = (tmp / "hello").read_bytes()

            def program(name, data):
                (tmp / name).write_bytes(data)
                (tmp / name).chmod(0o755)

            def case(name, args, code, word, root=tmp):
                name = f"linux robustness: {name}"
                if self.wanted(name):
                    p = self.run(["--root", root] + args, timeout=60)
                    text = (p.stdout + p.stderr).decode(errors="replace")
                    self.result(name, p.returncode == code and word in text, f"  exit {p.returncode}: {text[-300:]}")

            program("arm", hello[:18] + b"\xb7\0" + hello[20:])
            program("i386", b"\x7fELF\1\1\1" + bytes(9) + b"\2\0\3\0" + bytes(100))
            program("text", b"echo this is no program\n")
            program("cut", hello[:100])
            program("script", b"#!/hello\n")
            case("a program", ["/hello"], 0, "hello")
            case("a script", ["/script"], 0, "hello")
            case("missing program", ["/none"], 127, "no such program")
            case("missing root", ["/hello"], 126, "No such file", tmp / "none")
            case("folder", ["/folder"], 126, "Permission denied")
            case("missing interpreter", ["/dynamic"], 127, "interpreter")
            case("another machine", ["/arm"], 126, "ARM64")
            case("32-bit", ["/i386"], 126, "32-bit x86")
            case("text", ["/text"], 126, "no ELF program")
            case("cut off", ["/cut"], 126, "cut off")
            case("trace", ["--trace", "/hello"], 0, 'write(1, "hello\\n", 6) = 6')
            name = "linux robustness: ignored signals stay ignored"
            if self.wanted(name):
                text = b'#include <signal.h>\n#include <stdio.h>\nint main() { struct sigaction a, b; sigaction(SIGHUP, 0, &a); sigaction(SIGTERM, 0, &b); printf("%d %d\\n", a.sa_handler == SIG_IGN, b.sa_handler == SIG_DFL); }'
                subprocess.run(["cc", "-static", "-o", tmp / "ignored", "-xc", "-"], input=text, check=True)
                p = subprocess.run(["sh", "-c", 'trap "" HUP; exec "$0" --root "$1" /ignored', self.uosrun, tmp], stdout=subprocess.PIPE)
                self.result(name, p.stdout == b"1 1\n", f"  {p.stdout}")
            name = "linux robustness: damaged headers"
            if self.wanted(name):
                odd = []
                for offset in range(16, 64 + 56 * 3):
                    program("flip", hello[:offset] + bytes([hello[offset] ^ 0xFF]) + hello[offset + 1:])
                    p = self.run(["--root", tmp, "/flip"], timeout=20)
                    if b"internal" in p.stderr or b"panicked" in p.stderr or p.returncode == "timeout":
                        odd.append((offset, p.returncode, p.stderr[-200:]))
                self.result(name, not odd, f"  {odd[:3]}")

    def tree(self):
        """A Debian tree; None where it cannot be made."""
        tree = CACHE / "bookworm"
        if (tree / "bin/bash").exists():
            return tree
        if not shutil.which("debootstrap"):
            subprocess.run("apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap", shell=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if os.getuid() or not shutil.which("debootstrap"):
            return None
        CACHE.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix="bookworm-", dir=CACHE))
        p = subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", new], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if p.returncode:
            shutil.rmtree(new, ignore_errors=True)
            return None
        new.chmod(0o755)
        new.rename(tree)
        return tree

    def jobs(self):
        jobs = sorted(path for path in (TOP / "conformance" / "linux").iterdir() if path.suffix != ".expected")
        names = {job: f"linux program {job.stem}" for job in jobs}
        if not any(self.wanted(name) for name in [*names.values(), "linux program job control"]):
            return
        tree = self.tree()
        if tree is None:
            self.skip("linux programs: no Debian tree (needs root and debootstrap)")
            return
        ram = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        with tempfile.TemporaryDirectory(dir=ram) as tmp:
            os.chmod(tmp, 0o1777)
            binds = ["--root", tree, "--bind", f"{tmp}:/tmp", "--bind", f"{TOP}/conformance/linux:/jobs:ro"]
            for job, name in names.items():
                if not self.wanted(name):
                    continue
                inside = f"/jobs/{job.name}"
                command = {".py": ["/usr/bin/python3", inside], ".pl": ["/usr/bin/perl", inside], ".sh": ["/bin/bash", "-l", inside]}.get(job.suffix)
                if job.stem == "busybox":
                    command = ["/bin/busybox", "sh", inside]
                if job.suffix == ".go":
                    if not shutil.which("go"):
                        self.skip(f"{name}: no go to build it with")
                        continue
                    env = {**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off"}
                    subprocess.run(["go", "build", "-o", f"{tmp}/go", str(job)], check=True, env=env)
                    command = ["/tmp/go"]
                self.compare(name, self.run(binds + command, cwd=tree), job.with_suffix(".expected").read_bytes())
            self.job_control(binds, tree)

    def both(self):
        """Windows and Linux programs of one prefix start each other."""
        name = "linux and windows programs start each other"
        if not self.wanted(name):
            return
        tree = self.tree()
        if tree is None or not shutil.which("x86_64-w64-mingw32-gcc"):
            self.skip(f"{name}: no Debian tree or no compiler for Windows")
            return
        guests = TOP / "conformance" / "guests-both"
        with tempfile.TemporaryDirectory() as tmp:
            tmp = Path(tmp)
            for folder in ["tree/bin", "tree/work"]:
                (tmp / folder).mkdir(parents=True)
            shutil.copy(tree / "bin/busybox", tmp / "tree/bin")
            for applet in ["sh", "cat", "tr", "echo", "wc", "head", "sed", "ls"]:
                (tmp / "tree/bin" / applet).symlink_to("busybox")
            # An absolute link is one inside the root.
            (tmp / "tree/bin/ash").symlink_to("/bin/sh")
            (tmp / "tree/script").write_text('#!/bin/ash\necho "script: $1"\n')
            (tmp / "tree/script").chmod(0o755)
            (tmp / "tree/text").write_text("no program\n")
            shutil.copy(guests / "both.sh", tmp / "tree")
            subprocess.run(["x86_64-w64-mingw32-gcc", "-O1", "-w", "-o", tmp / "tree/win.exe", guests / "win.c"], check=True)
            made = self.run(["prefix", "new", "--linux", "--from", tmp / "tree", tmp / "prefix"])
            env = {**ENVIRONMENT, "PATH": "/bin"}
            listed = self.run(["prefix", "info", tmp / "prefix"])
            self.result(f"{name}: the prefix", made.returncode == listed.returncode == 0 and str(tmp / "prefix") in listed.stdout.decode(), f"  {made} {listed}")
            p = self.run(["--prefix", tmp / "prefix", "/bin/sh", "/both.sh"], timeout=120, env=env)
            self.compare(name, p, (guests / "both.expected").read_bytes())
            # Named on the command line: by the root's path, and by the host's.
            for path in ["/win.exe", tmp / "prefix/root/win.exe"]:
                p = self.run(["--prefix", tmp / "prefix", path, "say", "a"], timeout=60, env=env)
                where = "root" if path == "/win.exe" else "host"
                self.result(f"{name}: by the {where}'s path", p.returncode == 3 and b"argument 1: a" in p.stdout, f"  {p}")
            p = self.run(["prefix", "remove", tmp / "prefix"])
            self.result(f"{name}: removed", p.returncode == 0 and not (tmp / "prefix").exists(), f"  {p}")
            p = self.run(["--root", tmp / "tree", "/win.exe"], timeout=60)
            self.result(f"{name}: not in a plain folder", p.returncode == 126 and b"prefix new --linux" in p.stderr, f"  {p}")

    def job_control(self, binds, tree):
        """A person at a terminal: jobs, stopping, going on, interrupting."""
        name = "linux program job control"
        if not self.wanted(name):
            return
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(tree)
            os.execve(self.uosrun, [self.uosrun] + [str(a) for a in binds] + ["/bin/bash", "--norc", "-i"], {**ENVIRONMENT, "PS1": "ready$ "})
        seen = ""

        def until(text, after=None):
            nonlocal seen
            if after is not None:
                seen = ""
                os.write(terminal, after.encode())
            end = time.monotonic() + 20
            while text not in seen and time.monotonic() < end:
                if select.select([terminal], [], [], 0.2)[0]:
                    try:
                        seen += os.read(terminal, 4096).decode(errors="replace")
                    except OSError:
                        break
            return text in seen

        def is_foreground():
            """Whether a job has the terminal: bash tells of it before."""
            end = time.monotonic() + 20
            while os.tcgetpgrp(terminal) == pid and time.monotonic() < end:
                time.sleep(0.02)
            return os.tcgetpgrp(terminal) != pid

        steps = [
            (None, "ready$ "),
            ("sleep 100 & echo started\n", "started"),
            ("jobs\n", "Running"),
            ("kill %1; wait 2>/dev/null; echo gone\n", "gone"),
            ("sleep 100; echo code $?\n", "sleep 100"),
            ("\x1a", "Stopped"),
            ("bg\n", "sleep 100 &"),
            ("fg\n", "sleep 100"),
            ("\x03", "ready$ "),
            ("echo $? $((6 * 7))\n", "130 42"),
            ("cat | tr a-z A-Z\n", "tr a-z"),
            ("typed\n", "TYPED"),
            ("\x04", "ready$ "),
            ("trap 'echo winch' WINCH; stty rows 30 cols 100; stty size\n", "30 100"),
            ("exit 5\n", "exit"),
        ]
        done = lambda text, sign: until(sign, text) and (sign != "sleep 100" or is_foreground())
        wrong = next((f"  after {text!r}: {seen[-300:]!r}" for text, sign in steps if not done(text, sign) or time.sleep(0.15)), "")
        if wrong:
            os.kill(pid, 9)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(terminal)
        self.result(name, not wrong and code == 5, wrong or f"  exit {code}")


def run(uosrun, result, wanted, skip):
    tests = Tests(uosrun, result, wanted, skip)
    tests.guests()
    tests.robustness()
    tests.jobs()
    tests.both()


if __name__ == "__main__":
    failures = []

    def show(name, ok, why=""):
        print(f"{'pass' if ok else 'FAIL'}  {name}" + (f"\n{why}" if not ok else ""), flush=True)
        failures.extend([] if ok else [name])

    words = sys.argv[1:] or [""]
    run(Path(os.environ.get("UOSRUN", TOP / "target" / "release" / "uosrun")), show, lambda name: words[0] in name, print)
    sys.exit(bool(failures))
