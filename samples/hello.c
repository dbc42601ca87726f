// The first thing a newcomer runs: says where it is, what it was given, and what it sees of the host.
#include <stdio.h>
#include <windows.h>

int main(int argc, char **argv) {
    char folder[MAX_PATH], module[MAX_PATH];
    GetCurrentDirectoryA(sizeof folder, folder);
    GetModuleFileNameA(NULL, module, sizeof module);
    printf("Hello from a Windows program.\n");
    printf("  program:   %s\n  directory: %s\n", module, folder);
    for (int i = 1; i < argc; i++) printf("  argument %d: %s\n", i, argv[i]);
    return 0;
}
