// printf: Microsoft's formats, flags, widths and special values.
#define __USE_MINGW_ANSI_STDIO 0
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

int main(void)
{
    char buffer[64];
    wchar_t wide[64];
    double zero = 0.0;
    printf("[%d] [%5d] [%-5d] [%05d] [%+d] [% d]\n", 42, 42, 42, 42, 42, 42);
    printf("[%u] [%x] [%X] [%#x] [%o] [%#o]\n", 42u, 255u, 255u, 255u, 8u, 8u);
    printf("[%I64d] [%I64x] [%I32d] [%lld] [%hd]\n", 1LL << 40, -1LL, 7, -5LL, (short)-3);
    printf("[%.3d] [%8.3d] [%.0d]\n", 7, 7, 0);
    printf("[%s] [%10s] [%-10s] [%.2s] [%s]\n", "text", "text", "text", "text", (char *)0);
    printf("[%ls] [%S] [%hs]\n", L"wide", L"wide", "narrow");
    printf("[%c] [%5c] [%lc]\n", 'x', 'y', L'z');
    printf("[%f] [%.2f] [%10.3f] [%-10.1f] [%+.1f]\n", 3.14159265, 2.5, 3.14159265, 2.25, 1.0);
    printf("[%e] [%.2E] [%g] [%g] [%g]\n", 12345.678, 0.00012, 100000.0, 1e-5, 123456789.0);
    printf("[%.10g] [%#g] [%g]\n", 0.1, 1.0, 0.0);
    printf("[%*d] [%-*d] [%.*f]\n", 6, 42, 6, 42, 1, 2.55);
    printf("[%p] [%%]\n", (void *)0x1234);
    printf("%d %d\n", _snprintf(buffer, 4, "%s", "truncated"), _snprintf(buffer, 10, "%s", "fits"));
    printf("%d %s\n", sprintf(buffer, "%d-%s", 5, "five"), buffer);
    printf("%d\n", _scprintf("%s %d", "count", 123));
    printf("%d\n", _snwprintf(wide, 64, L"%s %S %ls %hs", L"a", "b", L"c", "d"));
    wprintf(L"[%s] [%ls]\n", wide, L"wide again");
    return 0;
}
