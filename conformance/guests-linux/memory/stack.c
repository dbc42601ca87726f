// The first thread's stack as a mapping that grows down, and where what is mapped at the start lies.
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void show(const char *what, int result) { printf("%s: %d %s\n", what, result, result == -1 ? strerrorname_np(errno) : ""); }

// The access of the mapping that an address lies in, and where the mapping begins.
static const char *access_at(uintptr_t address, uintptr_t *start) {
    static char access[5];
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    uintptr_t from, to;
    strcpy(access, "none");
    while (fgets(line, sizeof line, maps)) {
        char found[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, found) == 3 && from <= address && address < to) strcpy(access, found), *start = from;
    }
    fclose(maps);
    return access;
}

int main() {
    volatile char local = 0;
    uintptr_t page = (uintptr_t)&local & -4096, start = 0, now = 0;
    printf("at first: %s\n", access_at(page, &start));
    // As a dynamic linker does for a library that wants to run code on the stack: from a page of it down to its end.
    show("executable, down", mprotect((void *)page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN));
    printf("the page: %s\n", access_at(page, &now));
    printf("its start: %s\n", access_at(start, &now));
    printf("from the same place: %d\n", now == start);
    unsigned char *code = (unsigned char *)page - 8192;
    memcpy(code, "\xb8\x2a\x00\x00\x00\xc3", 6); // mov eax, 42; ret
    printf("code on the stack: %d\n", ((int (*)(void))code)());
    show("back, down", mprotect((void *)page, 4096, PROT_READ | PROT_WRITE | PROT_GROWSDOWN));
    printf("its start: %s\n", access_at(start, &now));
    show("odd address", mprotect((void *)page + 1, 4096, PROT_READ | PROT_WRITE | PROT_GROWSDOWN));
    show("up", mprotect((void *)page, 4096, PROT_READ | PROT_WRITE | PROT_GROWSUP));
    show("up and down", mprotect((void *)page, 4096, PROT_READ | PROT_WRITE | PROT_GROWSUP | PROT_GROWSDOWN));
    show("nothing", mprotect((void *)page, 0, PROT_READ | PROT_WRITE | PROT_GROWSDOWN));
    char *plain = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    show("another mapping", mprotect(plain, 4096, PROT_READ | PROT_WRITE | PROT_GROWSDOWN));
    return 0;
}
