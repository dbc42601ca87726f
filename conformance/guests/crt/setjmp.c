// setjmp and longjmp, also out of a callback of the runtime.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf target;

static int compare(const void *a, const void *b)
{
    (void)a;
    (void)b;
    longjmp(target, 3);
}

static void deep(int n)
{
    if (n == 0)
        longjmp(target, 0);
    deep(n - 1);
}

int main(void)
{
    int numbers[4] = {4, 3, 2, 1};
    int value = setjmp(target);
    if (value == 0) {
        puts("first");
        deep(10);
    }
    printf("came back with %d\n", value);
    if (value == 1)
        qsort(numbers, 4, sizeof(int), compare);
    return 0;
}
