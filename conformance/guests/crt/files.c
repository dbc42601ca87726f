// io.h, direct.h and sys/stat.h: folders, searches, times, modes, descriptors and pipes.
#define __USE_MINGW_ANSI_STDIO 0
#include <direct.h>
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utime.h>

int main(void)
{
    struct _finddata_t found;
    struct _utimbuf times = {1000000000, 1000000000};
    struct _stat64 st;
    char drive[4], folder[260], name[260], extension[260], full[260], bytes[16];
    int ends[2], fd, copy;
    intptr_t search;
    FILE *f;
    printf("mkdir %d\n", _mkdir("crt_files"));
    f = fopen("crt_files/a.txt", "w");
    fputs("x", f);
    fclose(f);
    fclose(fopen("crt_files/B.txt", "w"));
    search = _findfirst("crt_files\\*.txt", &found);
    do
        printf("%s %x %d\n", found.name, found.attrib & 0x10, (int)found.size);
    while (_findnext(search, &found) == 0);
    _findclose(search);
    printf("rename %d\n", rename("crt_files/a.txt", "crt_files/c.txt"));
    _utime("crt_files/c.txt", &times);
    _stat64("crt_files/c.txt", &st);
    printf("%d %o\n", (int)st.st_mtime, st.st_mode);
    _chmod("crt_files/c.txt", _S_IREAD);
    printf("read-only %d\n", _access("crt_files/c.txt", 2));
    _chmod("crt_files/c.txt", _S_IREAD | _S_IWRITE);
    printf("%d %d\n", remove("crt_files/c.txt"), remove("crt_files/b.txt"));
    printf("rmdir %d\n", _rmdir("crt_files"));
    _splitpath("C:\\x\\y\\file.tar.gz", drive, folder, name, extension);
    printf("%s|%s|%s|%s\n", drive, folder, name, extension);
    _makepath(full, "C", "\\a\\b", "name", "ext");
    printf("%s\n", full);
    printf("%s\n", _fullpath(full, "C:\\a\\..\\b.txt", sizeof full));
    _pipe(ends, 4096, _O_BINARY);
    _write(ends[1], "pipe", 4);
    printf("%d %.4s\n", _read(ends[0], bytes, sizeof bytes), bytes);
    fd = _open("crt_files.tmp", _O_CREAT | _O_RDWR | _O_TEXT | _O_TRUNC, _S_IREAD | _S_IWRITE);
    _write(fd, "a\nb\n", 4);
    printf("%ld ", _lseek(fd, 0, SEEK_END));
    _lseek(fd, 0, SEEK_SET);
    printf("%d ", _read(fd, bytes, sizeof bytes));
    copy = _dup(fd);
    _close(fd);
    printf("%ld\n", _lseek(copy, 0, SEEK_CUR));
    _close(copy);
    printf("unlink %d\n", _unlink("crt_files.tmp"));
    return 0;
}
