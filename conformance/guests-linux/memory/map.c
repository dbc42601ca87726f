// mmap and its family: places, protection, files, moving, the break.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

// A result, with what errno says of a failure.
static void show(const char *what, long result) {
    printf("%s: %ld %s\n", what, result, result == -1 ? strerrorname_np(errno) : "");
}

static const char *error(void *at) { return at == MAP_FAILED ? strerrorname_np(errno) : "ok"; }

int main() {
    char *a = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    a[0] = 'a', a[65535] = 'z';
    printf("anonymous %d\n", a[1]);
    printf("fixed inside: %d\n", mmap(a + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == a + 4096);
    printf("noreplace: %s\n", error(mmap(a, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)));
    printf("length 0: %s\n", error(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
    printf("odd address: %s\n", error(mmap(a + 1, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)));
    printf("a hint: %d\n", mmap((void *)0x123456000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == (void *)0x123456000);
    printf("bad descriptor: %s\n", error(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 99, 0)));
    printf("unmap a hole: %d\n", munmap(a + 8192, 4096));
    printf("unmap it again: %d\n", munmap(a + 8192, 4096));
    show("unmap odd", munmap(a + 1, 4096));
    show("protect over the hole", mprotect(a, 65536, PROT_READ));
    printf("outer parts stay: %c%c\n", a[0], a[65535]);
    munmap(a, 65536);
    char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(m, "moved");
    char *room = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *n = mremap(m, 8192, 32768, MREMAP_MAYMOVE | MREMAP_FIXED, room + 16384);
    printf("mremap fixed: %d %s\n", n == room + 16384, n);
    n = mremap(n, 32768, 4096, 0);
    printf("shrink: %s\n", n);
    printf("mremap of nothing: %s\n", error(mremap((void *)0x10000, 4096, 8192, MREMAP_MAYMOVE)));
    int fd = open("/tmp/map", O_RDWR | O_CREAT | O_TRUNC, 0600);
    write(fd, "file contents", 13);
    char *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    s[0] = 'F';
    p[1] = 'I';
    char back[14] = {0};
    pread(fd, back, 13, 0);
    printf("file %s, private %.13s\n", back, p);
    close(fd);
    printf("still mapped %.4s\n", s);
    // The break.
    char *start = sbrk(0);
    printf("brk aligned or after data: %d\n", start != NULL);
    printf("grow: %d\n", sbrk(100000) == start);
    memset(start, 1, 100000);
    printf("here now: %d\n", sbrk(0) == (void *)(start + 100000));
    printf("shrink: %d\n", brk(start));
    int grown = sbrk(100000) == start;
    printf("grow again, zeroed: %d %d\n", grown, start[70000]);
    show("too far", brk((void *)0x7fffffff0000));
    // Executable memory: code that is made at run time makes a call.
    unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(code, "\xb8\x27\x00\x00\x00\x0f\x05\xc3", 8); // mov eax, 39; syscall; ret
    mprotect(code, 4096, PROT_READ | PROT_EXEC);
    int same = 0;
    for (int i = 0; i < 1000; i++) same += ((int (*)(void))code)() == getpid();
    printf("getpid by made code: %d\n", same);
    // The same bytes made anew, with another number: what was known of the place does not count.
    mprotect(code, 4096, PROT_READ | PROT_WRITE);
    memcpy(code, "\xb8\x6e\x00\x00\x00\x0f\x05\xc3", 8); // getppid
    mprotect(code, 4096, PROT_READ | PROT_EXEC);
    same = 0;
    for (int i = 0; i < 1000; i++) same += ((int (*)(void))code)() == getppid();
    printf("getppid by made code: %d\n", same);
    int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600);
    char *segment = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    segment[9999] = 1;
    printf("shmdt %d\n", shmdt(segment));
    unsigned char vector[1];
    show("mincore of nothing", mincore((void *)0x10000, 4096, vector));
    printf("madvise: %d\n", madvise(p, 4096, MADV_DONTNEED));
    printf("private is the file's again: %.5s\n", p);
    show("unknown call", syscall(999, 1, 2, 3));
    show("negative call", syscall(-1, 1, 2, 3));
    return 0;
}
