//! Unsafe edge: math.h, complex.h and fenv.h, answered by the host's libm.
#![allow(unsafe_code)]

mod control;
mod more;

use abi::export;

/// libm, by its own names.
mod m {
    use std::ffi::c_int;

    unsafe extern "C" {

        pub safe fn acos(x: f64) -> f64;
        pub safe fn acosf(x: f32) -> f32;
        pub safe fn asin(x: f64) -> f64;
        pub safe fn asinf(x: f32) -> f32;
        pub safe fn atan(x: f64) -> f64;
        pub safe fn atanf(x: f32) -> f32;
        pub safe fn cosh(x: f64) -> f64;
        pub safe fn coshf(x: f32) -> f32;
        pub safe fn exp(x: f64) -> f64;
        pub safe fn expf(x: f32) -> f32;
        pub safe fn log(x: f64) -> f64;
        pub safe fn logf(x: f32) -> f32;
        pub safe fn log10(x: f64) -> f64;
        pub safe fn log10f(x: f32) -> f32;
        pub safe fn sinh(x: f64) -> f64;
        pub safe fn sinhf(x: f32) -> f32;
        pub safe fn tan(x: f64) -> f64;
        pub safe fn tanf(x: f32) -> f32;
        pub safe fn tanh(x: f64) -> f64;
        pub safe fn tanhf(x: f32) -> f32;
        pub safe fn cos(x: f64) -> f64;
        pub safe fn cosf(x: f32) -> f32;
        pub safe fn sin(x: f64) -> f64;
        pub safe fn sinf(x: f32) -> f32;
        pub safe fn sqrt(x: f64) -> f64;
        pub safe fn sqrtf(x: f32) -> f32;
        pub safe fn ceil(x: f64) -> f64;
        pub safe fn ceilf(x: f32) -> f32;
        pub safe fn floor(x: f64) -> f64;
        pub safe fn floorf(x: f32) -> f32;
        pub safe fn fabs(x: f64) -> f64;
        pub safe fn acosh(x: f64) -> f64;
        pub safe fn acoshf(x: f32) -> f32;
        pub safe fn asinh(x: f64) -> f64;
        pub safe fn asinhf(x: f32) -> f32;
        pub safe fn atanh(x: f64) -> f64;
        pub safe fn atanhf(x: f32) -> f32;
        pub safe fn cbrt(x: f64) -> f64;
        pub safe fn cbrtf(x: f32) -> f32;
        pub safe fn erf(x: f64) -> f64;
        pub safe fn erff(x: f32) -> f32;
        pub safe fn erfc(x: f64) -> f64;
        pub safe fn erfcf(x: f32) -> f32;
        pub safe fn exp2(x: f64) -> f64;
        pub safe fn exp2f(x: f32) -> f32;
        pub safe fn expm1(x: f64) -> f64;
        pub safe fn expm1f(x: f32) -> f32;
        pub safe fn lgamma(x: f64) -> f64;
        pub safe fn lgammaf(x: f32) -> f32;
        pub safe fn log1p(x: f64) -> f64;
        pub safe fn log1pf(x: f32) -> f32;
        pub safe fn log2(x: f64) -> f64;
        pub safe fn log2f(x: f32) -> f32;
        pub safe fn logb(x: f64) -> f64;
        pub safe fn logbf(x: f32) -> f32;
        pub safe fn nearbyint(x: f64) -> f64;
        pub safe fn nearbyintf(x: f32) -> f32;
        pub safe fn rint(x: f64) -> f64;
        pub safe fn rintf(x: f32) -> f32;
        pub safe fn round(x: f64) -> f64;
        pub safe fn roundf(x: f32) -> f32;
        pub safe fn tgamma(x: f64) -> f64;
        pub safe fn tgammaf(x: f32) -> f32;
        pub safe fn trunc(x: f64) -> f64;
        pub safe fn truncf(x: f32) -> f32;
        pub safe fn atan2(x: f64, y: f64) -> f64;
        pub safe fn atan2f(x: f32, y: f32) -> f32;
        pub safe fn fmod(x: f64, y: f64) -> f64;
        pub safe fn fmodf(x: f32, y: f32) -> f32;
        pub safe fn pow(x: f64, y: f64) -> f64;
        pub safe fn powf(x: f32, y: f32) -> f32;
        pub safe fn copysign(x: f64, y: f64) -> f64;
        pub safe fn copysignf(x: f32, y: f32) -> f32;
        pub safe fn fdim(x: f64, y: f64) -> f64;
        pub safe fn fdimf(x: f32, y: f32) -> f32;
        pub safe fn fmax(x: f64, y: f64) -> f64;
        pub safe fn fmaxf(x: f32, y: f32) -> f32;
        pub safe fn fmin(x: f64, y: f64) -> f64;
        pub safe fn fminf(x: f32, y: f32) -> f32;
        pub safe fn hypot(x: f64, y: f64) -> f64;
        pub safe fn hypotf(x: f32, y: f32) -> f32;
        pub safe fn nextafter(x: f64, y: f64) -> f64;
        pub safe fn nextafterf(x: f32, y: f32) -> f32;
        pub safe fn remainder(x: f64, y: f64) -> f64;
        pub safe fn remainderf(x: f32, y: f32) -> f32;
        pub safe fn j0(x: f64) -> f64;
        pub safe fn j1(x: f64) -> f64;
        pub safe fn y0(x: f64) -> f64;
        pub safe fn y1(x: f64) -> f64;
        pub safe fn jn(n: c_int, x: f64) -> f64;
        pub safe fn yn(n: c_int, x: f64) -> f64;
        pub safe fn ldexp(x: f64, n: c_int) -> f64;
        pub safe fn ldexpf(x: f32, n: c_int) -> f32;
        pub safe fn llrint(x: f64) -> i64;
        pub safe fn llrintf(x: f32) -> i64;
        pub safe fn llround(x: f64) -> i64;
        pub safe fn llroundf(x: f32) -> i64;
        pub safe fn ilogb(x: f64) -> c_int;
        pub safe fn fma(x: f64, y: f64, z: f64) -> f64;
        pub safe fn fmaf(x: f32, y: f32, z: f32) -> f32;
    }
}

/// Notes EDOM.
fn domain(outside: bool) {
    if outside {
        crate::errno::set_errno(crate::errno::Errno::EDOM);
    }
}

fn ilogb_of(x: f64) -> i32 {
    // Microsoft's values: FP_ILOGB0 is INT_MIN, FP_ILOGBNAN is INT_MAX.
    if x == 0.0 {
        i32::MIN
    } else if !x.is_finite() {
        i32::MAX
    } else {
        m::ilogb(x)
    }
}

/// Arc cosine.
#[export(msvcrt + ucrtbase, full)]
fn acos(x: f64) -> f64 {
    domain(x.abs() > 1.0);
    m::acos(x)
}

/// Arc cosine, single.
#[export(msvcrt + ucrtbase, full)]
fn acosf(x: f32) -> f32 {
    domain(x.abs() > 1.0);
    m::acosf(x)
}

/// Arc sine.
#[export(msvcrt + ucrtbase, full)]
fn asin(x: f64) -> f64 {
    domain(x.abs() > 1.0);
    m::asin(x)
}

/// Arc sine, single.
#[export(msvcrt + ucrtbase, full)]
fn asinf(x: f32) -> f32 {
    domain(x.abs() > 1.0);
    m::asinf(x)
}

/// Arc tangent.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn atan(x: f64) -> f64 {
    m::atan(x)
}

/// Arc tangent, single.
#[export(msvcrt + ucrtbase, full)]
fn atanf(x: f32) -> f32 {
    m::atanf(x)
}

/// Hyperbolic cosine.
#[export(msvcrt + ucrtbase, full)]
fn cosh(x: f64) -> f64 {
    m::cosh(x)
}

/// Hyperbolic cosine, single.
#[export(msvcrt + ucrtbase, full)]
fn coshf(x: f32) -> f32 {
    m::coshf(x)
}

/// e to a power.
#[export(msvcrt + ucrtbase, full)]
fn exp(x: f64) -> f64 {
    m::exp(x)
}

/// e to a power, single.
#[export(msvcrt + ucrtbase, full)]
fn expf(x: f32) -> f32 {
    m::expf(x)
}

/// Natural logarithm.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn log(x: f64) -> f64 {
    domain(x < 0.0);
    m::log(x)
}

/// Natural logarithm, single.
#[export(msvcrt + ucrtbase, full)]
fn logf(x: f32) -> f32 {
    domain(x < 0.0);
    m::logf(x)
}

/// Decimal logarithm.
#[export(msvcrt + ucrtbase, full)]
fn log10(x: f64) -> f64 {
    domain(x < 0.0);
    m::log10(x)
}

/// Decimal logarithm, single.
#[export(msvcrt + ucrtbase, full)]
fn log10f(x: f32) -> f32 {
    domain(x < 0.0);
    m::log10f(x)
}

/// Hyperbolic sine.
#[export(msvcrt + ucrtbase, full)]
fn sinh(x: f64) -> f64 {
    m::sinh(x)
}

/// Hyperbolic sine, single.
#[export(msvcrt + ucrtbase, full)]
fn sinhf(x: f32) -> f32 {
    m::sinhf(x)
}

/// Tangent.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn tan(x: f64) -> f64 {
    m::tan(x)
}

/// Tangent, single.
#[export(msvcrt + ucrtbase, full)]
fn tanf(x: f32) -> f32 {
    m::tanf(x)
}

/// Hyperbolic tangent.
#[export(msvcrt + ucrtbase, full)]
fn tanh(x: f64) -> f64 {
    m::tanh(x)
}

/// Hyperbolic tangent, single.
#[export(msvcrt + ucrtbase, full)]
fn tanhf(x: f32) -> f32 {
    m::tanhf(x)
}

/// Cosine.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn cos(x: f64) -> f64 {
    m::cos(x)
}

/// Cosine, single.
#[export(msvcrt + ucrtbase, full)]
fn cosf(x: f32) -> f32 {
    m::cosf(x)
}

/// Sine.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn sin(x: f64) -> f64 {
    m::sin(x)
}

/// Sine, single.
#[export(msvcrt + ucrtbase, full)]
fn sinf(x: f32) -> f32 {
    m::sinf(x)
}

/// Square root.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn sqrt(x: f64) -> f64 {
    domain(x < 0.0);
    m::sqrt(x)
}

/// Square root, single.
#[export(msvcrt + ucrtbase, full)]
fn sqrtf(x: f32) -> f32 {
    domain(x < 0.0);
    m::sqrtf(x)
}

/// Rounds up.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn ceil(x: f64) -> f64 {
    m::ceil(x)
}

/// Rounds up, single.
#[export(msvcrt + ucrtbase, full)]
fn ceilf(x: f32) -> f32 {
    m::ceilf(x)
}

/// Rounds down.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn floor(x: f64) -> f64 {
    m::floor(x)
}

/// Rounds down, single.
#[export(msvcrt + ucrtbase, full)]
fn floorf(x: f32) -> f32 {
    m::floorf(x)
}

/// Absolute value.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn fabs(x: f64) -> f64 {
    m::fabs(x)
}

/// Inverse hyperbolic cosine.
#[export(ucrtbase, full)]
fn acosh(x: f64) -> f64 {
    domain(x < 1.0);
    m::acosh(x)
}

/// Inverse hyperbolic cosine, single.
#[export(ucrtbase, full)]
fn acoshf(x: f32) -> f32 {
    domain(x < 1.0);
    m::acoshf(x)
}

/// Inverse hyperbolic cosine, for long double.
#[export(ucrtbase, full)]
fn acoshl(x: f64) -> f64 {
    m::acosh(x)
}

/// Inverse hyperbolic sine.
#[export(ucrtbase, full)]
fn asinh(x: f64) -> f64 {
    m::asinh(x)
}

/// Inverse hyperbolic sine, single.
#[export(ucrtbase, full)]
fn asinhf(x: f32) -> f32 {
    m::asinhf(x)
}

/// Inverse hyperbolic sine, for long double.
#[export(ucrtbase, full)]
fn asinhl(x: f64) -> f64 {
    m::asinh(x)
}

/// Inverse hyperbolic tangent.
#[export(ucrtbase, full)]
fn atanh(x: f64) -> f64 {
    domain(x.abs() > 1.0);
    m::atanh(x)
}

/// Inverse hyperbolic tangent, single.
#[export(ucrtbase, full)]
fn atanhf(x: f32) -> f32 {
    domain(x.abs() > 1.0);
    m::atanhf(x)
}

/// Inverse hyperbolic tangent, for long double.
#[export(ucrtbase, full)]
fn atanhl(x: f64) -> f64 {
    m::atanh(x)
}

/// Cube root.
#[export(ucrtbase, full)]
fn cbrt(x: f64) -> f64 {
    m::cbrt(x)
}

/// Cube root, single.
#[export(ucrtbase, full)]
fn cbrtf(x: f32) -> f32 {
    m::cbrtf(x)
}

/// Cube root, for long double.
#[export(ucrtbase, full)]
fn cbrtl(x: f64) -> f64 {
    m::cbrt(x)
}

/// Error function.
#[export(ucrtbase, full)]
fn erf(x: f64) -> f64 {
    m::erf(x)
}

/// Error function, single.
#[export(ucrtbase, full)]
fn erff(x: f32) -> f32 {
    m::erff(x)
}

/// Error function, for long double.
#[export(ucrtbase, full)]
fn erfl(x: f64) -> f64 {
    m::erf(x)
}

/// Complementary error function.
#[export(ucrtbase, full)]
fn erfc(x: f64) -> f64 {
    m::erfc(x)
}

/// Complementary error function, single.
#[export(ucrtbase, full)]
fn erfcf(x: f32) -> f32 {
    m::erfcf(x)
}

/// Complementary error function, for long double.
#[export(ucrtbase, full)]
fn erfcl(x: f64) -> f64 {
    m::erfc(x)
}

/// 2 to a power.
#[export(ucrtbase, full)]
fn exp2(x: f64) -> f64 {
    m::exp2(x)
}

/// 2 to a power, single.
#[export(ucrtbase, full)]
fn exp2f(x: f32) -> f32 {
    m::exp2f(x)
}

/// 2 to a power, for long double.
#[export(ucrtbase, full)]
fn exp2l(x: f64) -> f64 {
    m::exp2(x)
}

/// e to a power, minus one.
#[export(ucrtbase, full)]
fn expm1(x: f64) -> f64 {
    m::expm1(x)
}

/// e to a power, minus one, single.
#[export(ucrtbase, full)]
fn expm1f(x: f32) -> f32 {
    m::expm1f(x)
}

/// e to a power, minus one, for long double.
#[export(ucrtbase, full)]
fn expm1l(x: f64) -> f64 {
    m::expm1(x)
}

/// Logarithm of the gamma function.
#[export(ucrtbase, full)]
fn lgamma(x: f64) -> f64 {
    m::lgamma(x)
}

/// Logarithm of the gamma function, single.
#[export(ucrtbase, full)]
fn lgammaf(x: f32) -> f32 {
    m::lgammaf(x)
}

/// Logarithm of the gamma function, for long double.
#[export(ucrtbase, full)]
fn lgammal(x: f64) -> f64 {
    m::lgamma(x)
}

/// Natural logarithm of one plus a number.
#[export(ucrtbase, full)]
fn log1p(x: f64) -> f64 {
    domain(x < -1.0);
    m::log1p(x)
}

/// Natural logarithm of one plus a number, single.
#[export(ucrtbase, full)]
fn log1pf(x: f32) -> f32 {
    domain(x < -1.0);
    m::log1pf(x)
}

/// Natural logarithm of one plus a number, for long double.
#[export(ucrtbase, full)]
fn log1pl(x: f64) -> f64 {
    m::log1p(x)
}

/// Binary logarithm.
#[export(ucrtbase, full)]
fn log2(x: f64) -> f64 {
    domain(x < 0.0);
    m::log2(x)
}

/// Binary logarithm, single.
#[export(ucrtbase, full)]
fn log2f(x: f32) -> f32 {
    domain(x < 0.0);
    m::log2f(x)
}

/// Binary logarithm, for long double.
#[export(ucrtbase, full)]
fn log2l(x: f64) -> f64 {
    m::log2(x)
}

/// Exponent.
#[export(ucrtbase, full)]
fn logb(x: f64) -> f64 {
    m::logb(x)
}

/// Exponent, single.
#[export(ucrtbase, full)]
fn logbf(x: f32) -> f32 {
    m::logbf(x)
}

/// Exponent, for long double.
#[export(ucrtbase, full)]
fn logbl(x: f64) -> f64 {
    m::logb(x)
}

/// Rounds in the current mode, silently.
#[export(ucrtbase, full)]
fn nearbyint(x: f64) -> f64 {
    m::nearbyint(x)
}

/// Rounds in the current mode, silently, single.
#[export(ucrtbase, full)]
fn nearbyintf(x: f32) -> f32 {
    m::nearbyintf(x)
}

/// Rounds in the current mode, silently, for long double.
#[export(ucrtbase, full)]
fn nearbyintl(x: f64) -> f64 {
    m::nearbyint(x)
}

/// Rounds in the current mode.
#[export(ucrtbase, full)]
fn rint(x: f64) -> f64 {
    m::rint(x)
}

/// Rounds in the current mode, single.
#[export(ucrtbase, full)]
fn rintf(x: f32) -> f32 {
    m::rintf(x)
}

/// Rounds in the current mode, for long double.
#[export(ucrtbase, full)]
fn rintl(x: f64) -> f64 {
    m::rint(x)
}

/// Rounds to nearest, halves away from zero.
#[export(ucrtbase, full)]
fn round(x: f64) -> f64 {
    m::round(x)
}

/// Rounds to nearest, halves away from zero, single.
#[export(ucrtbase, full)]
fn roundf(x: f32) -> f32 {
    m::roundf(x)
}

/// Rounds to nearest, halves away from zero, for long double.
#[export(ucrtbase, full)]
fn roundl(x: f64) -> f64 {
    m::round(x)
}

/// Gamma function.
#[export(ucrtbase, full)]
fn tgamma(x: f64) -> f64 {
    m::tgamma(x)
}

/// Gamma function, single.
#[export(ucrtbase, full)]
fn tgammaf(x: f32) -> f32 {
    m::tgammaf(x)
}

/// Gamma function, for long double.
#[export(ucrtbase, full)]
fn tgammal(x: f64) -> f64 {
    m::tgamma(x)
}

/// Rounds toward zero.
#[export(ucrtbase, full)]
fn trunc(x: f64) -> f64 {
    m::trunc(x)
}

/// Rounds toward zero, single.
#[export(ucrtbase, full)]
fn truncf(x: f32) -> f32 {
    m::truncf(x)
}

/// Rounds toward zero, for long double.
#[export(ucrtbase, full)]
fn truncl(x: f64) -> f64 {
    m::trunc(x)
}

/// Arc tangent of a quotient.
#[export(msvcrt + ucrtbase, full)]
fn atan2(x: f64, y: f64) -> f64 {
    m::atan2(x, y)
}

/// Arc tangent of a quotient, single.
#[export(msvcrt + ucrtbase, full)]
fn atan2f(x: f32, y: f32) -> f32 {
    m::atan2f(x, y)
}

/// Remainder of a division.
#[export(msvcrt + ucrtbase, full)]
fn fmod(x: f64, y: f64) -> f64 {
    domain(y == 0.0 || x.is_infinite());
    m::fmod(x, y)
}

/// Remainder of a division, single.
#[export(msvcrt + ucrtbase, full)]
fn fmodf(x: f32, y: f32) -> f32 {
    domain(y == 0.0 || x.is_infinite());
    m::fmodf(x, y)
}

/// Power.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn pow(x: f64, y: f64) -> f64 {
    domain(x < 0.0 && y.is_finite() && y != y.trunc() && x.is_finite());
    m::pow(x, y)
}

/// Power, single.
#[export(msvcrt + ucrtbase, full)]
fn powf(x: f32, y: f32) -> f32 {
    domain(x < 0.0 && y.is_finite() && y != y.trunc() && x.is_finite());
    m::powf(x, y)
}

/// A number with the sign of another.
#[export(ucrtbase, full)]
fn copysign(x: f64, y: f64) -> f64 {
    m::copysign(x, y)
}

/// A number with the sign of another, single.
#[export(ucrtbase, full)]
fn copysignf(x: f32, y: f32) -> f32 {
    m::copysignf(x, y)
}

/// A number with the sign of another, for long double.
#[export(ucrtbase, full)]
fn copysignl(x: f64, y: f64) -> f64 {
    m::copysign(x, y)
}

/// Positive difference.
#[export(ucrtbase, full)]
fn fdim(x: f64, y: f64) -> f64 {
    m::fdim(x, y)
}

/// Positive difference, single.
#[export(ucrtbase, full)]
fn fdimf(x: f32, y: f32) -> f32 {
    m::fdimf(x, y)
}

/// Positive difference, for long double.
#[export(ucrtbase, full)]
fn fdiml(x: f64, y: f64) -> f64 {
    m::fdim(x, y)
}

/// The larger.
#[export(ucrtbase, full)]
fn fmax(x: f64, y: f64) -> f64 {
    m::fmax(x, y)
}

/// The larger, single.
#[export(ucrtbase, full)]
fn fmaxf(x: f32, y: f32) -> f32 {
    m::fmaxf(x, y)
}

/// The larger, for long double.
#[export(ucrtbase, full)]
fn fmaxl(x: f64, y: f64) -> f64 {
    m::fmax(x, y)
}

/// The smaller.
#[export(ucrtbase, full)]
fn fmin(x: f64, y: f64) -> f64 {
    m::fmin(x, y)
}

/// The smaller, single.
#[export(ucrtbase, full)]
fn fminf(x: f32, y: f32) -> f32 {
    m::fminf(x, y)
}

/// The smaller, for long double.
#[export(ucrtbase, full)]
fn fminl(x: f64, y: f64) -> f64 {
    m::fmin(x, y)
}

/// Length of a hypotenuse.
#[export(ucrtbase, full)]
fn hypot(x: f64, y: f64) -> f64 {
    m::hypot(x, y)
}

/// Length of a hypotenuse, single.
#[export(ucrtbase, full)]
fn hypotf(x: f32, y: f32) -> f32 {
    m::hypotf(x, y)
}

/// The next representable number.
#[export(ucrtbase, full)]
fn nextafter(x: f64, y: f64) -> f64 {
    m::nextafter(x, y)
}

/// The next representable number, single.
#[export(ucrtbase, full)]
fn nextafterf(x: f32, y: f32) -> f32 {
    m::nextafterf(x, y)
}

/// The next representable number, for long double.
#[export(ucrtbase, full)]
fn nextafterl(x: f64, y: f64) -> f64 {
    m::nextafter(x, y)
}

/// IEEE remainder.
#[export(ucrtbase, full)]
pub(crate) fn remainder(x: f64, y: f64) -> f64 {
    m::remainder(x, y)
}

/// IEEE remainder, single.
#[export(ucrtbase, full)]
pub(crate) fn remainderf(x: f32, y: f32) -> f32 {
    m::remainderf(x, y)
}

/// IEEE remainder, for long double.
#[export(ucrtbase, full)]
pub(crate) fn remainderl(x: f64, y: f64) -> f64 {
    m::remainder(x, y)
}

/// Length of a hypotenuse.
#[export(msvcrt + ucrtbase, full)]
fn _hypot(x: f64, y: f64) -> f64 {
    m::hypot(x, y)
}

/// Length of a hypotenuse, single.
#[export(msvcrt + ucrtbase, full)]
fn _hypotf(x: f32, y: f32) -> f32 {
    m::hypotf(x, y)
}

/// A number with the sign of another.
#[export(msvcrt + ucrtbase, full)]
fn _copysign(x: f64, y: f64) -> f64 {
    m::copysign(x, y)
}

/// A number with the sign of another, single.
#[export(msvcrt + ucrtbase, full)]
fn _copysignf(x: f32, y: f32) -> f32 {
    m::copysignf(x, y)
}

/// The next representable number.
#[export(msvcrt + ucrtbase, full)]
fn _nextafter(x: f64, y: f64) -> f64 {
    m::nextafter(x, y)
}

/// The next representable number, single.
#[export(msvcrt + ucrtbase, full)]
fn _nextafterf(x: f32, y: f32) -> f32 {
    m::nextafterf(x, y)
}

/// Length of a hypotenuse.
#[export(msvcrt, full, name = "hypot")]
fn hypot_msvcrt(x: f64, y: f64) -> f64 {
    m::hypot(x, y)
}

/// Exponent.
#[export(msvcrt + ucrtbase, full)]
fn _logb(x: f64) -> f64 {
    m::logb(x)
}

/// Exponent, single.
#[export(msvcrt + ucrtbase, full)]
fn _logbf(x: f32) -> f32 {
    m::logbf(x)
}

/// Bessel function.
#[export(msvcrt + ucrtbase, full)]
fn _j0(x: f64) -> f64 {
    m::j0(x)
}

/// Bessel function.
#[export(msvcrt + ucrtbase, full)]
fn _j1(x: f64) -> f64 {
    m::j1(x)
}

/// Bessel function.
#[export(msvcrt + ucrtbase, full)]
fn _y0(x: f64) -> f64 {
    m::y0(x)
}

/// Bessel function.
#[export(msvcrt + ucrtbase, full)]
fn _y1(x: f64) -> f64 {
    m::y1(x)
}

/// Bessel function.
#[export(msvcrt + ucrtbase, full)]
fn _jn(n: i32, x: f64) -> f64 {
    m::jn(n, x)
}

/// Bessel function.
#[export(msvcrt + ucrtbase, full)]
fn _yn(n: i32, x: f64) -> f64 {
    m::yn(n, x)
}

/// Multiplies by a power of two.
#[export(msvcrt + ucrtbase, full)]
fn ldexp(x: f64, n: i32) -> f64 {
    m::ldexp(x, n)
}

/// Multiplies by a power of two.
#[export(ucrtbase, full)]
fn scalbn(x: f64, n: i32) -> f64 {
    m::ldexp(x, n)
}

/// Multiplies by a power of two, single.
#[export(ucrtbase, full)]
fn scalbnf(x: f32, n: i32) -> f32 {
    m::ldexpf(x, n)
}

/// Multiplies by a power of two, for long double.
#[export(ucrtbase, full)]
fn scalbnl(x: f64, n: i32) -> f64 {
    m::ldexp(x, n)
}

/// Multiplies by a power of two.
#[export(ucrtbase, full)]
fn scalbln(x: f64, n: i32) -> f64 {
    m::ldexp(x, n)
}

/// Multiplies by a power of two, single.
#[export(ucrtbase, full)]
fn scalblnf(x: f32, n: i32) -> f32 {
    m::ldexpf(x, n)
}

/// Multiplies by a power of two, for long double.
#[export(ucrtbase, full)]
fn scalblnl(x: f64, n: i32) -> f64 {
    m::ldexp(x, n)
}

/// Multiplies by a power of two.
#[export(msvcrt + ucrtbase, full)]
fn _scalb(x: f64, n: i32) -> f64 {
    m::ldexp(x, n)
}

/// Multiplies by a power of two, single.
#[export(msvcrt + ucrtbase, full)]
fn _scalbf(x: f32, n: i32) -> f32 {
    m::ldexpf(x, n)
}

/// Rounds to a long.
#[export(ucrtbase, full)]
fn lrint(x: f64) -> i32 {
    m::llrint(x) as i32
}

/// Rounds to a long long.
#[export(ucrtbase, full)]
fn llrint(x: f64) -> i64 {
    m::llrint(x)
}

/// Rounds to a long.
#[export(ucrtbase, full)]
fn lrintf(x: f32) -> i32 {
    m::llrintf(x) as i32
}

/// Rounds to a long long.
#[export(ucrtbase, full)]
fn llrintf(x: f32) -> i64 {
    m::llrintf(x)
}

/// Rounds to a long.
#[export(ucrtbase, full)]
fn lrintl(x: f64) -> i32 {
    m::llrint(x) as i32
}

/// Rounds to a long long.
#[export(ucrtbase, full)]
fn llrintl(x: f64) -> i64 {
    m::llrint(x)
}

/// Rounds to a long.
#[export(ucrtbase, full)]
fn lround(x: f64) -> i32 {
    m::llround(x) as i32
}

/// Rounds to a long long.
#[export(ucrtbase, full)]
fn llround(x: f64) -> i64 {
    m::llround(x)
}

/// Rounds to a long.
#[export(ucrtbase, full)]
fn lroundf(x: f32) -> i32 {
    m::llroundf(x) as i32
}

/// Rounds to a long long.
#[export(ucrtbase, full)]
fn llroundf(x: f32) -> i64 {
    m::llroundf(x)
}

/// Rounds to a long.
#[export(ucrtbase, full)]
fn lroundl(x: f64) -> i32 {
    m::llround(x) as i32
}

/// Rounds to a long long.
#[export(ucrtbase, full)]
fn llroundl(x: f64) -> i64 {
    m::llround(x)
}

/// Exponent as an integer.
#[export(ucrtbase, full)]
fn ilogb(x: f64) -> i32 {
    ilogb_of(x)
}

/// Exponent as an integer.
#[export(ucrtbase, full)]
fn ilogbf(x: f32) -> i32 {
    ilogb_of(f64::from(x))
}

/// Exponent as an integer.
#[export(ucrtbase, full)]
fn ilogbl(x: f64) -> i32 {
    ilogb_of(x)
}

/// Product plus a number, rounded once.
#[export(ucrtbase, full)]
fn fma(x: f64, y: f64, z: f64) -> f64 {
    m::fma(x, y, z)
}

/// A quiet NaN.
#[export(ucrtbase, full)]
fn nan(_tag: abi::Ptr<u8>) -> f64 {
    f64::NAN
}

/// Product plus a number, rounded once.
#[export(ucrtbase, full)]
fn fmaf(x: f32, y: f32, z: f32) -> f32 {
    m::fmaf(x, y, z)
}

/// A quiet NaN.
#[export(ucrtbase, full)]
fn nanf(_tag: abi::Ptr<u8>) -> f32 {
    f32::NAN
}

/// Product plus a number, rounded once.
#[export(ucrtbase, full)]
fn fmal(x: f64, y: f64, z: f64) -> f64 {
    m::fma(x, y, z)
}

/// A quiet NaN.
#[export(ucrtbase, full)]
fn nanl(_tag: abi::Ptr<u8>) -> f64 {
    f64::NAN
}

/// The next representable number.
#[export(ucrtbase, full)]
fn nexttoward(x: f64, y: f64) -> f64 {
    m::nextafter(x, y)
}

/// The next representable number, for long double.
#[export(ucrtbase, full)]
fn nexttowardl(x: f64, y: f64) -> f64 {
    m::nextafter(x, y)
}

/// The next representable number, single.
#[export(ucrtbase, full)]
fn nexttowardf(x: f32, y: f64) -> f32 {
    if f64::from(x) == y { y as f32 } else { m::nextafterf(x, if y > f64::from(x) { f32::INFINITY } else { f32::NEG_INFINITY }) }
}
