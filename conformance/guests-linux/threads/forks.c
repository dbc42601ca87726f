// Forks right behind the end of threads, beside threads that begin and end, and exec among them: no child finds anything half done.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void *look(void *path)
{
    struct stat st;
    for (int i = 0; i < 20; i++)
        stat(path, &st);
    return path;
}

static volatile int stop;

static void *churn(void *arg)
{
    long made = 0;
    while (!stop) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, look, "/tmp/none/of/this") == 0) {
            pthread_join(thread, NULL);
            made++;
        }
    }
    return (void *)made;
}

static int child_of(int with_exec)
{
    pid_t child = fork();
    if (child == 0) {
        struct stat st;
        pthread_t thread;
        // Both need what was copied: memory of ours, and threads.
        int fine = stat("/work", &st) == 0 && pthread_create(&thread, NULL, look, "/tmp") == 0 && pthread_join(thread, NULL) == 0;
        if (with_exec) {
            execl("/proc/self/exe", "prog", "child", NULL);
            _exit(90);
        }
        _exit(fine ? 7 : 91);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

// Another thread asks for the program; the first one waits for it, and is the one that runs it.
static void *exec(void *arg)
{
    char pid[20];
    snprintf(pid, sizeof pid, "%d", getpid());
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    execl("/proc/self/exe", "prog", "last", pid, NULL);
    return NULL;
}

int main(int count, char **arguments)
{
    if (count > 1 && !strcmp(arguments[1], "child"))
        return 7;
    if (count > 1) {
        int pid = -1;
        char text[64] = "", exe[64] = "", link[64] = "";
        FILE *file = fopen("/proc/self/stat", "r");
        fscanf(file, "%d", &pid);
        readlink("/proc/self/exe", exe, sizeof exe - 1);
        snprintf(text, sizeof text, "%d", getpid());
        readlink("/proc/self", link, sizeof link - 1);
        printf("run by another thread: still %d, first %d, own %d %d %s\n", atoi(arguments[2]) == getpid(), gettid() == getpid(), pid == getpid(),
               !strcmp(text, link), exe);
        sigset_t mask;
        sigprocmask(SIG_BLOCK, NULL, &mask);
        printf("mask of the one that asked: %d %d\n", sigismember(&mask, SIGUSR1), sigismember(&mask, SIGUSR2));
        return 0;
    }
    int good = 0;
    for (int i = 0; i < 400; i++) {
        pthread_t threads[3];
        for (int t = 0; t < 3; t++)
            pthread_create(&threads[t], NULL, look, "/tmp/none");
        for (int t = 0; t < 3; t++)
            pthread_join(threads[t], NULL);
        good += child_of(i % 8 == 0);
    }
    printf("behind threads: %d\n", good);
    pthread_t churners[2];
    for (int t = 0; t < 2; t++)
        pthread_create(&churners[t], NULL, churn, NULL);
    good = 0;
    for (int i = 0; i < 200; i++)
        good += child_of(i % 8 == 0);
    stop = 1;
    long made = 0;
    for (int t = 0; t < 2; t++) {
        void *each;
        pthread_join(churners[t], &each);
        made += (long)each;
    }
    printf("beside threads: %d, made %d\n", good, made > 0);
    fflush(stdout);
    stop = 0;
    for (int t = 0; t < 2; t++)
        pthread_create(&churners[t], NULL, churn, NULL);
    pthread_t last;
    pthread_create(&last, NULL, exec, NULL);
    pthread_join(last, NULL);
    printf("not reached\n");
}
