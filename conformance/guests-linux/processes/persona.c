// personality(2): a fixed place for the program, another machine's name; kept over fork and exec.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static void run(char *self, int out) {
    if (fork() == 0) {
        dup2(out, 1);
        execl(self, self, "where", NULL);
    }
    wait(NULL);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        // Static programs may have their fixed place anyway.
        printf("%p %x\n", (void *)main, personality(0xffffffff));
        return 0;
    }
    struct utsname name;
    printf("%x\n", personality(0xffffffff));
    int fds[2];
    pipe(fds);
    printf("set %x\n", personality(ADDR_NO_RANDOMIZE));
    printf("now %x\n", personality(0xffffffff));
    fflush(stdout);
    char one[64] = "", two[64] = "";
    run(argv[0], fds[1]);
    read(fds[0], one, sizeof one - 1);
    run(argv[0], fds[1]);
    read(fds[0], two, sizeof two - 1);
    printf("same place %d, kept %d\n", strcmp(one, two) == 0, strstr(one, " 40000\n") != NULL);
    printf("other machine %x\n", personality(PER_LINUX32));
    uname(&name);
    printf("%s\n", name.machine);
    printf("back %x\n", personality(PER_LINUX));
    uname(&name);
    printf("%s\n", name.machine);
    return 0;
}
