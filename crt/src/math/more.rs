//! Classification, parts of numbers, and complex numbers.

use abi::{Ptr, export};

/// The UCRT's classes: FP_NORMAL -1, FP_SUBNORMAL -2, FP_ZERO 0, FP_INFINITE 1, FP_NAN 2.
fn class(x: f64) -> i16 {
    use std::num::FpCategory::*;
    match x.classify() {
        Normal => -1,
        Subnormal => -2,
        Zero => 0,
        Infinite => 1,
        Nan => 2,
    }
}

fn class_single(x: f32) -> i16 {
    if x.is_subnormal() { -2 } else { class(x.into()) }
}

/// _fpclass of float.h: one bit a class.
fn fp_class(x: f64) -> i32 {
    let negative = x.is_sign_negative();
    match class(x) {
        2 => {
            if x.to_bits() >> 51 & 1 == 1 {
                2
            } else {
                1
            }
        }
        1 => {
            if negative {
                4
            } else {
                0x200
            }
        }
        -1 => {
            if negative {
                8
            } else {
                0x100
            }
        }
        -2 => {
            if negative {
                0x10
            } else {
                0x80
            }
        }
        _ => {
            if negative {
                0x20
            } else {
                0x40
            }
        }
    }
}

/// Mantissa in 0.5 to 1, and exponent.
fn split(x: f64) -> (f64, i32) {
    if x == 0.0 || !x.is_finite() {
        return (x, if x == 0.0 { 0 } else { -1 });
    }
    let scaled = if x.is_subnormal() { x * 2f64.powi(64) } else { x };
    let bits = scaled.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32 - 1022 - if x.is_subnormal() { 64 } else { 0 };
    (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), exponent)
}

/// A complex number in two doubles.
#[derive(Clone, Copy)]
#[repr(C)]
struct Complex {
    re: f64,
    im: f64,
}

/// Whether a number is finite.
#[export(msvcrt + ucrtbase, full)]
fn _finite(x: f64) -> i32 {
    x.is_finite().into()
}

/// Whether a number is finite, single.
#[export(msvcrt + ucrtbase, full)]
fn _finitef(x: f32) -> i32 {
    x.is_finite().into()
}

/// Whether it is a NaN.
#[export(msvcrt + ucrtbase, full)]
fn _isnan(x: f64) -> i32 {
    x.is_nan().into()
}

/// Whether it is a NaN, single.
#[export(msvcrt + ucrtbase, full)]
fn _isnanf(x: f32) -> i32 {
    x.is_nan().into()
}

/// The class of a number, as a bit.
#[export(msvcrt + ucrtbase, full)]
fn _fpclass(x: f64) -> i32 {
    fp_class(x)
}

/// The class of a number, as a bit, single.
#[export(msvcrt + ucrtbase, full)]
fn _fpclassf(x: f32) -> i32 {
    if x.is_subnormal() { if x < 0.0 { 0x10 } else { 0x80 } } else { fp_class(x.into()) }
}

/// The number with the other sign.
#[export(msvcrt + ucrtbase, full)]
fn _chgsign(x: f64) -> f64 {
    -x
}

/// The number with the other sign, single.
#[export(msvcrt + ucrtbase, full)]
fn _chgsignf(x: f32) -> f32 {
    -x
}

/// The class of a number.
#[export(ucrtbase, full)]
fn _dclass(x: f64) -> i16 {
    class(x)
}

/// The sign bit.
#[export(ucrtbase, full)]
fn _dsign(x: f64) -> i32 {
    if x.is_sign_negative() { 0x8000 } else { 0 }
}

/// The class of a number in memory.
#[export(ucrtbase, full)]
fn _dtest(x: Ptr<f64>) -> i16 {
    class(x.get())
}

/// Compares: 1 less, 2 equal, 4 greater.
#[export(ucrtbase, full)]
fn _dpcomp(x: f64, y: f64) -> i32 {
    match x.partial_cmp(&y) {
        Some(std::cmp::Ordering::Less) => 1,
        Some(std::cmp::Ordering::Equal) => 2,
        Some(std::cmp::Ordering::Greater) => 4,
        None => 0,
    }
}

/// The class of a number.
#[export(ucrtbase, full)]
fn _ldclass(x: f64) -> i16 {
    class(x)
}

/// The sign bit.
#[export(ucrtbase, full)]
fn _ldsign(x: f64) -> i32 {
    if x.is_sign_negative() { 0x8000 } else { 0 }
}

/// The class of a number in memory.
#[export(ucrtbase, full)]
fn _ldtest(x: Ptr<f64>) -> i16 {
    class(x.get())
}

/// Compares: 1 less, 2 equal, 4 greater.
#[export(ucrtbase, full)]
fn _ldpcomp(x: f64, y: f64) -> i32 {
    match x.partial_cmp(&y) {
        Some(std::cmp::Ordering::Less) => 1,
        Some(std::cmp::Ordering::Equal) => 2,
        Some(std::cmp::Ordering::Greater) => 4,
        None => 0,
    }
}

/// The class of a number.
#[export(ucrtbase, full)]
fn _fdclass(x: f32) -> i16 {
    class_single(x)
}

/// The sign bit.
#[export(ucrtbase, full)]
fn _fdsign(x: f32) -> i32 {
    if x.is_sign_negative() { 0x8000 } else { 0 }
}

/// The class of a number in memory.
#[export(ucrtbase, full)]
fn _fdtest(x: Ptr<f32>) -> i16 {
    class_single(x.get())
}

/// Compares: 1 less, 2 equal, 4 greater.
#[export(ucrtbase, full)]
fn _fdpcomp(x: f32, y: f32) -> i32 {
    match x.partial_cmp(&y) {
        Some(std::cmp::Ordering::Less) => 1,
        Some(std::cmp::Ordering::Equal) => 2,
        Some(std::cmp::Ordering::Greater) => 4,
        None => 0,
    }
}

/// Splits into mantissa and exponent.
#[export(msvcrt + ucrtbase, full)]
fn frexp(x: f64, exponent: Ptr<i32>) -> f64 {
    let (mantissa, power) = split(x);
    exponent.set(power);
    mantissa
}

/// Splits into fraction and whole.
#[export(msvcrt + ucrtbase, full)]
fn modf(x: f64, whole: Ptr<f64>) -> f64 {
    whole.set(x.trunc());
    if x.is_infinite() { 0f64.copysign(x) } else { (x - x.trunc()).copysign(x) }
}

/// Splits into fraction and whole, single.
#[export(msvcrt + ucrtbase, full)]
fn modff(x: f32, whole: Ptr<f32>) -> f32 {
    whole.set(x.trunc());
    if x.is_infinite() { 0f32.copysign(x) } else { (x - x.trunc()).copysign(x) }
}

/// Remainder and the last bits of the quotient.
#[export(ucrtbase, full)]
fn remquo(x: f64, y: f64, quotient: Ptr<i32>) -> f64 {
    let q = (x / y).round_ties_even();
    quotient.set((q.abs() % 8.0) as i32 * if q < 0.0 { -1 } else { 1 });
    super::remainder(x, y)
}

/// Remainder and the last bits of the quotient.
#[export(ucrtbase, full)]
fn remquof(x: f32, y: f32, quotient: Ptr<i32>) -> f32 {
    let q = (x / y).round_ties_even();
    quotient.set((q.abs() % 8.0) as i32 * if q < 0.0 { -1 } else { 1 });
    super::remainderf(x, y)
}

/// Remainder and the last bits of the quotient.
#[export(ucrtbase, full)]
fn remquol(x: f64, y: f64, quotient: Ptr<i32>) -> f64 {
    let q = (x / y).round_ties_even();
    quotient.set((q.abs() % 8.0) as i32 * if q < 0.0 { -1 } else { 1 });
    super::remainder(x, y)
}

/// Absolute value of a complex number.
#[export(msvcrt + ucrtbase, full)]
fn _cabs(z: Ptr<Complex>) -> f64 {
    let z = z.get();
    z.re.hypot(z.im)
}

/// Absolute value of a complex number.
#[export(ucrtbase, full)]
fn cabs(z: Ptr<Complex>) -> f64 {
    _cabs(z)
}

/// Phase of a complex number.
#[export(ucrtbase, full)]
fn carg(z: Ptr<Complex>) -> f64 {
    let z = z.get();
    z.im.atan2(z.re)
}

/// Real part.
#[export(ucrtbase, full)]
fn creal(z: Ptr<Complex>) -> f64 {
    z.get().re
}

/// Imaginary part.
#[export(ucrtbase, full)]
fn cimag(z: Ptr<Complex>) -> f64 {
    z.get().im
}

/// Square of the absolute value.
#[export(ucrtbase, full)]
fn norm(z: Ptr<Complex>) -> f64 {
    let z = z.get();
    z.re * z.re + z.im * z.im
}

/// Complex conjugate.
#[export(ucrtbase, full)]
fn conj(to: Ptr<Complex>, z: Ptr<Complex>) -> Ptr<Complex> {
    let z = z.get();
    to.set(Complex { re: z.re, im: -z.im });
    to
}

/// Complex exponential.
#[export(ucrtbase, full)]
fn cexp(to: Ptr<Complex>, z: Ptr<Complex>) -> Ptr<Complex> {
    let z = z.get();
    to.set({
        let r = z.re.exp();
        Complex { re: r * z.im.cos(), im: r * z.im.sin() }
    });
    to
}

/// Complex logarithm.
#[export(ucrtbase, full)]
fn clog(to: Ptr<Complex>, z: Ptr<Complex>) -> Ptr<Complex> {
    let z = z.get();
    to.set(Complex { re: z.re.hypot(z.im).ln(), im: z.im.atan2(z.re) });
    to
}

/// Complex square root.
#[export(ucrtbase, full)]
fn csqrt(to: Ptr<Complex>, z: Ptr<Complex>) -> Ptr<Complex> {
    let z = z.get();
    to.set({
        let r = z.re.hypot(z.im);
        let (a, b) = (((r + z.re) / 2.0).max(0.0).sqrt(), ((r - z.re) / 2.0).max(0.0).sqrt());
        Complex { re: a, im: b.copysign(z.im) }
    });
    to
}
