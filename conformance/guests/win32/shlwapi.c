/* Paths and strings of shlwapi.h. Also psapi.h under its own names, found at run time. */
#include <windows.h>
#include <stdio.h>

#define GET(r, n, ...) r (WINAPI *n)(__VA_ARGS__) = (void *)GetProcAddress(LoadLibraryA("shlwapi.dll"), #n)

int main(void)
{
    char b[MAX_PATH];
    int i;
    GET(char *, PathCombineA, char *, const char *, const char *);
    GET(WCHAR *, PathCombineW, WCHAR *, const WCHAR *, const WCHAR *);
    GET(BOOL, PathCanonicalizeA, char *, const char *);
    GET(char *, PathFindExtensionA, const char *);
    GET(char *, PathFindFileNameA, const char *);
    GET(BOOL, PathRemoveFileSpecA, char *);
    GET(BOOL, PathIsRelativeA, const char *);
    GET(BOOL, PathIsRootA, const char *);
    GET(BOOL, PathAppendA, char *, const char *);
    GET(BOOL, PathRenameExtensionA, char *, const char *);
    GET(BOOL, PathMatchSpecA, const char *, const char *);
    GET(BOOL, PathFileExistsA, const char *);
    GET(BOOL, PathIsDirectoryW, const WCHAR *);
    GET(char *, PathAddBackslashA, char *);
    GET(void, PathQuoteSpacesA, char *);
    GET(char *, StrStrIA, const char *, const char *);
    GET(int, StrCmpNIW, const WCHAR *, const WCHAR *, int);
    GET(BOOL, StrTrimA, char *, const char *);
    GET(BOOL, StrToIntExA, const char *, DWORD, int *);
    GET(int, PathGetDriveNumberA, const char *);
    static const char *combine[][2] = {{"C:\\one\\two", "three"}, {"C:\\one\\two\\", "..\\three"}, {"C:\\one", "\\two"}, {"C:\\one", "D:\\two"}, {"C:", "file"}};
    static const char *canon[] = {"A:\\name_1\\.\\name_2\\..\\name_3", "A:\\name_1\\..\\name_2\\.\\name_3", "C:\\..", "a\\b\\..\\c\\"};
    static const char *ext[] = {"C:\\dir.d\\file", "file.tar.gz", ".x", "file", "a.b c"};
    static const char *name[] = {"C:\\dir\\file", "file", "dir\\", "C:file", "C:\\"};
    static const char *spec[] = {"C:\\dir\\file", "C:\\file", "C:\\", "file", "\\\\server\\share\\file"};
    static const char *match[][2] = {{"file.TXT", "*.txt"}, {"file", "*.*"}, {"file.c", "*.h; *.C"}, {"file.cc", "?ile.c"}, {"abcabd", "*abd"}};

    for (i = 0; i < 5; i++)
        printf("combine %s\n", PathCombineA(b, combine[i][0], combine[i][1]) ? b : "-");
    for (i = 0; i < 4; i++) {
        PathCanonicalizeA(b, canon[i]);
        printf("canonical %s\n", b);
    }
    for (i = 0; i < 5; i++)
        printf("extension '%s' name '%s'\n", PathFindExtensionA(ext[i]), PathFindFileNameA(name[i]));
    for (i = 0; i < 5; i++) {
        strcpy(b, spec[i]);
        BOOL r = PathRemoveFileSpecA(b);
        printf("spec %d %s\n", r, b);
    }
    for (i = 0; i < 5; i++)
        printf("match %d\n", PathMatchSpecA(match[i][0], match[i][1]));
    printf("relative %d %d %d root %d %d %d\n", PathIsRelativeA("a"), PathIsRelativeA("C:a"), PathIsRelativeA("\\a"), PathIsRootA("C:\\"), PathIsRootA("C:"), PathIsRootA("\\\\server\\share"));
    strcpy(b, "C:\\a b");
    PathAppendA(b, "\\c.txt");
    PathRenameExtensionA(b, ".exe");
    PathQuoteSpacesA(b);
    puts(b);
    strcpy(b, "C:\\a");
    printf("end %d ", (int)(PathAddBackslashA(b) - b));
    puts(b);
    printf("exists %d %d directory %d\n", PathFileExistsA("C:\\windows\\nothing"), PathFileExistsA("C:\\windows"), PathIsDirectoryW(L"C:\\windows"));
    printf("%s %d %d\n", StrStrIA("Hello World", "WORLD"), StrCmpNIW(L"\u00c4bc", L"\u00e4bd", 2), StrCmpNIW(L"abc", L"ABD", 3));
    strcpy(b, "_!ABCDEFG#");
    printf("trim %d ", StrTrimA(b, "#A!_"));
    puts(b);
    i = 5;
    BOOL r = StrToIntExA(" 0x1F", 1, &i);
    printf("%d %d drive %d %d\n", r, i, PathGetDriveNumberA("c:\\x"), PathGetDriveNumberA("x"));

    DWORD memory[32] = {sizeof memory}, needed;
    HMODULE ps = LoadLibraryA("psapi.dll"), modules[4];
    BOOL (WINAPI *info)(HANDLE, void *, DWORD) = (void *)GetProcAddress(ps, "GetProcessMemoryInfo");
    BOOL (WINAPI *list)(HANDLE, HMODULE *, DWORD, DWORD *) = (void *)GetProcAddress(ps, "EnumProcessModules");
    printf("memory %d\n", info(GetCurrentProcess(), memory, 72));
    r = list(GetCurrentProcess(), modules, sizeof modules, &needed);
    printf("modules %d first %d\n", r, modules[0] == GetModuleHandleA(NULL));
    return 0;
}
