/* Sites of system calls as compilers and assemblers write them, thousands of times, alone and beside another thread. The kernel leaves
   all as it was but RAX, RCX (where the program goes on) and R11 (its flags): syscall(2), Intel SDM "SYSCALL". */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The registers before and behind it, by their numbers. 4: flags, before. 15: RIP behind the call, or 1: the red zone has changed. */
struct registers { uint64_t before[16], behind[16]; };

/* site_NAME(struct registers *): all registers but RSP and R15 as in `before`, the red zone filled. */
#define SITE(name, body)                                                                                                   \
    extern void site_##name(struct registers *);                                                                           \
    __asm__(".p2align 4\nsite_" #name ":\n"                                                                                 \
            "push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\nmov %rdi, %r15\n"                               \
            "movq 4*8(%r15), %rax\npush %rax\npopf\n"                                                                      \
            "mov 0*8(%r15), %rax\nmov %rax, -128(%rsp)\nmov %rax, -64(%rsp)\nmov %rax, -8(%rsp)\n"                            \
            "mov 1*8(%r15), %rcx\nmov 2*8(%r15), %rdx\nmov 3*8(%r15), %rbx\nmov 5*8(%r15), %rbp\nmov 6*8(%r15), %rsi\n"          \
            "mov 7*8(%r15), %rdi\nmov 8*8(%r15), %r8\nmov 9*8(%r15), %r9\nmov 10*8(%r15), %r10\nmov 11*8(%r15), %r11\n"          \
            "mov 12*8(%r15), %r12\nmov 13*8(%r15), %r13\nmov 14*8(%r15), %r14\n"                                              \
            body                                                                                                           \
            "\nmov %rax, 16*8(%r15)\nmov %rcx, 17*8(%r15)\nmov %rdx, 18*8(%r15)\nmov %rbx, 19*8(%r15)\nmov %rbp, 21*8(%r15)\n"   \
            "mov %rsi, 22*8(%r15)\nmov %rdi, 23*8(%r15)\nmov %r8, 24*8(%r15)\nmov %r9, 25*8(%r15)\nmov %r10, 26*8(%r15)\n"       \
            "mov %r11, 27*8(%r15)\nmov %r12, 28*8(%r15)\nmov %r13, 29*8(%r15)\nmov %r14, 30*8(%r15)\n"                          \
            "mov 0*8(%r15), %rcx\nlea 9b(%rip), %rdx\nmov %rdx, 31*8(%r15)\n"                                                \
            "cmp %rcx, -128(%rsp)\njne 8f\ncmp %rcx, -64(%rsp)\njne 8f\ncmp %rcx, -8(%rsp)\nje 7f\n8: movq $1, 31*8(%r15)\n7:\n"\
            "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\nret\n.byte 0x48, 0xb8\n")

/* R14 is the call's number where the `mov` before the `syscall` does not say it. 9: behind the call. */
SITE(number, "mov $110, %eax\nsyscall\n9:");
SITE(long_number, "mov $110, %rax\nsyscall\n9:");
SITE(neighbours, "mov $0x12345678, %esi\nxor %edi, %edi\nmov %r14d, %eax\nsyscall\n9:");
SITE(relative, "lea site_relative(%rip), %rsi\nmov %r14d, %eax\nsyscall\n9:");
SITE(branch, "test %edx, %edx\n.byte 0x0f, 0x84\n.long 9f - . - 4\nmov %r14d, %eax\nsyscall\n9:");
SITE(padding, "mov %r14d, %eax\nsyscall\n9: jmp 1f\n.p2align 4, 0x90\n.fill 16, 1, 0x90\n1:");
SITE(load, "mov 14*8(%r15), %eax\nsyscall\n9:");
/* Every second time to what stands between, or right to the `syscall`. */
SITE(between, "test $1, %r13b\njne 1f\nmov $0x12345678, %esi\n1: mov %r14d, %eax\nsyscall\n9:");
SITE(direct, "mov %r14d, %eax\ntest $1, %r13b\njne 1f\nmov $110, %eax\n1: syscall\n9:");

static const struct { const char *name; void (*site)(struct registers *); } sites[] = {
    {"number", site_number}, {"long number", site_long_number}, {"neighbours", site_neighbours}, {"relative", site_relative},
    {"branch", site_branch}, {"padding", site_padding}, {"load", site_load}, {"between", site_between}, {"direct", site_direct},
};

static void play(int index) {
    int wrong[16] = {0}, stack = 0, result = 0;
    struct registers r;
    for (int round = 0; round < 4000; round++) {
        for (int i = 0; i < 16; i++) r.before[i] = 0x9e3779b97f4a7c15u * (round * 16 + i + 1);
        r.before[4] = (r.before[4] & 0x8d5) | 0x202;
        r.before[14] = SYS_getppid;
        r.before[2] |= 1; /* `branch` goes on */
        sites[index].site(&r);
        uint64_t want[16];
        memcpy(want, r.before, sizeof want);
        int skips = r.before[13] & 1;
        if (sites[index].site == site_neighbours) want[6] = 0x12345678, want[7] = 0;
        if (sites[index].site == site_relative) want[6] = (uint64_t)site_relative;
        if (sites[index].site == site_between && !skips) want[6] = 0x12345678;
        want[1] = r.behind[15];
        for (int i = 1; i < 15; i++) wrong[i] += i != 4 && i != 11 && r.behind[i] != want[i];
        stack += r.behind[15] == 1;
        result += r.behind[0] != (uint64_t)getppid();
    }
    printf("%s:", sites[index].name);
    for (int i = 1; i < 15; i++)
        if (wrong[i]) printf(" register %d is wrong %d times", i, wrong[i]);
    if (stack) printf(" the red zone is wrong %d times", stack);
    if (result) printf(" the result is wrong %d times", result);
    puts(" done");
}

static void *other(void *arg) {
    char byte;
    read(*(int *)arg, &byte, 1);
    return 0;
}

/* Flags, for one site of each form: they are compared by what the code behind them does. */
static int flags_after(uint64_t flags, int form) {
    uint64_t after, call = SYS_getppid;
    if (form == 0)
        __asm__ volatile("lea -128(%%rsp), %%rsp\npush %1\npopf\nmov $110, %%eax\nsyscall\npushf\npop %0\nlea 128(%%rsp), %%rsp"
                         : "=&r"(after) : "r"(flags), "r"(call) : "rax", "rcx", "r11", "memory");
    else
        __asm__ volatile("lea -128(%%rsp), %%rsp\npush %1\npopf\nmov $1, %%esi\nmov %2, %%rax\nsyscall\npushf\npop %0\nlea 128(%%rsp), %%rsp"
                         : "=&r"(after) : "r"(flags), "r"(call) : "rax", "rcx", "rsi", "r11", "memory");
    return ((after ^ flags) & 0xcd5) == 0;
}

int main() {
    int count = sizeof sites / sizeof *sites, same[2] = {0};
    for (int i = 0; i < count; i += 2) play(i);
    for (int round = 0; round < 4000; round++)
        for (int form = 0; form < 2; form++) same[form] += flags_after(((round * 0x51u) & 0x8d5) | (round & 1) << 10 | 0x202, form);
    printf("flags are the same %d and %d times\n", same[0], same[1]);
    /* Code is now changed while others may run it. */
    int ends[2];
    pthread_t thread;
    pipe(ends);
    pthread_create(&thread, 0, other, &ends[0]);
    for (int i = 0; i < count; i++) play(i);
    write(ends[1], "", 1);
    pthread_join(thread, 0);
}
