// Times and time zones as documented with FileTimeToSystemTime and SystemTimeToTzSpecificLocalTime.
#include <windows.h>
#include <stdio.h>

static void show(const char *what, BOOL ok, const SYSTEMTIME *t) {
    printf("%s: %d", what, ok);
    if (ok) printf(" %u-%02u-%02u %u %02u:%02u:%02u.%03u", t->wYear, t->wMonth, t->wDay, t->wDayOfWeek, t->wHour, t->wMinute, t->wSecond, t->wMilliseconds);
    printf("\n");
}

int main(void) {
    SYSTEMTIME t = { 2024, 2, 9, 29, 23, 59, 58, 999 }, out;
    FILETIME f;
    printf("to file time %d", SystemTimeToFileTime(&t, &f));
    printf(" %08lx%08lx\n", f.dwHighDateTime, f.dwLowDateTime);
    BOOL ok = FileTimeToSystemTime(&f, &out);
    show("and back", ok, &out);
    f = (FILETIME){ 0, 0 };
    ok = FileTimeToSystemTime(&f, &out);
    show("the first", ok, &out);
    f = (FILETIME){ 0, 0x80000000 };
    ok = FileTimeToSystemTime(&f, &out);
    printf("beyond: %d error %lu\n", ok, GetLastError());
    t = (SYSTEMTIME){ 2023, 2, 0, 29, 0, 0, 0, 0 };
    ok = SystemTimeToFileTime(&t, &f);
    printf("no such day: %d error %lu\n", ok, GetLastError());
    FILETIME a = { 1, 0 }, b = { 0, 1 };
    printf("compare %ld %ld %ld\n", CompareFileTime(&a, &b), CompareFileTime(&b, &a), CompareFileTime(&a, &a));
    WORD date, time;
    t = (SYSTEMTIME){ 2001, 9, 0, 9, 1, 46, 40, 0 };
    SystemTimeToFileTime(&t, &f);
    printf("dos %d", FileTimeToDosDateTime(&f, &date, &time));
    printf(" %04x %04x\n", date, time);
    DosDateTimeToFileTime(date, time, &f);
    ok = FileTimeToSystemTime(&f, &out);
    show("from dos", ok, &out);

    // Middle Europe: an hour more from the last Sunday of March, 2:00, to the last one of October, 3:00.
    TIME_ZONE_INFORMATION zone = { .Bias = -60, .DaylightBias = -60, .StandardDate = { 0, 10, 0, 5, 3, 0, 0, 0 }, .DaylightDate = { 0, 3, 0, 5, 2, 0, 0, 0 } };
    SYSTEMTIME winter = { 2026, 1, 0, 15, 12, 0, 0, 0 }, summer = { 2026, 7, 0, 15, 12, 0, 0, 0 };
    SYSTEMTIME before = { 2026, 3, 0, 29, 0, 59, 59, 0 }, after = { 2026, 3, 0, 29, 1, 0, 0, 0 };
    SYSTEMTIME last = { 2026, 10, 0, 25, 0, 59, 59, 0 }, first = { 2026, 10, 0, 25, 1, 0, 0, 0 };
    const struct { const char *what; SYSTEMTIME *t; } cases[] = { { "winter", &winter }, { "summer", &summer }, { "last second of winter", &before },
        { "first of summer", &after }, { "last of summer", &last }, { "first of winter", &first } };
    for (int i = 0; i < 6; i++) {
        ok = SystemTimeToTzSpecificLocalTime(&zone, cases[i].t, &out);
        show(cases[i].what, ok, &out);
    }
    ok = TzSpecificLocalTimeToSystemTime(&zone, &summer, &out);
    show("noon of summer", ok, &out);
    ok = TzSpecificLocalTimeToSystemTime(&zone, &winter, &out);
    show("noon of winter", ok, &out);
    return 0;
}
