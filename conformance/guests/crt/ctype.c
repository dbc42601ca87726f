// Character classes of the C locale (ctype.h), and strings of several bytes a character by code page 932 (mbstring.h).
#include <ctype.h>
#include <mbctype.h>
#include <mbstring.h>
#include <stdio.h>
#include <string.h>
#include <wctype.h>

static void map(const char *name, int (*is)(int)) {
    printf("%s", name);
    for (int at = 0; at < 256; at += 8) {
        int bits = 0;
        for (int i = 0; i < 8; i++) bits |= !!is(at + i) << i;
        printf(" %x", bits);
    }
    printf("\n");
}

// Whether a tab is printable has changed between the run-times.
static int print(int c) { return c != 9 && isprint(c); }
static int lower(int c) { return tolower(c) != c; }
static int upper(int c) { return toupper(c) != c; }
#define M(f) map(#f, f)

int main(void) {
    M(isalpha), M(isdigit), M(isalnum), M(isxdigit), M(isupper), M(islower), M(isspace), M(print), M(isgraph), M(ispunct), M(iscntrl), M(lower), M(upper);
    printf("eof %d %d %d\n", isalpha(EOF), isspace(EOF), toupper(EOF));
    printf("ascii %d %d %#x\n", !!__isascii('a'), !!__isascii(0x80), __toascii(0xe1));
    printf("wide %d %d %d %d %d", !!iswalpha('z'), !!iswdigit('7'), !!iswspace(L'\t'), !!iswpunct('!'), !!iswxdigit('g'));
    printf(" %c %c", (char)towupper('q'), (char)towlower('Q'));
    printf(" %d %d\n", !!iswctype('1', wctype("digit")), !!iswctype('x', wctype("digit")));

    // In code page 932, 83 41 is one character whose second byte is the letter A.
    static unsigned char text[] = "a\x83\x41z";
    printf("single bytes: length %d, A at %d\n", (int)_mbslen(text), (int)(_mbschr(text, 'A') - text));
    printf("set %d,", _setmbcp(932));
    printf(" is %d\n", _getmbcp());
    printf("lead %d %d trail %d %d\n", !!_ismbblead(0x83), !!_ismbblead('A'), !!_ismbbtrail(0x41), !!_ismbbtrail(0x20));
    printf("length %d, A %s\n", (int)_mbslen(text), _mbschr(text, 'A') ? "found" : "is no character");
    printf("next %#x after %d before %d\n", _mbsnextc(text + 1), (int)(_mbsinc(text + 1) - text), (int)(_mbsdec(text, text + 3) - text));
    printf("type %d %d %d\n", _mbsbtype(text, 0), _mbsbtype(text, 1), _mbsbtype(text, 2));
    unsigned char copy[16];
    memset(copy, '.', sizeof copy);
    printf("copied %s\n", memcmp(_mbsncpy(copy, text, 2), "a\x83\x41", 3) ? "halves" : "characters");
    printf("compare %d %d\n", _mbscmp(text, (unsigned char *)"a") > 0, _mbsnbcmp(text, (unsigned char *)"a!", 1));
    printf("back %d\n", _setmbcp(_MB_CP_SBCS));
    return 0;
}
