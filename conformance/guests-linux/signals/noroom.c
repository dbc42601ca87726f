// A handler whose stack has no room: SIGSEGV comes instead, to its own handler if there is one.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile sig_atomic_t usr1;

static void on_usr1(int signal)
{
    usr1++;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    printf("signal %d, from the kernel %d, address %p\n", signal, info->si_code == SI_KERNEL, info->si_addr);
    siglongjmp(back, 1);
}

static void use(void *memory)
{
    stack_t stack = {.ss_sp = memory, .ss_size = 65536};
    sigaltstack(&stack, NULL);
}

int main(void)
{
    char *memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *none = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction action = {.sa_handler = on_usr1, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &fault, NULL);
    use(memory);
    raise(SIGUSR1);
    printf("with room: %d\n", usr1);
    use(none);
    if (sigsetjmp(back, 1) == 0)
        raise(SIGUSR1);
    printf("without room: %d\n", usr1);
    fflush(stdout);
    for (int round = 0; round < 2; round++) {
        pid_t child = fork();
        if (child == 0) {
            if (round == 0)
                signal(SIGSEGV, SIG_DFL);
            else {
                fault.sa_flags |= SA_ONSTACK;
                sigaction(SIGSEGV, &fault, NULL);
            }
            raise(SIGUSR1);
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        printf("%s: killed by %d\n", round ? "no room for that either" : "no handler for it", WTERMSIG(status));
        fflush(stdout);
    }
}
