// Streams: text and binary mode, seeking, ungetc, lines, end of file.
#define __USE_MINGW_ANSI_STDIO 0
#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    char line[64];
    long at;
    size_t n;
    FILE *f = fopen("stdio.tmp", "w");
    fputs("first\nsecond\n", f);
    fprintf(f, "third %d\n", 3);
    printf("tell %ld\n", ftell(f));
    fclose(f);
    f = fopen("stdio.tmp", "rb");
    n = fread(line, 1, sizeof line, f);
    printf("bytes %d, cr %d\n", (int)n, line[5] == '\r');
    fclose(f);
    f = fopen("stdio.tmp", "r");
    fgets(line, sizeof line, f);
    at = ftell(f);
    printf("%d %ld\n", (int)strlen(line), at);
    fgets(line, sizeof line, f);
    fseek(f, at, SEEK_SET);
    printf("%c", ungetc(fgetc(f), f));
    fgets(line, sizeof line, f);
    printf(" %s", line);
    while (fgetc(f) != EOF)
        ;
    printf("eof %d error %d\n", feof(f) != 0, ferror(f) != 0);
    rewind(f);
    printf("%d\n", fscanf(f, "%s", line));
    fclose(f);
    f = fopen("stdio.tmp", "a+");
    fputs("more\n", f);
    fseek(f, 0, SEEK_SET);
    n = 0;
    while (fgets(line, sizeof line, f))
        n++;
    printf("lines %d\n", (int)n);
    fclose(f);
    f = fopen("stdio.tmp", "r+b");
    fseek(f, 2, SEEK_SET);
    fputc('X', f);
    fseek(f, 0, SEEK_SET);
    fread(line, 1, 5, f);
    line[5] = 0;
    printf("%s\n", line);
    fclose(f);
    printf("%d\n", remove("stdio.tmp"));
    f = fopen("stdio.tmp", "r");
    printf("%d %d\n", f == NULL, errno);
    _setmode(1, _O_BINARY);
    printf("binary\n");
    return 0;
}
