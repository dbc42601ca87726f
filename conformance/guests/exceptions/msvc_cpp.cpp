// MSVC C++ exceptions: try, catch by type, base and ellipsis, nesting, rethrow, destructors, dynamic_cast. (no mingw: needs clang)
void *operator new(decltype(sizeof 0), void *p) noexcept { return p; }
void operator delete(void *, decltype(sizeof 0)) noexcept {}
extern "C" {
void __stdcall say(const char *);
}
struct type_info_base { virtual ~type_info_base() {} };
class type_info { public: virtual ~type_info(); };

struct Noisy {
    const char *name;
    Noisy(const char *n) : name(n) {}
    ~Noisy() { say("~"); say(name); say("\n"); }
};
struct Base { int value; Base(int v) : value(v) {} Base(const Base &b) : value(b.value) { say("copy\n"); } virtual ~Base() { say("~Base\n"); } };
struct Derived : Base { Derived(int v) : Base(v) {} };
struct Other { virtual ~Other() {} };
struct Both : Derived, Other { Both(int v) : Derived(v) {} };

__attribute__((noinline)) void thrower(int kind) {
    Noisy n("thrower");
    switch (kind) {
    case 0: throw 42;
    case 1: throw Derived(7);
    case 2: throw "text";
    case 3: throw 1.5;
    case 4: *(volatile int *)0 = 1;
    }
}
__attribute__((noinline)) void test(int kind) {
    Noisy n("test");
    try {
        Noisy m("try");
        thrower(kind);
        say("no throw\n");
    } catch (int i) {
        say(i == 42 ? "int 42\n" : "int ?\n");
    } catch (Base &b) {
        say(b.value == 7 ? "base 7\n" : "base ?\n");
    } catch (const char *s) {
        say("string "); say(s); say("\n");
    } catch (...) {
        say("other\n");
    }
}
__attribute__((noinline)) void nested() {
    Noisy n("nested");
    try {
        try {
            Noisy m("inner");
            throw 1;
        } catch (int) {
            Noisy k("in catch");
            try { throw 2.5; } catch (double) { say("double in catch\n"); }
            say("rethrowing\n");
            throw;
        }
    } catch (int i) {
        say(i == 1 ? "outer got 1\n" : "outer ?\n");
        try { thrower(1); } catch (Base b) { say("by value\n"); }
    }
    say("after\n");
}
__attribute__((noinline)) void replace() {
    try { thrower(1); } catch (Base &) { say("replacing\n"); throw 42; }
}
alignas(16) char room[64];
void operator delete(void *) noexcept {}
extern "C" void run() {
    for (int kind = 0; kind < 4; kind++) test(kind);
    test(9);
    nested();
    try { replace(); } catch (int) { say("replaced\n"); }
    for (int i = 0; i < 3; i++) { try { if (i == 1) throw i; say("loop\n"); } catch (int) { say("caught in loop\n"); continue; } }
    Base *b = new (room) Both(3);
    say(dynamic_cast<Derived *>(b) ? "down\n" : "?\n");
    say(dynamic_cast<Other *>(b) ? "across\n" : "?\n");
    Base plain(1); b = &plain;
    say(dynamic_cast<Other *>(b) ? "?\n" : "none\n");
}
