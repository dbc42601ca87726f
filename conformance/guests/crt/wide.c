// Wide arguments, files and multibyte conversions.
#define __USE_MINGW_ANSI_STDIO 0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

int main(void)
{
    wchar_t wide[32];
    char narrow[32];
    FILE *f;
    printf("%d %d\n", (int)mbstowcs(wide, "abc", 32), (int)wcstombs(narrow, L"xyz", 32));
    printf("%d\n", (int)wcstombs(narrow, L"\x20ac", 32));
    f = _wfopen(L"\x44\xe4\x20ac.tmp", L"w");
    fputws(L"text\n", f);
    fclose(f);
    f = _wfopen(L"\x44\xe4\x20ac.tmp", L"r");
    printf("%d\n", fgetws(wide, 32, f) != NULL);
    printf("%ls", wide);
    fclose(f);
    printf("%d\n", _wremove(L"\x44\xe4\x20ac.tmp"));
    printf("%ld\n", wcstol(L"-123", NULL, 10));
    return 0;
}
