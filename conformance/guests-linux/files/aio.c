// Asynchronous reads and writes of the kernel's, by io_setup(2) and its like; a child and a new program have none.
#include "see.h"
#include <linux/aio_abi.h>

int main(int argc, char **argv) {
    aio_context_t context = 0;
    struct io_event events[4];
    if (argc > 1) {
        context = strtoul(argv[1], NULL, 16);
        SEE(syscall(SYS_io_destroy, context));
        return 0;
    }
    SEE(syscall(SYS_io_setup, 8, &context));
    printf("context %d\n", context != 0);
    int fd = open("/work/file", O_RDWR | O_CREAT | O_TRUNC, 0644);
    char from[] = "written", to[8] = "";
    struct iocb write_it = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = fd, .aio_buf = (long)from, .aio_nbytes = 7, .aio_data = 1};
    struct iocb read_it = {.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = fd, .aio_buf = (long)to, .aio_nbytes = 7, .aio_data = 2};
    struct iocb *list[1] = {&write_it};
    SEE_NUMBER(syscall(SYS_io_submit, context, 1, list));
    SEE_NUMBER(syscall(SYS_io_getevents, context, 1, 4, events, NULL));
    printf("event %lld: %lld\n", events[0].data, events[0].res);
    list[0] = &read_it;
    SEE_NUMBER(syscall(SYS_io_submit, context, 1, list));
    SEE_NUMBER(syscall(SYS_io_getevents, context, 1, 4, events, NULL));
    printf("event %lld: %lld %s\n", events[0].data, events[0].res, to);
    struct timespec none = {0, 0};
    SEE_NUMBER(syscall(SYS_io_getevents, context, 1, 4, events, &none));
    list[0] = &(struct iocb){.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = 99};
    SEE_NUMBER(syscall(SYS_io_submit, context, 1, list));
    if (fork() == 0) {
        SEE(syscall(SYS_io_destroy, context));
        exit(0);
    }
    wait(NULL);
    aio_context_t second = 0;
    SEE(syscall(SYS_io_setup, 8, &second));
    SEE(syscall(SYS_io_destroy, second));
    SEE(syscall(SYS_io_destroy, second));
    char text[32];
    snprintf(text, sizeof text, "%lx", context);
    execl(argv[0], argv[0], text, NULL);
    return 1;
}
