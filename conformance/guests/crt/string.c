// string.h: copies, searches, tokens, cases, and the checked functions.
#define __USE_MINGW_ANSI_STDIO 0
#include <stdio.h>
#include <string.h>
#include <wchar.h>

int main(void)
{
    char buffer[32] = "a,b;;c", *token;
    wchar_t wide[32];
    for (token = strtok(buffer, ",;"); token; token = strtok(NULL, ",;"))
        printf("<%s>", token);
    puts("");
    printf("%s %s %s\n", strchr("hello", 'l'), strrchr("hello", 'l'), strstr("hello", "lo"));
    printf("%d %d %s\n", (int)strspn("aabbc", "ab"), (int)strcspn("hello", "lo"), strpbrk("hello", "ol"));
    printf("%d %d %d\n", strcmp("a", "b"), strcmp("b", "a"), strncmp("abc", "abd", 2));
    printf("%d %d\n", _stricmp("HELLO", "hello"), _strnicmp("ABCx", "abcy", 3));
    strcpy(buffer, "MiXed");
    printf("%s ", _strupr(buffer));
    printf("%s ", _strlwr(buffer));
    printf("%s\n", _strrev(buffer));
    printf("%d [%s]\n", strncpy_s(buffer, 4, "truncated", _TRUNCATE), buffer);
    printf("%d %d\n", strcpy_s(buffer, 32, "good"), strcat_s(buffer, 32, " too"));
    printf("%s\n", buffer);
    wcscpy(wide, L"wide");
    printf("%d %d %d\n", (int)wcslen(wide), wcscmp(wide, L"wide"), _wcsicmp(wide, L"WIDE"));
    printf("%ls\n", wcsstr(wide, L"de"));
    printf("%s\n", strerror(2));
    return 0;
}
