// Code pages, dates and messages: MultiByteToWideChar, GetDateFormat, FormatMessage, CompareString.
#include <windows.h>
#include <stdio.h>

int main(void) {
    WCHAR wide[64];
    char text[128];
    int n = MultiByteToWideChar(CP_UTF8, 0, "h\xc3\xa4llo", -1, wide, 64);
    printf("utf-8: %d units, %04x\n", n, wide[1]);
    n = WideCharToMultiByte(1252, 0, L"\x0101\xe4\x20ac", 3, text, 128, NULL, NULL);
    printf("1252: %d bytes, %02x %02x %02x\n", n, (BYTE)text[0], (BYTE)text[1], (BYTE)text[2]);
    n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "\xff", 1, wide, 64);
    printf("bad utf-8: %d, error %lu\n", n, GetLastError());
    SYSTEMTIME date = {2024, 2, 0, 29, 13, 5, 7, 0};
    GetDateFormatA(0x409, DATE_LONGDATE, &date, NULL, text, sizeof text);
    printf("%s\n", text);
    GetTimeFormatA(0x409, TIME_NOSECONDS, &date, NULL, text, sizeof text);
    printf("%s\n", text);
    FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM, NULL, ERROR_FILE_NOT_FOUND, 0, text, sizeof text, NULL);
    printf("%s", text);
    DWORD_PTR inserts[] = {(DWORD_PTR)"one", 42};
    FormatMessageA(FORMAT_MESSAGE_FROM_STRING | FORMAT_MESSAGE_ARGUMENT_ARRAY, "%1 and %2!04d!", 0, 0, text, sizeof text, (va_list *)inserts);
    printf("%s\n", text);
    printf("compare: %d %d %d\n", CompareStringA(0x409, 0, "a", -1, "B", -1), CompareStringA(0x409, NORM_IGNORECASE, "abc", -1, "ABC", -1),
           CompareStringOrdinal(L"b", 1, L"A", 1, TRUE));
    return 0;
}
