# gcc compiles, links and runs a threaded program, a shared library, one that wants an executable stack, and one with checks of threads,
# which knows where programs and libraries lie.
cd /tmp && rm -rf cc && mkdir cc && cd cc
cat > t.c <<'C'
#include <pthread.h>
#include <stdio.h>
int value(int);
static void *work(void *p) { long s = 0; for (int i = 0; i < 1000; i++) s += value(i); return (void *)s; }
int main(void) { pthread_t t[8]; long sum = 0; void *r; for (int i = 0; i < 8; i++) pthread_create(&t[i], 0, work, 0);
  for (int i = 0; i < 8; i++) pthread_join(t[i], &r), sum += (long)r; printf("%ld\n", sum); return 0; }
C
echo 'int value(int x) { return x * 2; }' > v.c
gcc -O2 -shared -fPIC -o libv.so v.c && gcc -O2 -o t t.c -L. -lv -lpthread -Wl,-rpath,'$ORIGIN' && ./t && ldd ./t | grep -c libv
gcc -O1 -static -o ts t.c v.c -lpthread && ./ts && echo 'int main(void) { return x; }' | gcc -xc - 2>&1 | grep -c error; ar rc l.a ts && nm -D libv.so | grep value | cut -d' ' -f2-
cat > x.s <<'S'
        .globl three
three:  mov $3, %eax
        ret
        .section .note.GNU-stack,"x",@progbits
S
cat > x.c <<'C'
#include <dlfcn.h>
#include <stdio.h>
int main(void) { void *l = dlopen("./libx.so", RTLD_NOW); if (!l) { puts(dlerror()); return 1; } printf("%d\n", ((int (*)(void))dlsym(l, "three"))()); return 0; }
C
gcc -shared -o libx.so x.s 2>/dev/null && gcc -o x x.c && ./x
gcc -g -O1 -fsanitize=thread -o tt t.c v.c && ./tt
