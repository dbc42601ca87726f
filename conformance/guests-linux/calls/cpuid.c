// cpuid in the forms that are answered without the processor says what the processor says, and keeps what it keeps: in a program that
// is started often enough for that, on a machine where it is slow.
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/wait.h>

typedef struct {
    unsigned long a, b, c, d, flags;
} Said;

// What loads the leaf does not lead on to the instruction: nobody knows it beforehand.
static Said processor(unsigned leaf, unsigned subleaf)
{
    Said s;
    asm volatile("jmp 1f\n 1: cpuid" : "=a"(s.a), "=b"(s.b), "=c"(s.c), "=d"(s.d) : "a"((unsigned long)leaf), "c"((unsigned long)subleaf));
    return s;
}

// All with carry set, and high halves of the registers full. What stands before the site is read, too; so it is plain code.
#define ASK(NAME, LEAF, BETWEEN)                                                                                                                       \
    __attribute__((noinline)) static Said NAME(unsigned long subleaf)                                                                                  \
    {                                                                                                                                                  \
        Said s;                                                                                                                                        \
        asm volatile("mov $-1, %%rax\n mov %%rax, %%rbx\n mov %%rax, %%rdx\n mov %%rax, %%rcx\n mov %%rsi, %%rdi\n mov %%rsi, %%rdi\n"                 \
                     "mov %%rsi, %%rdi\n mov %%rsi, %%rdi\n mov %%rsi, %%rdi\n mov %%rsi, %%rdi\n mov %%rsi, %%rdi\n mov %%rsi, %%rdi\n"               \
                     "mov %%rsi, %%rdi\n mov %%rsi, %%rdi\n mov %%rsi, %%rdi\n mov %%rsi, %%rdi\n stc\n"                                               \
                     "mov $" #LEAF ", %%eax\n" BETWEEN "cpuid\n"                                                                                       \
                     "pushf\n pop %%rdi"                                                                                                               \
                     : "=a"(s.a), "=b"(s.b), "=c"(s.c), "=d"(s.d), "=D"(s.flags), "+S"(subleaf) : : "cc", "memory");                                  \
        return s;                                                                                                                                      \
    }

ASK(ask_0, 0, "")
ASK(ask_80000000, 0x80000000, "")
ASK(ask_80000002, 0x80000002, "")
ASK(ask_80000006, 0x80000006, "")
ASK(ask_7_zero, 7, "xor %%ecx, %%ecx\n")
ASK(ask_d_zero, 0xd, "xor %%ecx, %%ecx\n")
ASK(ask_7, 7, "mov %%esi, %%ecx\n")
ASK(ask_d, 0xd, "mov %%esi, %%ecx\n")
ASK(ask_2, 2, "push %%rsi\n pop %%rsi\n")
ASK(ask_4, 4, "mov %%esi, %%ecx\n")
ASK(ask_4_register, 4, "mov %%eax, %%edi\n mov $-1, %%rax\n nopl 0(%%rax, %%rax, 1)\n mov %%edi, %%eax\n mov %%esi, %%ecx\n")
ASK(ask_4_tests, 4, "mov %%eax, %%edi\n cmp $1, %%edi\n .byte 0x0f, 0x84\n .long 0\n mov %%edi, %%eax\n mov %%esi, %%ecx\n stc\n")

static int failures;

static void compare(const char *name, Said got, unsigned leaf, unsigned subleaf, int carry)
{
    Said want = processor(leaf, subleaf);
    if (got.a != want.a || got.b != want.b || got.c != want.c || got.d != want.d || (got.flags & 1) != carry) {
        printf("%s, %u: %lx %lx %lx %lx %lx, not %lx %lx %lx %lx\n", name, subleaf, got.a, got.b, got.c, got.d, got.flags, want.a, want.b, want.c, want.d);
        failures++;
    }
}

static int ask(void)
{
    compare("0", ask_0(0), 0, 0, 1);
    compare("80000000", ask_80000000(0), 0x80000000, 0, 1);
    compare("80000002", ask_80000002(0), 0x80000002, 0, 1);
    compare("80000006", ask_80000006(0), 0x80000006, 0, 1);
    compare("7 zero", ask_7_zero(0), 7, 0, 0);
    compare("d zero", ask_d_zero(0), 0xd, 0, 0);
    for (unsigned subleaf = 0; subleaf < 4; subleaf++) {
        compare("7", ask_7(subleaf), 7, subleaf, 1);
        compare("d", ask_d(subleaf), 0xd, subleaf, 1);
    }
    compare("2", ask_2(0), 2, 0, 1);
    for (unsigned subleaf = 0; subleaf < 6; subleaf++) {
        compare("4", ask_4(subleaf), 4, subleaf, 1);
        compare("4 in a register", ask_4_register(subleaf), 4, subleaf, 1);
        compare("4 behind a test", ask_4_tests(subleaf), 4, subleaf, 1);
    }
    return failures;
}

int main(int count, char **arguments)
{
    if (count > 1)
        return ask();
    int failed = 0;
    for (int round = 0; round < 200; round++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            execl("/proc/self/exe", "prog", "child", NULL);
            _exit(99);
        }
        int status;
        waitpid(child, &status, 0);
        failed += status != 0;
    }
    printf("%d of 200 failed\n", failed);
    return 0;
}
