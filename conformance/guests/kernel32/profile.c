// Initialization files: write, read, number, list and delete.
#include <windows.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    char file[MAX_PATH], text[64];
    GetTempPathA(sizeof file, file);
    strcat(file, "conformance.ini");
    DeleteFileA(file);
    printf("write %d", WritePrivateProfileStringA("One", "key", "value", file));
    printf(" %d\n", WritePrivateProfileStringA("One", "number", "42", file));
    WritePrivateProfileStringA("Two", "other", "\"quoted\"", file);
    DWORD n = GetPrivateProfileStringA("one", "KEY", "default", text, sizeof text, file);
    printf("%lu %s\n", n, text);
    n = GetPrivateProfileStringA("Two", "other", "", text, sizeof text, file);
    printf("%lu %s\n", n, text);
    n = GetPrivateProfileStringA("Two", "missing", "default", text, sizeof text, file);
    printf("%lu %s\n", n, text);
    printf("%u\n", GetPrivateProfileIntA("One", "number", 1, file));
    n = GetPrivateProfileStringA("One", NULL, "", text, sizeof text, file);
    printf("%lu %s %s\n", n, text, text + 4);
    WritePrivateProfileStringA("One", NULL, NULL, file);
    n = GetPrivateProfileStringA(NULL, NULL, "", text, sizeof text, file);
    printf("%lu %s\n", n, text);
    return DeleteFileA(file) ? 0 : 1;
}
