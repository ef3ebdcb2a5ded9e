//! Exact decimal arithmetic on texts, for LARGEINT and DECIMAL.

use std::fmt;

/// `unscaled * 10^-scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    pub unscaled: i128,
    pub scale: u32,
}

/// The value needs more than 38 digits, or more than LARGEINT holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overflow;

impl fmt::Display for Overflow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("The number is out of range: the emulator counts in 128 bits")
    }
}

impl std::error::Error for Overflow {}

fn power_of_ten(exponent: u32) -> Result<i128, Overflow> {
    10_i128.checked_pow(exponent).ok_or(Overflow)
}

impl Decimal {
    /// Reads `-12.50` and `1.5e3`; `None` if the text is no number or too large.
    pub fn parse(text: &str) -> Option<Decimal> {
        let text = text.trim();
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.as_bytes().first()? {
            b'-' => (true, &mantissa[1..]),
            b'+' => (false, &mantissa[1..]),
            _ => (false, mantissa),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut unscaled: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return None;
            }
            let digit = i128::from(byte - b'0');
            // The smallest LARGEINT has no positive counterpart.
            let digit = if negative { -digit } else { digit };
            unscaled = unscaled.checked_mul(10)?.checked_add(digit)?;
        }
        let scale = i32::try_from(fraction.len()).ok()? - exponent;
        if scale < 0 {
            let factor = power_of_ten(scale.unsigned_abs()).ok()?;
            unscaled = unscaled.checked_mul(factor)?;
        }
        Some(Decimal {
            unscaled,
            scale: u32::try_from(scale).unwrap_or(0),
        })
    }

    pub fn integer(value: i128) -> Decimal {
        Decimal {
            unscaled: value,
            scale: 0,
        }
    }

    /// The same value with `scale` digits after the point, rounded half away from zero.
    pub fn rescale(self, scale: u32) -> Result<Decimal, Overflow> {
        let unscaled = if scale >= self.scale {
            self.unscaled
                .checked_mul(power_of_ten(scale - self.scale)?)
                .ok_or(Overflow)?
        } else {
            match power_of_ten(self.scale - scale) {
                Ok(factor) => round_divide(self.unscaled, factor),
                Err(Overflow) => 0,
            }
        };
        Ok(Decimal { unscaled, scale })
    }

    /// The whole part: the fraction is cut off.
    pub fn truncate(self) -> i128 {
        match power_of_ten(self.scale) {
            Ok(factor) => self.unscaled / factor,
            Err(Overflow) => 0,
        }
    }

    /// `true` if the value has at most `precision` digits.
    pub fn fits(self, precision: u32) -> bool {
        match power_of_ten(precision) {
            Ok(limit) => self.unscaled.abs() < limit,
            Err(Overflow) => true,
        }
    }

    pub fn to_f64(self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    pub fn plus(self, other: Decimal) -> Result<Decimal, Overflow> {
        let scale = self.scale.max(other.scale);
        let (left, right) = (self.rescale(scale)?, other.rescale(scale)?);
        Ok(Decimal {
            unscaled: left.unscaled.checked_add(right.unscaled).ok_or(Overflow)?,
            scale,
        })
    }

    pub fn negate(self) -> Result<Decimal, Overflow> {
        Ok(Decimal {
            unscaled: self.unscaled.checked_neg().ok_or(Overflow)?,
            scale: self.scale,
        })
    }

    pub fn multiply(self, other: Decimal) -> Result<Decimal, Overflow> {
        Ok(Decimal {
            unscaled: self.unscaled.checked_mul(other.unscaled).ok_or(Overflow)?,
            scale: self.scale + other.scale,
        })
    }

    /// `None` for a division by zero, which is NULL in SQL.
    pub fn divide(self, other: Decimal, scale: u32) -> Result<Option<Decimal>, Overflow> {
        if other.unscaled == 0 {
            return Ok(None);
        }
        let shift = i64::from(scale) + i64::from(other.scale) - i64::from(self.scale);
        let factor = power_of_ten(u32::try_from(shift.abs()).map_err(|_| Overflow)?)?;
        let unscaled = if shift >= 0 {
            let numerator = self.unscaled.checked_mul(factor).ok_or(Overflow)?;
            round_divide(numerator, other.unscaled)
        } else {
            let denominator = other.unscaled.checked_mul(factor).ok_or(Overflow)?;
            round_divide(self.unscaled, denominator)
        };
        Ok(Some(Decimal { unscaled, scale }))
    }

    pub fn remainder(self, other: Decimal) -> Result<Option<Decimal>, Overflow> {
        let scale = self.scale.max(other.scale);
        let (left, right) = (self.rescale(scale)?, other.rescale(scale)?);
        Ok(left
            .unscaled
            .checked_rem(right.unscaled)
            .map(|unscaled| Decimal { unscaled, scale }))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale as usize;
        let mut digits = self.unscaled.unsigned_abs().to_string();
        if digits.len() <= scale {
            digits.insert_str(0, &"0".repeat(scale + 1 - digits.len()));
        }
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let sign = if self.unscaled < 0 { "-" } else { "" };
        if scale == 0 {
            write!(formatter, "{sign}{whole}")
        } else {
            write!(formatter, "{sign}{whole}.{fraction}")
        }
    }
}

fn round_divide(numerator: i128, denominator: i128) -> i128 {
    let quotient = numerator / denominator;
    let remainder = (numerator % denominator).unsigned_abs();
    // More than half, without doubling, which could overflow.
    if remainder >= denominator.unsigned_abs() - remainder && remainder != 0 {
        if (numerator < 0) == (denominator < 0) {
            quotient + 1
        } else {
            quotient - 1
        }
    } else {
        quotient
    }
}

/// Adds two stored numbers.
pub fn add(left: &str, right: &str) -> Result<String, Overflow> {
    let parse = |text: &str| Decimal::parse(text).ok_or(Overflow);
    Ok(parse(left)?.plus(parse(right)?)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, scale: u32, expect: &str) {
        let decimal = Decimal::parse(text).unwrap().rescale(scale).unwrap();
        assert_eq!(decimal.to_string(), expect);
    }

    #[test]
    fn rescaling_rounds_half_away_from_zero() {
        check("1.5", 2, "1.50");
        check("1.005", 2, "1.01");
        check("-1.005", 2, "-1.01");
        check("1.004", 2, "1.00");
        check("-0.4", 0, "0");
        check("1.5e3", 0, "1500");
        check("12e-3", 4, "0.0120");
    }

    #[test]
    fn limits_of_largeint_round_trip() {
        for text in [
            "-170141183460469231731687303715884105728",
            "170141183460469231731687303715884105727",
        ] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Decimal::parse("170141183460469231731687303715884105728"),
            None
        );
    }

    #[test]
    fn arithmetic_is_exact() {
        assert_eq!(add("0.10", "0.2").unwrap(), "0.30");
        let quotient = Decimal::integer(1).divide(Decimal::integer(3), 6).unwrap();
        assert_eq!(quotient.unwrap().to_string(), "0.333333");
        let quotient = Decimal::integer(-2).divide(Decimal::integer(3), 2).unwrap();
        assert_eq!(quotient.unwrap().to_string(), "-0.67");
        assert_eq!(Decimal::integer(1).divide(Decimal::integer(0), 6), Ok(None));
    }
}
