// System calls made without ntdll: by stubs of the program's own, in its code and generated, with numbers read from ntdll.
#include <windows.h>
#include <stdio.h>
#include <string.h>

typedef LONG NTSTATUS;
typedef NTSTATUS (*Close)(HANDLE);
typedef NTSTATUS (*Reset)(HANDLE, LONG *);
typedef NTSTATUS (*Allocate)(HANDLE, void **, ULONG_PTR, SIZE_T *, ULONG, ULONG);

// Like those of ntdll, number 0x0f (NtClose) and 0x18 (NtAllocateVirtualMemory): the short form, and the long one with int 2e.
__asm__(".globl own_close\nown_close: mov %rcx, %r10\n mov $0x0f, %eax\n syscall\n ret\n"
        ".globl own_allocate\nown_allocate: mov %rcx, %r10\n mov $0x18, %eax\n testb $1, 0x7ffe0308\n jne 1f\n syscall\n ret\n1: int $0x2e\n ret\n"
        ".globl old_close\nold_close: mov %rcx, %r10\n mov $0x0f, %eax\n int $0x2e\n ret\n"
        ".globl none\nnone: mov %rcx, %r10\n mov $0x7fff, %eax\n syscall\n ret\n"
        // Nobody calls this one directly, and the jump at its end goes between its instructions.
        ".globl hidden\nhidden: mov %rcx, %r10\n mov $0x0f, %eax\n jmp 2f\n nop\n2: syscall\n ret\n");
NTSTATUS own_close(HANDLE), old_close(HANDLE), hidden(HANDLE), none(HANDLE);
NTSTATUS own_allocate(HANDLE, void **, ULONG_PTR, SIZE_T *, ULONG, ULONG);
void *volatile pointers[] = { hidden };

// In the middle of a function, with values that must survive in registers and on the stack.
__attribute__((noinline)) static unsigned inlined(HANDLE handle, unsigned a, unsigned b) {
    unsigned char kept[200];
    memset(kept, a, sizeof kept);
    register HANDLE r10 __asm__("r10") = handle;
    long status = 0x0f;
    __asm__ volatile("syscall" : "+a"(status), "+r"(r10) : : "rcx", "r11", "rdx", "r8", "r9", "memory");
    return (unsigned)status + kept[a] * b;
}

static int number_of(const char *name) {
    const unsigned char *stub = (const unsigned char *)GetProcAddress(GetModuleHandleA("ntdll.dll"), name);
    if (!stub || memcmp(stub, "\x4c\x8b\xd1\xb8", 4)) return -1;
    return *(int *)(stub + 4);
}

static void *generate(DWORD protect, int number) {
    unsigned char *code = VirtualAlloc(0, 4096, MEM_RESERVE | MEM_COMMIT, protect == PAGE_EXECUTE_READ ? PAGE_READWRITE : protect);
    memcpy(code, "\x4c\x8b\xd1\xb8\0\0\0\0\x0f\x05\xc3", 11);
    *(int *)(code + 4) = number;
    DWORD old;
    if (protect == PAGE_EXECUTE_READ) VirtualProtect(code, 4096, protect, &old);
    return code;
}

static DWORD WINAPI waiting(void *event) {
    WaitForSingleObject(event, INFINITE);
    printf("thread: %lx\n", ((Close)pointers[0])((HANDLE)0x1230));
    return 0;
}

int main(void) {
    printf("numbers %x %x %x %x\n", number_of("NtClose"), number_of("ZwClose"), number_of("NtAllocateVirtualMemory"), number_of("NtCreateFile"));
    printf("close: %lx %lx\n", own_close(CreateEventA(0, 0, 0, 0)), own_close((HANDLE)0x1230));
    printf("int 2e: %lx %lx\n", old_close(CreateEventA(0, 0, 0, 0)), old_close((HANDLE)0x1230));
    void *base = 0;
    SIZE_T size = 5000;
    NTSTATUS status = own_allocate(GetCurrentProcess(), &base, 0, &size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    printf("allocate: %lx %zu", status, size);
    memset(base, 1, size);
    printf(" %d\n", ((char *)base)[8191]);
    printf("bad pointer: %lx\n", own_allocate(GetCurrentProcess(), (void **)16, 0, &size, MEM_RESERVE, PAGE_READWRITE));
    printf("unknown: %lx\n", none(0));
    printf("inline: %x\n", inlined((HANDLE)0x1230, 3, 7));
    HANDLE event = CreateEventA(0, 1, 0, 0);
    HANDLE thread = CreateThread(0, 0, waiting, event, 0, 0);
    Sleep(20);
    printf("hidden: %lx %lx\n", ((Close)pointers[0])(CreateEventA(0, 0, 0, 0)), ((Close)pointers[0])((HANDLE)0x1230));
    SetEvent(event);
    WaitForSingleObject(thread, INFINITE);
    int number = number_of("NtResetEvent");
    Reset reset = generate(PAGE_EXECUTE_READ, number), again = generate(PAGE_EXECUTE_READWRITE, number);
    printf("generated: %lx", reset(event, 0));
    printf(" %lu", WaitForSingleObject(event, 0));
    SetEvent(event);
    printf(" %lx", again(event, 0));
    printf(" %lu\n", WaitForSingleObject(event, 0));
    // Everything else goes on as before.
    FILE *file = fopen("a.txt", "w+");
    fputs("text", file);
    rewind(file);
    char text[8] = "";
    fgets(text, 8, file);
    printf("file: %s\n", text);
    return 0;
}
