// The floor on this host for what benches/calls.c measures.
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e9 + t.tv_nsec; }
static void *nothing(void *p) { return 0; }

#define MEASURE(name, n, code) do { \
    double best = 1e18; \
    for (int round = 0; round < 5; round++) { double t = now(); for (int i = 0; i < n; i++) { code; } t = (now() - t) / n; if (t < best) best = t; } \
    printf("%s %.1f\n", name, best); } while (0)

int main(void) {
    struct stat s;
    close(open("bench.tmp", O_CREAT | O_RDWR, 0644));
    MEASURE("CreateFile+CloseHandle", 20000, close(open("bench.tmp", O_RDONLY)));
    MEASURE("GetFileAttributes(missing)", 5000, stat("no-such-file", &s));
    MEASURE("VirtualAlloc+VirtualFree", 20000, munmap(mmap(0, 65536, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 65536));
    MEASURE("CreateThread+join", 1000, pthread_t t; pthread_create(&t, 0, nothing, 0); pthread_join(t, 0));
    return 0;
}
