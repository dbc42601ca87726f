# Threads, processes, sockets, signals, files of Python.
import asyncio, ctypes, fcntl, hashlib, json, mmap, multiprocessing, os, queue, select, shutil, signal, socket, sqlite3, struct, subprocess, sys, tempfile, threading, time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


def square(n):
    return n * n


def main():
    with ThreadPoolExecutor(8) as pool:
        print("threads", sum(pool.map(square, range(1000))))
    with ProcessPoolExecutor(3) as pool:
        print("processes", sum(pool.map(square, range(50))))
    q = multiprocessing.Queue()
    p = multiprocessing.Process(target=q.put, args=(("from", "child"),))
    p.start()
    print("queue", q.get())
    p.join()

    listener = socket.create_server(("127.0.0.1", 0))
    def serve():
        for _ in range(20):
            c, _ = listener.accept()
            with c:
                while data := c.recv(1000):
                    c.sendall(data[::-1])
    t = threading.Thread(target=serve)
    t.start()
    answers = set()
    for i in range(20):
        with socket.create_connection(listener.getsockname()) as s:
            s.sendall(b"abc%d" % i)
            s.shutdown(socket.SHUT_WR)
            answers.add(s.recv(1000))
    t.join()
    print("tcp", len(answers))
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "socket")
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()
        client = socket.socket(socket.AF_UNIX)
        client.connect(path)
        peer, _ = server.accept()
        print("unix", peer.getsockname() == path, client.getpeername() == path)
        r, w = os.pipe()
        socket.send_fds(client, [b"x"], [r])
        _, fds, _, _ = socket.recv_fds(peer, 10, 1)
        os.write(w, b"through a passed descriptor")
        print(os.read(fds[0], 100).decode())
    a, b = socket.socketpair()
    ep = select.epoll()
    ep.register(a, select.EPOLLIN)
    b.send(b"!")
    print("epoll", len(ep.poll(1)))
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("127.0.0.1", 0))
    u.sendto(b"datagram", u.getsockname())
    print("udp", u.recv(100))

    print("run", subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 3"], capture_output=True))
    try:
        subprocess.run(["/does/not/exist"])
    except FileNotFoundError as e:
        print("missing", e.errno)
    p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    print("cat", p.communicate(b"x" * 200000)[0] == b"x" * 200000)
    p = subprocess.Popen(["sleep", "100"], start_new_session=True)
    os.killpg(p.pid, signal.SIGTERM)
    print("terminated", p.wait())
    try:
        subprocess.run(["sleep", "100"], timeout=0.1)
    except subprocess.TimeoutExpired:
        print("timeout")

    hits = []
    signal.signal(signal.SIGALRM, lambda s, f: hits.append(s))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    while len(hits) < 50:
        hashlib.sha256(b"x" * 1000).digest()
    signal.setitimer(signal.ITIMER_REAL, 0)
    print("signals", len(hits) >= 50)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
    except KeyboardInterrupt:
        print("interrupted")

    async def many():
        async def one(i):
            await asyncio.sleep(0.001)
            p = await asyncio.create_subprocess_exec("echo", str(i), stdout=subprocess.PIPE)
            out, _ = await p.communicate()
            return int(out)
        return sum(await asyncio.gather(*(one(i) for i in range(10))))
    print("asyncio", asyncio.run(many()))

    db = sqlite3.connect(":memory:")
    db.execute("create table t(a, b)")
    db.executemany("insert into t values(?, ?)", [(i, str(i)) for i in range(1000)])
    print("sqlite", db.execute("select count(*), sum(a) from t").fetchone())
    with tempfile.NamedTemporaryFile() as f:
        f.write(b"0" * 8192)
        f.flush()
        m = mmap.mmap(f.fileno(), 8192)
        m[100:105] = b"hello"
        m.flush()
        print("mmap", os.pread(f.fileno(), 5, 100))
        fcntl.flock(f, fcntl.LOCK_EX)
        print("lock", fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB))
    print("ctypes", ctypes.CDLL(None).abs(-5))
    print("exe", os.readlink("/proc/self/exe"), os.getcwd(), os.path.realpath("/bin"))
    print("root", sorted(os.listdir("/"))[:4], os.path.exists("/proc/self/maps"), os.stat("/dev/null").st_rdev == os.makedev(1, 3))
    pid, fd = os.forkpty() if False else (None, None)
    import pty
    pid, fd = pty.fork()
    if pid == 0:
        os.execlp("sh", "sh", "-c", "tty >/dev/null && stty size && test -t 0 && echo terminal")
    text = b""
    try:
        while data := os.read(fd, 1000):
            text += data
    except OSError:
        pass
    os.waitpid(pid, 0)
    print("pty", text)


if __name__ == "__main__":
    main()
