//! Floating point numbers as texts.

pub(super) fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    // Rust also takes words such as `inf`, which no literal here means.
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
        .then(|| text.parse().ok())
        .flatten()
}

/// The shortest text that reads back as the same number.
pub fn format(number: f64) -> String {
    shape(&format!("{number:e}"), number.is_finite())
}

pub(super) fn format_single(number: f32) -> String {
    shape(&format!("{number:e}"), number.is_finite())
}

/// Turns `1.5e3` into `1500`, and leaves very large and very small numbers in scientific form.
fn shape(scientific: &str, finite: bool) -> String {
    let parts = scientific
        .split_once('e')
        .and_then(|(mantissa, exponent)| Some((mantissa, exponent.parse::<i32>().ok()?)));
    let Some((mantissa, exponent)) = parts.filter(|_| finite) else {
        return scientific.to_lowercase();
    };
    if !(-5..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let point = 1 + exponent;
    let text = if point <= 0 {
        format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else {
        let point = point.unsigned_abs() as usize;
        if digits.len() <= point {
            format!("{digits}{}", "0".repeat(point - digits.len()))
        } else {
            format!("{}.{}", &digits[..point], &digits[point..])
        }
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortest_text() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1, "0.1"),
            (1500.0, "1500"),
            (0.000_012, "0.000012"),
            (1e-7, "1e-07"),
            (1e20, "1e+20"),
            (123_456_789.123, "123456789.123"),
        ] {
            assert_eq!(format(number), text);
            assert_eq!(parse(text), Some(number));
        }
        assert_eq!(parse("inf"), None);
    }
}
