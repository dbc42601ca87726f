// winnls.h: conversion with its errors, comparing, mapping, facts about code pages and locales.
#include <windows.h>
#include <stdio.h>

static void to_wide(const char *what, UINT page, DWORD flags, const char *text, int len) {
    WCHAR out[32] = { 0 };
    SetLastError(0);
    int n = MultiByteToWideChar(page, flags, text, len, out, 32);
    printf("%s: %d error %lu:", what, n, GetLastError());
    for (int i = 0; i < n; i++) printf(" %04x", out[i]);
    printf("\n");
}

static void from_wide(const char *what, UINT page, DWORD flags, const WCHAR *text) {
    char out[32] = { 0 };
    BOOL replaced = 9;
    SetLastError(0);
    int n = WideCharToMultiByte(page, flags, text, -1, out, 32, NULL, page == CP_UTF8 ? NULL : &replaced);
    printf("%s: %d error %lu:", what, n, GetLastError());
    for (int i = 0; i < n; i++) printf(" %02x", (unsigned char)out[i]);
    if (page != CP_UTF8) printf(" replaced %d", replaced);
    printf("\n");
}

static void mapped(const char *what, DWORD flags, const WCHAR *text) {
    WCHAR out[32];
    int n = LCMapStringW(LOCALE_INVARIANT, flags, text, -1, out, 32);
    printf("%s: %d:", what, n);
    for (int i = 0; i < n; i++) printf(" %04x", out[i]);
    printf("\n");
}

int main(void) {
    to_wide("utf-8", CP_UTF8, 0, "a\xc3\xa4\xf0\x9f\x98\x80", -1);
    to_wide("utf-8, damaged", CP_UTF8, 0, "a\xc3", 2);
    to_wide("utf-8, strictly", CP_UTF8, MB_ERR_INVALID_CHARS, "a\xc3", 2);
    to_wide("1252", 1252, 0, "\x80\xe4", 2);
    to_wide("932", 932, 0, "\x83\x41", 2);
    to_wide("no such page", 12345, 0, "a", 1);
    to_wide("length 0", CP_UTF8, 0, "a", 0);
    from_wide("utf-8", CP_UTF8, 0, L"a\x00e4\xd83d\xde00");
    from_wide("utf-8, half a pair", CP_UTF8, 0, L"\xd83d");
    from_wide("utf-8, strictly", CP_UTF8, WC_ERR_INVALID_CHARS, L"\xd83d");
    from_wide("1252", 1252, 0, L"\x20ac\x3042");
    from_wide("1252, no best fit", 1252, WC_NO_BEST_FIT_CHARS, L"\x0100");
    WCHAR small[2];
    SetLastError(0);
    printf("room: %d", MultiByteToWideChar(CP_UTF8, 0, "abc", -1, NULL, 0));
    printf(" too small %d", MultiByteToWideChar(CP_UTF8, 0, "abc", -1, small, 2));
    printf(" error %lu\n", GetLastError());

    printf("compare %d %d %d", CompareStringW(LOCALE_INVARIANT, 0, L"a", -1, L"b", -1), CompareStringW(LOCALE_INVARIANT, NORM_IGNORECASE, L"ABC", -1, L"abc", -1),
           CompareStringW(LOCALE_INVARIANT, 0, L"b", 1, L"a", 1));
    printf(" ordinal %d %d\n", CompareStringOrdinal(L"a", -1, L"B", -1, TRUE), CompareStringOrdinal(L"a", -1, L"B", -1, FALSE));
    mapped("upper", LCMAP_UPPERCASE, L"a\x00e4z");
    mapped("lower", LCMAP_LOWERCASE, L"A\x00c4Z");
    CPINFO info;
    GetCPInfo(932, &info);
    printf("932: %u bytes, lead %02x-%02x, default %02x\n", info.MaxCharSize, info.LeadByte[0], info.LeadByte[1], info.DefaultChar[0]);
    printf("lead byte %d %d, valid %d %d\n", IsDBCSLeadByteEx(932, 0x83), IsDBCSLeadByteEx(1252, 0x83), IsValidCodePage(65001), IsValidCodePage(12345));
    WCHAR text[64];
    GetLocaleInfoW(0x409, LOCALE_SDECIMAL, text, 64);
    printf("decimal %ls", text);
    GetLocaleInfoW(0x407, LOCALE_SDECIMAL, text, 64);
    printf(" in German %ls", text);
    DWORD number = 0;
    GetLocaleInfoW(0x409, LOCALE_IMEASURE | LOCALE_RETURN_NUMBER, (WCHAR *)&number, 2);
    printf(" measure %lu", number);
    printf(" name %d", LCIDToLocaleName(0x409, text, 64, 0));
    printf(" %ls %#lx\n", text, LocaleNameToLCID(L"de-DE", 0));
    WORD types[4];
    GetStringTypeW(CT_CTYPE1, L"aB1 ", 4, types);
    for (int i = 0; i < 4; i++) printf("%x ", types[i] & 0x1ff);
    SYSTEMTIME t = { 2026, 11, 1, 23, 9, 5, 7, 0 };
    GetDateFormatW(0x409, 0, &t, L"yyyy-MM-dd ddd", text, 64);
    printf("%ls ", text);
    GetTimeFormatW(0x409, 0, &t, L"HH:mm:ss tt", text, 64);
    printf("%ls\n", text);
    return 0;
}
