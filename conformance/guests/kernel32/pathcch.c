/* Paths as text: pathcch.h. */
#define _WIN32_WINNT 0x0A00
#include <windows.h>
#include <stdio.h>
#include <wchar.h>
typedef HRESULT(WINAPI *F3)(wchar_t *, size_t, const wchar_t *);
typedef HRESULT(WINAPI *F4)(wchar_t *, size_t, const wchar_t *, const wchar_t *);
typedef HRESULT(WINAPI *F4F)(wchar_t *, size_t, const wchar_t *, unsigned);
typedef HRESULT(WINAPI *F2)(wchar_t *, size_t);
typedef HRESULT(WINAPI *FS)(const wchar_t *, const wchar_t **);
typedef BOOL(WINAPI *FB)(const wchar_t *);
typedef HRESULT(WINAPI *FA)(const wchar_t *, unsigned, wchar_t **);
static HMODULE base;
#define GET(type, name) ((type)GetProcAddress(base, name))
static void show(const char *what, const wchar_t *in, HRESULT r, const wchar_t *out) { printf("%s %ls: %lx [%ls]\n", what, in, r, out); }
int main(void)
{
    base = LoadLibraryA("kernelbase.dll");
    wchar_t b[1024];
    static const wchar_t *const paths[] = { L"", L".", L"..", L"C:", L"C:\\", L"C:\\a\\.\\b", L"C:\\a\\..\\b", L"C:\\..\\..\\b", L"C:\\a\\b\\..", L"C:\\a\\b\\.", L"C:\\a\\b\\",
        L"a\\..\\..\\b", L"a\\..\\b", L"..\\b", L"a\\\\b", L"...", L"\\a\\..", L"C:\\a.\\b..", L"C:\\a\\*.", L"C:\\a\\*..", L"\\\\s\\h", L"\\\\s", L"\\\\?\\C:\\a\\..\\b", L"\\\\?\\UNC\\s\\h\\a",
        L"\\\\?\\Volume{e51a1864-6f2d-4019-b73d-f4e60e600c26}\\a\\..\\b", L"C:/a/../b", L"C:\\a\\...", L"a\\..", L"\\", L"C:\\a\\.b", NULL };
    for (int i = 0; paths[i]; i++) {
        wcscpy(b, L"?");
        show("canonicalize", paths[i], GET(F3, "PathCchCanonicalize")(b, 1024, paths[i]), b);
        const wchar_t *rest = L"-";
        HRESULT r = GET(FS, "PathCchSkipRoot")(paths[i], &rest);
        show("  skip", paths[i], r, r ? L"-" : rest);
        printf("  root %d\n", GET(FB, "PathCchIsRoot")(paths[i]));
        static const char *const in_place[] = { "PathCchRemoveFileSpec", "PathCchStripToRoot", "PathCchRemoveBackslash", "PathCchAddBackslash", "PathCchRemoveExtension", "PathCchStripPrefix", NULL };
        for (int j = 0; in_place[j]; j++) {
            wcscpy(b, paths[i]);
            HRESULT h = GET(F2, in_place[j])(b, 1024);
            printf("  %s %lx [%ls]\n", in_place[j] + 7, h, b);
        }
    }
    static const wchar_t *const pairs[][2] = { { L"C:\\a", L"b" }, { L"C:\\a", L"\\b" }, { L"C:\\a", L"D:\\b" }, { L"C:\\a", L"..\\b" }, { L"C:\\a\\", L"b" }, { L"", L"b" }, { L"a", L"" }, { L"\\\\s\\h\\a", L"\\b" },
        { L"C:\\a", L"\\\\s\\h" }, { L"C:", L"b" }, { L"C:\\a", L"D:b" }, { L"a", L"..\\..\\b" } };
    for (int i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        HRESULT r = GET(F4, "PathCchCombine")(b, 1024, pairs[i][0], pairs[i][1]);
        printf("combine %ls + %ls: %lx [%ls]\n", pairs[i][0], pairs[i][1], r, b);
        wcscpy(b, pairs[i][0]);
        r = GET(F3, "PathCchAppend")(b, 1024, pairs[i][1]);
        printf("append %ls + %ls: %lx [%ls]\n", pairs[i][0], pairs[i][1], r, b);
    }
    for (unsigned f = 0x10; f <= 0x40; f *= 2) {
        HRESULT r = GET(F4F, "PathCchCanonicalizeEx")(b, 1024, L"C:\\a/b", f);
        printf("flags %x: %lx [%ls]\n", f, r, b);
    }
    HRESULT r = GET(F3, "PathCchCanonicalize")(b, 3, L"C:\\a");
    printf("short %lx [%ls]\n", r, b);
    wcscpy(b, L"file.txt");
    r = GET(F3, "PathCchRenameExtension")(b, 64, L".dat"); printf("rename %lx [%ls]\n", r, b);
    r = GET(F3, "PathCchRenameExtension")(b, 64, L""); printf("rename %lx [%ls]\n", r, b);
    r = GET(F3, "PathCchAddExtension")(b, 64, L"c"); printf("add %lx [%ls]\n", r, b);
    r = GET(F3, "PathCchAddExtension")(b, 64, L"c"); printf("add %lx [%ls]\n", r, b);
    r = GET(F3, "PathCchAddExtension")(b, 64, L"a b"); printf("add bad %lx [%ls]\n", r, b);
    wchar_t *made = NULL;
    r = GET(FA, "PathAllocCanonicalize")(L"C:\\x\\..\\y", 1, &made); printf("alloc %lx [%ls]", r, made); printf(" free %d\n", LocalFree(made) == NULL);
    static wchar_t big[400];
    wcscpy(big, L"C:\\"); for (int i = 3; i < 300; i++) big[i] = L'a' + (i % 26);
    r = GET(F3, "PathCchCanonicalize")(b, 1024, big); printf("long %lx %d\n", r, (int)wcslen(b));
    r = GET(F4F, "PathCchCanonicalizeEx")(b, 1024, big, 1); printf("long allowed %lx %d %.7ls\n", r, (int)wcslen(b), b);
    return 0;
}
