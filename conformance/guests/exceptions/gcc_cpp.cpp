// GCC's C++ exceptions over SEH: types, rethrow, destructors, threads' worth of frames, catch in loops.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>
#include <csetjmp>
struct N { const char *n; N(const char *n) : n(n) {} ~N() { printf("~%s\n", n); } };
static void f(int k) { N n("f"); if (k == 0) throw std::runtime_error("zero"); if (k == 1) throw 5; if (k == 2) throw std::string("two"); std::vector<int> v; v.at(10); }
static jmp_buf jb;
static void lj() { longjmp(jb, 3); }
int main() {
    for (int k = 0; k < 4; k++) try { N m("try"); f(k); } catch (const std::runtime_error &e) { printf("rt %s\n", e.what()); } catch (int i) { printf("int %d\n", i); } catch (const std::exception &e) { printf("std\n"); } catch (...) { printf("other\n"); }
    try { try { f(0); } catch (...) { N c("catch"); throw; } } catch (std::exception &e) { printf("re %s\n", e.what()); }
    int r = setjmp(jb); if (!r) lj(); printf("jmp %d\n", r);
    int n = 0; for (int i = 0; i < 10000; i++) try { throw i; } catch (int x) { n += x; }
    printf("%d\n", n);
    fflush(stdout);
    throw 1;
}
