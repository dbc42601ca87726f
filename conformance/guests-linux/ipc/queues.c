// POSIX and System V message queues, semaphores and shared memory; signals and time limits while they wait.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void show(const char *what, long result)
{
    printf("%s: %s\n", what, result == -1 ? strerrorname_np(errno) : "done");
}

static volatile sig_atomic_t raised;

static void handler(int signal)
{
    raised++;
}

static void posix(void)
{
    const char *name = "/queue-of-a-test";
    mq_unlink(name);
    struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 16};
    show("not there", mq_open(name, O_RDWR));
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    show("made", queue);
    show("made again", mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes));
    show("two slashes", mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL));
    char long_name[300] = "/";
    memset(long_name + 1, 'x', 290);
    show("a long name", mq_open(long_name, O_RDWR | O_CREAT, 0600, NULL));
    show("low", mq_send(queue, "low", 3, 1));
    show("high", mq_send(queue, "high", 4, 9));
    struct timespec past = {1, 0};
    show("full", mq_timedsend(queue, "more", 4, 1, &past));
    char text[16];
    unsigned priority;
    ssize_t len = mq_receive(queue, text, sizeof text, &priority);
    printf("first %.*s, priority %u\n", (int)len, text, priority);
    show("too small a buffer", mq_receive(queue, text, 8, NULL));
    pid_t child = fork();
    if (child == 0) {
        mqd_t mine = mq_open(name, O_WRONLY);
        _exit(mq_send(mine, "child", 5, 5));
    }
    int status;
    waitpid(child, &status, 0);
    len = mq_receive(queue, text, sizeof text, &priority);
    printf("the child's: %d %.*s\n", status, (int)len, text);
    len = mq_receive(queue, text, sizeof text, &priority);
    printf("last %.*s\n", (int)len, text);
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    show("interrupted", mq_receive(queue, text, sizeof text, &priority));
    printf("raised %d\n", raised);
    mq_getattr(queue, &attributes);
    printf("attributes %ld %ld %ld\n", attributes.mq_maxmsg, attributes.mq_msgsize, attributes.mq_curmsgs);
    show("closed", mq_close(queue));
    show("removed", mq_unlink(name));
    show("removed again", mq_unlink(name));
}

static void system_v(void)
{
    int queue = msgget(IPC_PRIVATE, 0600);
    struct { long kind; char text[8]; } message = {3, "three"};
    show("sent", msgsnd(queue, &message, 8, 0));
    show("none of that kind", msgrcv(queue, &message, 8, 4, IPC_NOWAIT));
    printf("received %ld %s\n", (long)msgrcv(queue, &message, 8, 3, 0), message.text);
    show("queue removed", msgctl(queue, IPC_RMID, NULL));
    int set = semget(IPC_PRIVATE, 2, 0600);
    struct sembuf up = {0, 1, SEM_UNDO}, down = {0, -1, IPC_NOWAIT};
    show("down", semop(set, &down, 1));
    pid_t child = fork();
    if (child == 0)
        _exit(semop(set, &up, 1));
    waitpid(child, NULL, 0);
    show("down, undone with the child", semop(set, &down, 1));
    semctl(set, 0, IPC_RMID);
    int id = shmget(IPC_PRIVATE, 5000, 0600);
    char *memory = shmat(id, NULL, 0);
    child = fork();
    if (child == 0) {
        strcpy(memory, "shared");
        _exit(0);
    }
    waitpid(child, NULL, 0);
    printf("memory: %s\n", memory);
    show("detached", shmdt(memory));
    show("detached again", shmdt(memory));
    shmctl(id, IPC_RMID, NULL);
}

// A process reads its own memory, and that of no bad address.
static void own_memory(void)
{
    char from[] = "own memory", to[sizeof from] = {0};
    struct iovec local = {to, sizeof to}, remote = {from, sizeof from};
    printf("own memory: %ld %s\n", (long)process_vm_readv(getpid(), &local, 1, &remote, 1, 0), to);
    remote.iov_base = (void *)8;
    show("bad address", process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
}

// Pages of a file in another order.
static void pages(void)
{
    int fd = open("/tmp/pages", O_RDWR | O_CREAT | O_TRUNC, 0600);
    char page[4096];
    for (int i = 0; i < 3; i++) {
        memset(page, 'a' + i, sizeof page);
        write(fd, page, sizeof page);
    }
    char *memory = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    show("pages", syscall(SYS_remap_file_pages, memory, 4096, 0, 2, 0));
    printf("now %c %c %c\n", memory[0], memory[4096], memory[8192]);
    show("not ours", syscall(SYS_remap_file_pages, 0x10000, 4096, 0, 0, 0));
}

int main(void)
{
    posix();
    system_v();
    own_memory();
    pages();
}
