// time.h: calendar times in UTC and their texts.
#define __USE_MINGW_ANSI_STDIO 0
#include <stdio.h>
#include <time.h>

int main(void)
{
    time_t t = 951827696;
    struct tm *tm = gmtime(&t);
    char text[80];
    printf("%d-%d-%d %d:%d:%d %d %d\n", tm->tm_year, tm->tm_mon, tm->tm_mday, tm->tm_hour, tm->tm_min, tm->tm_sec, tm->tm_wday, tm->tm_yday);
    strftime(text, sizeof text, "%a %A %b %B %d %H %I %j %m %M %p %S %U %w %W %y %Y %%", tm);
    printf("%s\n", text);
    strftime(text, sizeof text, "%x %X", tm);
    printf("%s\n", text);
    printf("%I64d\n", (long long)_mkgmtime(tm));
    printf("%s", asctime(tm));
    return 0;
}
