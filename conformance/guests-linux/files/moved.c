// Names that are looked up again and again, while this process, its child and its thread change where they lead: each change holds at
// once (rename(2), symlink(2), chdir(2)).
#include "see.h"
#include <pthread.h>
#include <sys/wait.h>

static void look(const char *when) {
    struct stat st;
    char text[64] = "";
    printf("%s:", when);
    // Often enough that whatever is remembered is used.
    for (int i = 0; i < 50; i++) {
        int failed = lstat("dir/file", &st), opened = open("/work/by/link", O_RDONLY);
        if (opened >= 0) {
            text[read(opened, text, sizeof text - 1)] = 0;
            close(opened);
        }
        if (i == 0 || i == 49) printf(" %s, %s;", failed ? error() : st.st_size == 3 ? "old" : "new", opened < 0 ? "none" : text);
    }
    puts("");
}

static void change(int step) {
    switch (step) {
    case 0: rename("dir", "moved"); break;
    case 1: rename("other", "dir"); break;
    case 2: unlink("/work/by/link"); symlink("/work/second", "/work/by/link"); break;
    case 3: rename("/work/by", "/work/bye"); symlink("bye", "/work/by"); break;
    case 4: unlink("dir/file"); rmdir("dir"); symlink("moved", "dir"); break;
    case 5: unlink("dir"); symlink("/outside", "dir"); break;
    case 6: chdir("/work/moved"); mkdir("dir", 0755); put("dir/file", "a new file\n"); break;
    case 7: chdir(".."); break;
    }
}

static void *in_thread(void *step) {
    change(*(int *)step);
    return 0;
}

int main() {
    for (int who = 0; who < 3; who++) {
        // All of it anew: who changes names is this process, its child, its thread.
        chdir("/work");
        mkdir("dir", 0755);
        mkdir("other", 0755);
        mkdir("by", 0755);
        put("dir/file", "12\n");
        put("other/file", "another one\n");
        put("first", "first");
        put("second", "second");
        symlink("/work/first", "by/link");
        printf("-- %s\n", who == 0 ? "the process" : who == 1 ? "a child" : "a thread");
        look("at first");
        for (int step = 0; step < 8; step++) {
            char name[8];
            if (who == 1 && step >= 6) break;
            if (who == 0) change(step);
            if (who == 1) {
                pid_t child = fork();
                if (child == 0) {
                    change(step);
                    _exit(0);
                }
                waitpid(child, 0, 0);
            }
            if (who == 2) {
                pthread_t thread;
                pthread_create(&thread, 0, in_thread, &step);
                pthread_join(thread, 0);
            }
            snprintf(name, sizeof name, "%d", step);
            look(name);
        }
        chdir("/work");
        unlink("dir");
        unlink("moved/dir/file");
        rmdir("moved/dir");
        unlink("moved/file");
        rmdir("moved");
        unlink("by");
        unlink("bye/link");
        rmdir("bye");
        unlink("first");
        unlink("second");
    }
}
