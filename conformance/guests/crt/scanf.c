// scanf: numbers, strings, sets, widths and what is assigned.
#define __USE_MINGW_ANSI_STDIO 0
#include <stdio.h>
#include <string.h>

int main(void)
{
    int a = 0, b = 0, n = 0;
    long long big = 0;
    double d = 0;
    float f = 0;
    char s[32] = "", t[32] = "";
    printf("%d:", sscanf("12 -7 0x1f", "%d %d %i", &a, &b, &n));
    printf(" %d %d %d\n", a, b, n);
    printf("%d:", sscanf("1234567890123 3.5e2 1.25", "%I64d %lf %f", &big, &d, &f));
    printf(" %I64d %g %g\n", big, d, f);
    printf("%d:", sscanf("key = value", "%[^= ] = %s", s, t));
    printf(" %s %s\n", s, t);
    printf("%d:", sscanf("abcdef", "%3s%n%c", s, &n, t));
    printf(" %s %d %c\n", s, n, t[0]);
    printf("%d\n", sscanf("x", "%d", &a));
    printf("%d\n", sscanf("", "%d", &a));
    printf("%d %d\n", sscanf("5,6", "%d,%*d", &a), a);
    printf("%d\n", sscanf("12345", "%2d%2d", &a, &b));
    printf("%d %d\n", a, b);
    return 0;
}
