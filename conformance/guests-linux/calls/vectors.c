/* Vector and x87 registers and MXCSR over system calls that are answered in user space, signals during them, and fork: the kernel keeps
   all of them (System V ABI, A.2.1; signal(7)). With AVX where the processor has it, its upper halves in use and not. */
#include <immintrin.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long args[4];

/* Fills everything, makes the call, and stores everything. */
__attribute__((target("avx"))) static void call_avx(const uint8_t *in, uint8_t *out, long double *x87, uint32_t *mxcsr) {
    __asm__ volatile(
        "fninit\nfldpi\nfldl2e\nldmxcsr (%3)\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\nvmovdqu 32*\\n(%0), %%ymm\\n\n.endr\n"
        "mov 0+%4, %%rax\nmov 8+%4, %%rdi\nmov 16+%4, %%rsi\nmov 24+%4, %%rdx\nmov $8, %%r10d\nsyscall\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\nvmovdqu %%ymm\\n, 32*\\n(%1)\n.endr\n"
        "stmxcsr 4(%3)\nfstpt (%2)\nfstpt 16(%2)\nvzeroupper\n"
        : : "r"(in), "r"(out), "r"(x87), "r"(mxcsr), "m"(args) : "rax", "rcx", "rdx", "rsi", "rdi", "r10", "r11", "memory", "xmm0");
}

static void call_sse(const uint8_t *in, uint8_t *out, long double *x87, uint32_t *mxcsr) {
    __asm__ volatile(
        "fninit\nfldpi\nfldl2e\nldmxcsr (%3)\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\nmovdqu 32*\\n(%0), %%xmm\\n\n.endr\n"
        "mov 0+%4, %%rax\nmov 8+%4, %%rdi\nmov 16+%4, %%rsi\nmov 24+%4, %%rdx\nmov $8, %%r10d\nsyscall\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\nmovdqu %%xmm\\n, 32*\\n(%1)\n.endr\n"
        "stmxcsr 4(%3)\nfstpt (%2)\nfstpt 16(%2)\n"
        : : "r"(in), "r"(out), "r"(x87), "r"(mxcsr), "m"(args) : "rax", "rcx", "rdx", "rsi", "rdi", "r10", "r11", "memory", "xmm0");
}

/* Changes all that a handler may. */
static void handler(int signal) {
    volatile double a = 1.0 / 3;
    uint32_t odd = 0x1f80 | 3 << 13;
    (void)signal;
    __asm__ volatile("ldmxcsr %0\nfninit\nfld1\nfld1\nfaddp\nfstp %%st(0)\npcmpeqd %%xmm0, %%xmm0\nmovdqa %%xmm0, %%xmm7\nmovdqa %%xmm0, %%xmm15" : : "m"(odd) : "xmm0", "xmm7", "xmm15");
    if (__builtin_cpu_supports("avx")) {
        uint8_t ones[32];
        memset(ones, 0xff, sizeof ones);
        __asm__ volatile("vmovdqu %0, %%ymm3\nvmovdqu %0, %%ymm12" : : "m"(ones) : "xmm3", "xmm12");
    }
    a += signal;
}

static void check(const char *name, int avx, int rounds) {
    uint8_t in[16 * 32], out[16 * 32];
    long double x87[2], want[2];
    int wrong = 0;
    uint32_t mxcsr[2];
    __asm__("fldpi" : "=t"(want[1]));
    __asm__("fldl2e" : "=t"(want[0]));
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < (int)sizeof in; i++) in[i] = (i * 7 + round * 13 + 1) & 0xff;
        memset(out, 0, sizeof out);
        /* Rounding, and exceptions that have been raised. */
        mxcsr[0] = 0x1f80 | (round & 3) << 13 | (round & 0x3f);
        (avx ? call_avx : call_sse)(in, out, x87, mxcsr);
        for (int r = 0; r < 16; r++) wrong += memcmp(in + 32 * r, out + 32 * r, avx ? 32 : 16) != 0;
        wrong += memcmp(&x87[0], &want[0], 10) != 0;
        wrong += memcmp(&x87[1], &want[1], 10) != 0;
        wrong += mxcsr[0] != mxcsr[1];
    }
    printf("%s: %d wrong\n", name, wrong);
}

static void all(int avx) {
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR1, &action, 0);
    memcpy(args, (long[]){SYS_access, (long)"/none", 0, 0}, sizeof args);
    check("a call that is answered", avx, 3000);
    memcpy(args, (long[]){SYS_kill, getpid(), SIGUSR1, 0}, sizeof args);
    check("a signal at a call", avx, 300);
    memcpy(args, (long[]){SYS_rt_sigprocmask, SIG_BLOCK, 0, 0}, sizeof args);
    check("a mask", avx, 300);
    int status;
    fflush(stdout);
    /* A child goes on with what its parent had. */
    memcpy(args, (long[]){SYS_fork, 0, 0, 0}, sizeof args);
    pid_t parent = getpid();
    check("fork", avx, 1);
    if (getpid() != parent) {
        fflush(stdout);
        _exit(0);
    }
    wait(&status);
    fflush(stdout);
}

int main(void) {
    all(0);
    /* The same lines on a machine without AVX. */
    all(__builtin_cpu_supports("avx") ? 1 : 0);
    return 0;
}
