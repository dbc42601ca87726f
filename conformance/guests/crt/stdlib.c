// stdlib.h: conversions, sorting, searching, random numbers, environment, exit order.
#define __USE_MINGW_ANSI_STDIO 0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void first(void) { puts("registered first"); }
static void last(void) { puts("registered last"); }

int main(void)
{
    int numbers[200], i, sorted = 1, key = 77;
    char text[40], *end;
    div_t d;
    for (i = 0; i < 200; i++)
        numbers[i] = (i * 7919 + 13) % 200;
    qsort(numbers, 200, sizeof(int), compare);
    for (i = 1; i < 200; i++)
        sorted &= numbers[i - 1] <= numbers[i];
    printf("sorted %d, found %d\n", sorted, *(int *)bsearch(&key, numbers, 200, sizeof(int), compare));
    printf("%ld %ld %lu\n", strtol("  -42xyz", &end, 10), strtol("0x1F", NULL, 0), strtoul("777", NULL, 8));
    printf("[%s]\n", end);
    errno = 0;
    printf("%ld %d\n", strtol("99999999999", NULL, 10), errno);
    printf("%I64d %d\n", _atoi64("-9000000000"), atoi("12abc"));
    printf("%g %g\n", strtod("1.5e3abc", &end), atof("-0.25"));
    printf("[%s] %s %s\n", end, _itoa(-255, text, 10), _ultoa(255, text + 20, 16));
    d = div(-7, 2);
    printf("%d %d\n", d.quot, d.rem);
    srand(1);
    printf("%d %d %d\n", rand(), rand(), rand());
    _putenv("CRT_TEST=set");
    printf("%s\n", getenv("crt_test"));
    _putenv("CRT_TEST=");
    printf("%d\n", getenv("CRT_TEST") == NULL);
    atexit(first);
    atexit(last);
    exit(5);
}
