# gcc compiles, links and runs a threaded program and a shared library.
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
