use super::*;

/// A UCRT program compiled with today's headers.
fn ucrt() -> Options {
    Options::ucrt(0x24)
}

fn run(options: Options, text: &str, args: &[u64]) -> String {
    let text = format!("{text}\0");
    let out = format(Ptr::of(text.as_ptr()), VaList(Ptr::of(args.as_ptr())), options).expect("formats");
    String::from_utf8(out).expect("is text")
}

fn f(value: f64) -> u64 {
    value.to_bits()
}

#[test]
fn integers() {
    for (text, arg, expected) in [
        ("%d", -5i64 as u64, "-5"),
        ("%5d|", 42, "   42|"),
        ("%-5d|", 42, "42   |"),
        ("%05d", 42, "00042"),
        ("%05d", -42i64 as u64, "-0042"),
        ("%+d", 42, "+42"),
        ("% d", 42, " 42"),
        ("%.3d", 7, "007"),
        ("%05.3d", 7, "  007"),
        ("%.0d", 0, ""),
        ("%x", 0xbeef, "beef"),
        ("%#X", 0xbeef, "0XBEEF"),
        ("%#x", 0, "0"),
        ("%#o", 8, "010"),
        ("%I64d", u64::MAX, "-1"),
        ("%I64x", u64::MAX, "ffffffffffffffff"),
        ("%lld", i64::MIN as u64, "-9223372036854775808"),
        ("%I32u", u64::MAX, "4294967295"),
        ("%Iu", u64::MAX, "18446744073709551615"),
        ("%zu", 1 << 40, "1099511627776"),
        ("%ld", 1 << 40 | 7, "7"),
        ("%hd", 0x18000, "-32768"),
        ("%hhu", 0x1ff, "255"),
        ("%u", u64::MAX, "4294967295"),
        ("%p", 0xdead_beef, "00000000DEADBEEF"),
        ("%c", 65, "A"),
        ("100%%", 0, "100%"),
    ] {
        assert_eq!(run(ucrt(), text, &[arg]), expected, "{text}");
    }
}

#[test]
fn stars() {
    assert_eq!(run(ucrt(), "%*d|", &[5, 1]), "    1|");
    assert_eq!(run(ucrt(), "%*d|", &[-5i64 as u64, 1]), "1    |");
    assert_eq!(run(ucrt(), "%.*f", &[2, f(1.5)]), "1.50");
    assert_eq!(run(ucrt(), "%.*d", &[-1i64 as u64, 5]), "5");
}

#[test]
fn strings() {
    let narrow = b"hello\0";
    let wide: Vec<u16> = "w\u{e9}\0".encode_utf16().collect();
    let (n, w) = (narrow.as_ptr() as u64, wide.as_ptr() as u64);
    assert_eq!(run(ucrt(), "[%s]", &[n]), "[hello]");
    assert_eq!(run(ucrt(), "[%8s]", &[n]), "[   hello]");
    assert_eq!(run(ucrt(), "[%-8.2s]", &[n]), "[he      ]");
    assert_eq!(run(ucrt(), "[%s]", &[0]), "[(null)]");
    assert_eq!(run(ucrt(), "[%.1ls]", &[w]), "[w]");
    assert_eq!(run(ucrt(), "[%.1S]", &[w]), "[w]");
    let format16: Vec<u16> = "%s %S %hs %ls\0".encode_utf16().collect();
    let args = [w, n, n, w];
    let out = format(Ptr::of(format16.as_ptr()), VaList(Ptr::of(args.as_ptr())), Options::MSVCRT).expect("formats");
    assert_eq!(String::from_utf16_lossy(&out), "w\u{e9} hello hello w\u{e9}");
}

#[test]
fn floats() {
    for (text, value, new, old) in [
        ("%f", 3.24159265, "3.241593", "3.241593"),
        ("%.0f", 2.5, "2", "3"),
        ("%.2f", 2.675, "2.67", "2.67"),
        ("%e", 12345.678, "1.234568e+04", "1.234568e+004"),
        ("%.3E", 0.00012345, "1.234E-04", "1.234E-004"),
        ("%g", 100000.0, "100000", "100000"),
        ("%g", 1000000.0, "1e+06", "1e+006"),
        ("%g", 0.0001, "0.0001", "0.0001"),
        ("%g", 0.00001234, "1.234e-05", "1.234e-005"),
        ("%g", 123.456, "123.456", "123.456"),
        ("%#g", 1.0, "1.00000", "1.00000"),
        ("%g", 0.0, "0", "0"),
        ("%.10g", 0.1, "0.1", "0.1"),
        ("%.17g", 0.1, "0.10000000000000001", "0.10000000000000001"),
        ("%08.2f", -1.5, "-0001.50", "-0001.50"),
        ("%+.1f", 1.25, "+1.2", "+1.3"),
        ("%f", f64::INFINITY, "inf", "1.#INF00"),
        ("%.2f", f64::INFINITY, "inf", "1.#J"),
        ("%F", f64::NEG_INFINITY, "-INF", "-1.#INF00"),
        ("%g", f64::INFINITY, "inf", "1.#INF"),
        ("%a", 1.5, "0x1.8000000000000p+0", "0x1.8000000000000p+0"),
        ("%.1a", 1.999, "0x2.0p+0", "0x2.0p+0"),
        ("%A", 255.0, "0X1.FE00000000000P+7", "0X1.FE00000000000P+7"),
        ("%.0e", 15.0, "2e+01", "2e+001"),
        ("%#.0f", 3.0, "3.", "3."),
        ("%5.1f|", 9.96, " 10.0|", " 10.0|"),
        ("%e", 0.0, "0.000000e+00", "0.000000e+000"),
        ("%.20f", 1e-5, "0.00001000000000000000", "0.00001000000000000000"),
    ] {
        let new_expected = if text == "%.20f" { "0.00001000000000000000" } else { new };
        assert_eq!(run(ucrt(), text, &[f(value)]), new_expected, "{text} {value}");
        assert_eq!(run(Options::MSVCRT, text, &[f(value)]), old, "{text} {value}");
    }
}

#[test]
fn positional() {
    assert_eq!(run(ucrt().positional(), "%2$d-%1$d", &[1, 2]), "2-1");
    assert_eq!(run(ucrt().positional(), "%1$*2$d", &[7, 3]), "  7");
}
