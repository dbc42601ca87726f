// The registry: keys, values, enumeration and deletion under HKEY_CURRENT_USER.
#include <windows.h>
#include <stdio.h>

int main(void) {
    HKEY key;
    DWORD disposition, type, size, number = 42;
    char text[64];
    RegDeleteTreeA(HKEY_CURRENT_USER, "Software\\Conformance");
    printf("create %ld", RegCreateKeyExA(HKEY_CURRENT_USER, "Software\\Conformance\\Sub", 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, &disposition));
    printf(" disposition %lu\n", disposition);
    printf("set %ld", RegSetValueExA(key, "Text", 0, REG_SZ, (BYTE *)"hello", 6));
    printf(" %ld\n", RegSetValueExA(key, "Number", 0, REG_DWORD, (BYTE *)&number, 4));
    size = sizeof text;
    printf("get %ld", RegQueryValueExA(key, "TEXT", NULL, &type, (BYTE *)text, &size));
    printf(" type %lu size %lu %s\n", type, size, text);
    size = 2;
    printf("small %ld", RegQueryValueExA(key, "Text", NULL, NULL, (BYTE *)text, &size));
    printf(" needs %lu\n", size);
    printf("missing %ld\n", RegQueryValueExA(key, "Nothing", NULL, NULL, NULL, NULL));
    for (DWORD i = 0;; i++) {
        DWORD name = sizeof text;
        if (RegEnumValueA(key, i, text, &name, NULL, &type, NULL, NULL)) break;
        printf("value %s type %lu\n", text, type);
    }
    RegCloseKey(key);
    printf("not empty %ld\n", RegDeleteKeyA(HKEY_CURRENT_USER, "Software\\Conformance"));
    printf("delete %ld\n", RegDeleteTreeA(HKEY_CURRENT_USER, "Software\\Conformance"));
    printf("gone %ld\n", RegOpenKeyExA(HKEY_CURRENT_USER, "Software\\Conformance", 0, KEY_READ, &key));
    size = sizeof text;
    printf("build %ld\n", RegGetValueA(HKEY_LOCAL_MACHINE, "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", "CurrentBuild", RRF_RT_REG_SZ, NULL, text, &size));
    return 0;
}
