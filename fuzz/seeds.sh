#!/usr/bin/env bash
# Makes the seeds: a small DLL with every directory that the loader reads. Needs mingw-w64.
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/a.c" <<'C'
#include <windows.h>
static __attribute__((section(".tls"))) int tls_value = 7;
int _tls_index;
static void NTAPI on_tls(void *m, DWORD r, void *x) {}
static const PIMAGE_TLS_CALLBACK callbacks[] = { on_tls, 0 };
static int tls_end;
const IMAGE_TLS_DIRECTORY _tls_used = { (ULONG_PTR)&tls_value, (ULONG_PTR)(&tls_value + 1), (ULONG_PTR)&_tls_index, (ULONG_PTR)callbacks, 16, 0 };
__declspec(dllexport) int alpha(int x) { char b[5000]; GetTempPathA(5000, b); return b[x] + GetLastError(); }
__declspec(dllexport) double beta(double x, int n) { volatile double a[9]; for (int i = 0; i < 9; i++) a[i] = x * n; alpha(n); return a[n] + x; }
__declspec(dllexport) void *gamma[2] = { alpha, beta };
BOOL WINAPI DllMainCRTStartup(HINSTANCE h, DWORD r, void *p) { return alpha((int)r); }
C
printf '1 RCDATA { "some data" }\nNAMED 10 { 1, 2, 3 }\n1 24 { "<assembly/>" }\n' >"$work/a.rc"
printf 'EXPORTS\nalpha\nbeta @7\ngamma DATA\nsleep=kernel32.Sleep\n' >"$work/a.def"
x86_64-w64-mingw32-windres "$work/a.rc" "$work/r.o"
mkdir -p seeds

x86_64-w64-mingw32-gcc -shared -nostdlib -O1 -s -mno-stack-arg-probe -Wl,--file-alignment,512,-e,DllMainCRTStartup \
  "$work/a.c" "$work/r.o" "$work/a.def" -lkernel32 -o "seeds/all.dll"

