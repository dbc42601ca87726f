/* Rectangles and wsprintf of winuser.h. */
#include <windows.h>
#include <stdio.h>

static void show(const char *what, BOOL ok, RECT *r) { printf("%s: %d (%ld %ld %ld %ld)\n", what, ok != 0, r->left, r->top, r->right, r->bottom); }

int main(void)
{
    HMODULE u = LoadLibraryA("user32.dll");
#define GET(name) BOOL(WINAPI *name##_)() = (void *)GetProcAddress(u, #name)
    BOOL(WINAPI *set)(RECT *, int, int, int, int) = (void *)GetProcAddress(u, "SetRect");
    BOOL(WINAPI *pt)(const RECT *, POINT) = (void *)GetProcAddress(u, "PtInRect");
    BOOL(WINAPI *offset)(RECT *, int, int) = (void *)GetProcAddress(u, "OffsetRect");
    BOOL(WINAPI *inflate)(RECT *, int, int) = (void *)GetProcAddress(u, "InflateRect");
    GET(UnionRect); GET(IntersectRect); GET(SubtractRect); GET(IsRectEmpty); GET(EqualRect); GET(SetRectEmpty); GET(CopyRect);
    RECT a, b, r = { 9, 9, 9, 9 };
    set(&a, 0, 0, 10, 10);
    set(&b, 5, 5, 20, 20);
    show("union", UnionRect_(&r, &a, &b), &r);
    show("intersect", IntersectRect_(&r, &a, &b), &r);
    show("subtract nothing", SubtractRect_(&r, &a, &b), &r);
    set(&b, 5, -1, 20, 20);
    show("subtract right", SubtractRect_(&r, &a, &b), &r);
    set(&b, -5, -1, 20, 4);
    show("subtract top", SubtractRect_(&r, &a, &b), &r);
    show("subtract all", SubtractRect_(&r, &a, &a), &r);
    set(&b, 30, 30, 40, 40);
    show("apart", IntersectRect_(&r, &a, &b), &r);
    set(&b, 30, 30, 30, 40);
    show("union empty", UnionRect_(&r, &a, &b), &r);
    show("both empty", UnionRect_(&r, &b, &b), &r);
    printf("empty %d %d equal %d %d\n", IsRectEmpty_(&a), IsRectEmpty_(&b), EqualRect_(&a, &a), EqualRect_(&a, &b));
    show("copy", CopyRect_(&r, &a), &r);
    show("offset", offset(&r, 3, -4), &r);
    show("inflate", inflate(&r, -1, 2), &r);
    show("clear", SetRectEmpty_(&r), &r);
    POINT in = { 0, 9 }, out = { 10, 5 };
    printf("in %d out %d null %d\n", pt(&a, in), pt(&a, out), CopyRect_(NULL, &a));

    int(WINAPIV *pa)(char *, const char *, ...) = (void *)GetProcAddress(u, "wsprintfA");
    int(WINAPIV *pw)(wchar_t *, const wchar_t *, ...) = (void *)GetProcAddress(u, "wsprintfW");
    char t[1100];
    wchar_t w[1100];
    int n = pa(t, "[%d|%5d|%-5d|%05d|%.3d|%i|%u]", -1, 42, 42, 42, 7, -7, -1);
    printf("%d %s\n", n, t);
    n = pa(t, "[%x|%X|%#x|%#X|%08x|%hd|%hu|%ld|%I64d]", 255, 255, 255, 255, 255, 70000, 70000, 123456L, 1234567890123LL);
    printf("%d %s\n", n, t);
    n = pa(t, "[%s|%S|%hs|%ls|%10s|%-10s|%.2s|%c|%C|%s]", "ansi", L"wide", "h", L"l", "right", "left", "cut", 'c', L'w', NULL);
    printf("%d %s\n", n, t);
    n = pw(w, L"[%s|%S|%hs|%ls|%c|%%|%z|%p]", L"wide", "ansi", "h", L"l", L'c', (void *)0x1234);
    printf("%d %ls\n", n, w);
    return 0;
}
