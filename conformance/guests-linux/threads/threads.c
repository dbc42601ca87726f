// Threads: TLS, mutexes, conditions, cancellation, signals to one, exit of the first, exec from one of many, fork in one of many.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static __thread int mine = 5;
static long sum;
static int stage;

static void *add(void *arg) {
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&mutex);
        sum++;
        pthread_mutex_unlock(&mutex);
        mine++;
    }
    return (void *)(long)(mine + (long)arg);
}

static void *wait_stage(void *arg) {
    pthread_mutex_lock(&mutex);
    while (!stage) pthread_cond_wait(&condition, &mutex);
    pthread_mutex_unlock(&mutex);
    return arg;
}

static void cleaned(void *arg) { *(int *)arg = 1; }

static void *cancelled(void *arg) {
    pthread_cleanup_push(cleaned, arg);
    for (;;) pause();
    pthread_cleanup_pop(0);
    return NULL;
}

static __thread volatile int hits;
static void hit(int s) { hits++; (void)s; }
static sem_t ready;
static void *receives(void *arg) {
    sem_post(&ready);
    while (!hits) usleep(1000);
    return (void *)(long)hits;
    (void)arg;
}

static void *quick(void *arg) { return arg; }

static pthread_mutex_t robust;
static void *dies_with(void *arg) {
    pthread_mutex_lock(&robust);
    return arg;
}

static void *execs(void *arg) {
    usleep(10000);
    execl(arg, arg, "after exec", NULL);
    return NULL;
}

static void *sleeps(void *arg) {
    for (;;) pause();
    return arg;
}

static void *spins(void *arg) {
    for (volatile int i = 0;; i++) {}
    return arg;
}

static void *forks(void *arg) {
    int status;
    pid_t child = fork();
    if (!child) {
        // Only this thread is there, and it can make others.
        pthread_t t;
        void *back = NULL;
        pthread_create(&t, NULL, quick, (void *)3);
        pthread_join(t, &back);
        _exit((int)(long)back + (syscall(SYS_gettid) == getpid()));
    }
    waitpid(child, &status, 0);
    return (void *)(long)WEXITSTATUS(status);
    (void)arg;
}

static void *outlives(void *arg) {
    usleep(30000);
    puts("the first thread has ended, this one goes on");
    fflush(stdout);
    exit(4);
    return arg;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        printf("%s: thread id is process id %d\n", argv[1], syscall(SYS_gettid) == getpid());
        return 6;
    }
    setbuf(stdout, NULL);
    pthread_t t[16];
    void *back;
    long total = 0;
    for (long i = 0; i < 8; i++) pthread_create(&t[i], NULL, add, (void *)i);
    for (int i = 0; i < 8; i++) pthread_join(t[i], &back), total += (long)back;
    printf("sum %ld, own %ld, here %d\n", sum, total, mine);
    for (long i = 0; i < 16; i++) pthread_create(&t[i], NULL, wait_stage, (void *)i);
    pthread_mutex_lock(&mutex);
    stage = 1;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 16; i++) pthread_join(t[i], &back), total += (long)back;
    printf("all woken %ld\n", total);
    int clean = 0;
    pthread_create(&t[0], NULL, cancelled, &clean);
    usleep(5000);
    pthread_cancel(t[0]);
    pthread_join(t[0], &back);
    printf("cancelled %d, cleaned %d\n", back == PTHREAD_CANCELED, clean);
    signal(SIGUSR1, hit);
    sem_init(&ready, 0, 0);
    pthread_create(&t[0], NULL, receives, NULL);
    sem_wait(&ready);
    pthread_kill(t[0], SIGUSR1);
    pthread_join(t[0], &back);
    printf("signalled %ld, here %d\n", (long)back, hits);
    for (int i = 0; i < 2000; i++) {
        pthread_create(&t[0], NULL, quick, &i);
        pthread_join(t[0], &back);
        if (back != &i) puts("wrong result");
    }
    puts("2000 short ones");
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attr);
    pthread_create(&t[0], NULL, dies_with, NULL);
    pthread_join(t[0], NULL);
    usleep(10000);
    printf("robust: %s\n", strerrorname_np(pthread_mutex_lock(&robust)));
    pthread_create(&t[0], NULL, forks, NULL);
    pthread_create(&t[1], NULL, sleeps, NULL);
    pthread_join(t[0], &back);
    printf("fork in a thread: %ld\n", (long)back);
    int status;
    pid_t child = fork();
    if (!child) {
        pthread_create(&t[0], NULL, sleeps, NULL);
        pthread_create(&t[1], NULL, spins, NULL);
        pthread_create(&t[2], NULL, sleeps, NULL);
        usleep(10000);
        execl(argv[0], argv[0], "exec of the first", NULL);
        _exit(1);
    }
    waitpid(child, &status, 0);
    printf("exit %d\n", WEXITSTATUS(status));
    child = fork();
    if (!child) {
        pthread_create(&t[0], NULL, spins, NULL);
        pthread_create(&t[1], NULL, sleeps, NULL);
        usleep(5000);
        exit(12);
    }
    waitpid(child, &status, 0);
    printf("exit with others running %d\n", WEXITSTATUS(status));
    pthread_create(&t[0], NULL, outlives, NULL);
    pthread_exit(NULL);
}
