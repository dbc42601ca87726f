/* The state of AVX-512 over system calls that are answered in user space, and signals during them: the kernel keeps it, and what was
   zero stays zero. Each of its parts in use and not. Without AVX-512 there is nothing to lose. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MASKS = 0x20, UPPER = 0x40, OTHERS = 0x80 };

static long args[4];
typedef struct {
    uint64_t masks[8];
    uint8_t registers[32][64];
} State;
static uint8_t unused[8192] __attribute__((aligned(64)));

/* Nothing in use, then what `parts` says; the call; all of it stored. */
__attribute__((target("avx512f,avx512bw"), noinline)) static void call(int parts, const State *in, State *out) {
    __asm__ volatile(
        "mov $0xe6, %%eax\nxor %%edx, %%edx\nxrstor (%3)\n"
        "test $0x40, %2\njz 1f\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\nvmovdqu64 64+64*\\n(%0), %%zmm\\n\n.endr\n"
        "1: test $0x20, %2\njz 2f\n"
        ".irp n,0,1,2,3,4,5,6,7\nkmovq 8*\\n(%0), %%k\\n\n.endr\n"
        "2: test $0x80, %2\njz 3f\n"
        ".irp n,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\nvmovdqu64 64+64*\\n(%0), %%zmm\\n\n.endr\n"
        "3: mov 0+%4, %%rax\nmov 8+%4, %%rdi\nmov 16+%4, %%rsi\nmov 24+%4, %%rdx\nmov $8, %%r10d\nsyscall\n"
        ".irp n,0,1,2,3,4,5,6,7\nkmovq %%k\\n, 8*\\n(%1)\n.endr\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\nvmovdqu64 %%zmm\\n, 64+64*\\n(%1)\n.endr\n"
        "vzeroupper\n"
        : : "r"(in), "r"(out), "r"(parts), "r"(unused), "m"(args) : "rax", "rcx", "rdx", "rsi", "rdi", "r10", "r11", "memory", "xmm0");
}

/* Changes all that a handler may. */
__attribute__((target("avx512f,avx512bw"))) static void handler(int signal) {
    (void)signal;
    __asm__ volatile("kxnorq %%k0, %%k0, %%k5\nvpternlogd $0xff, %%zmm3, %%zmm3, %%zmm3\nvpternlogd $0xff, %%zmm20, %%zmm20, %%zmm20" : : : "xmm3");
}

/* Whether anything is lost of what `parts` names, or of the rest not zero. */
static int differs(int parts, const State *in, const State *out) {
    State want = {0};
    if (parts & MASKS) memcpy(want.masks, in->masks, sizeof in->masks);
    if (parts & UPPER) memcpy(want.registers[0], in->registers[0], 16 * 64);
    if (parts & OTHERS) memcpy(want.registers[16], in->registers[16], 16 * 64);
    return memcmp(out, &want, sizeof want) != 0;
}

static int is_there;

static void check(const char *name, int rounds) {
    int wrong = 0;
    for (int round = 0; is_there && round < rounds; round++) {
        State in, out;
        int parts = (round & 7) << 5;
        for (size_t i = 0; i < sizeof in; i++) ((uint8_t *)&in)[i] = (i * 7 + round * 13 + 1) & 0xff;
        call(parts, &in, &out);
        wrong += differs(parts, &in, &out);
    }
    printf("%s: %d wrong\n", name, wrong);
}

int main(void) {
    is_there = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
    unused[24] = 0x80, unused[25] = 0x1f;
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR1, &action, 0);
    memcpy(args, (long[]){SYS_access, (long)"/none/of/it", 0, 0}, sizeof args);
    check("a call that is answered", 3000);
    char text[3000];
    memcpy(args, (long[]){SYS_readlink, (long)"/proc/self/exe", (long)text, sizeof text}, sizeof args);
    check("one that copies", 3000);
    memcpy(args, (long[]){SYS_getppid, 0, 0, 0}, sizeof args);
    check("one that needs nothing", 3000);
    memcpy(args, (long[]){SYS_kill, getpid(), SIGUSR1, 0}, sizeof args);
    check("a signal at a call", 800);
    fflush(stdout);
    int status;
    memcpy(args, (long[]){SYS_fork, 0, 0, 0}, sizeof args);
    for (int round = 0; round < 8; round++) {
        pid_t parent = getpid();
        State in, out;
        int parts = round << 5;
        memset(&in, 0x5a, sizeof in);
        if (is_there) call(parts, &in, &out);
        else if (fork() == 0) _exit(0);
        int wrong = is_there && differs(parts, &in, &out);
        if (getpid() != parent) _exit(wrong);
        wait(&status);
        if (wrong || status) printf("fork with %x: %d in the parent, %d in the child\n", parts, wrong, status);
    }
    puts("done");
}
