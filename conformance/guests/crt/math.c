// math.h, float.h and number classes.
#define __USE_MINGW_ANSI_STDIO 0
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

int main(void)
{
    volatile double x = 0.5, big = 1e300, zero = 0;
    double whole;
    int exponent;
    printf("%.12g %.12g %.12g\n", sin(x), cos(x), tan(x));
    printf("%.12g %.12g %.12g\n", exp(x), log(x), log10(x));
    printf("%.12g %.12g %.12g\n", pow(x, 3), sqrt(x), fabs(-x));
    printf("%.12g %.12g %.12g\n", sinh(x), cosh(x), tanh(x));
    printf("%.12g %.12g %.12g %.12g\n", asin(x), acos(x), atan(x), atan2(x, -1));
    printf("%g %g %g\n", ceil(1.2), floor(-1.2), fmod(7, 3));
    printf("%g ", frexp(12.0, &exponent));
    printf("%d %g ", exponent, ldexp(0.75, 4));
    printf("%g ", modf(-3.25, &whole));
    printf("%g\n", whole);
    printf("%d %d %d\n", _isnan(zero / zero) != 0, _finite(big * big) != 0, _finite(x) != 0);
    printf("%x %x\n", _fpclass(1.0), _fpclass(-zero));
    printf("%g %g\n", _copysign(2, -1), _hypot(3, 4));
    errno = 0;
    printf("%d ", _isnan(sqrt(-1.0 - zero)) != 0);
    printf("%x\n", _controlfp(0, 0) & _MCW_RC);
    return 0;
}
