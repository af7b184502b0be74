//! Fixed-point amounts: exact decimals with twelve places, held in 128 bits, so that the largest
//! meme-coin quantity and the smallest tick are both exact and their product still fits.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Decimal places kept.
const PLACES: usize = 12;
/// Units in one whole.
const SCALE: i128 = 1_000_000_000_000;
/// Powers of ten up to one whole.
const POWERS: [i64; PLACES + 1] = {
    let mut powers = [1; PLACES + 1];
    let mut at = 1;
    while at <= PLACES {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};
/// Texts beyond this many wholes are refused at the door: far above any real amount, and far enough below
/// the limit of the representation that sums of accepted amounts cannot overflow.
const MAX_WHOLE: i128 = 1_000_000_000_000_000;

/// Which way a result that does not fit is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Towards minus infinity.
    Down,
    /// Towards plus infinity.
    Up,
}

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {what}: {why}")]
pub struct ParseAmountError {
    /// The text as it was given, cut to a line.
    pub given: String,
    /// What was expected.
    pub what: &'static str,
    /// What is wrong with it.
    pub why: &'static str,
}

fn parse_units(text: &str, what: &'static str) -> Result<i128, ParseAmountError> {
    let error = |why| ParseAmountError { given: text.chars().take(48).collect(), what, why };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(error("it has no digits"));
    }
    let fraction = if fraction.len() > PLACES { fraction.trim_end_matches('0') } else { fraction };
    if fraction.len() > PLACES {
        return Err(error("it has more than twelve decimal places"));
    }
    let mut units: i128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return Err(error("it has something other than digits and one decimal point"));
        }
        units = units.saturating_mul(10).saturating_add(i128::from(byte - b'0'));
    }
    for _ in fraction.len()..PLACES {
        units = units.saturating_mul(10);
    }
    if units > MAX_WHOLE * SCALE {
        return Err(error("it is larger than 10^15"));
    }
    Ok(if negative { -units } else { units })
}

/// With as many places as the value has, or as the format asks for if those are more: nothing is ever cut off.
fn write_units(units: i128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let magnitude = units.unsigned_abs();
    let (whole, fraction) = (magnitude / SCALE.unsigned_abs(), magnitude % SCALE.unsigned_abs());
    let asked = f.precision().unwrap_or(0).min(PLACES);
    let mut text = format!("{whole}");
    if fraction != 0 || asked > 0 {
        let digits = format!("{fraction:012}");
        text.push('.');
        text.push_str(&digits[..digits.trim_end_matches('0').len().max(asked)]);
    }
    f.pad_integral(units >= 0, "", &text)
}

/// `a · b / c`, rounded as asked, saturating where the product leaves 128 bits.
fn mul_div(a: i128, b: i128, c: i128, rounding: Rounding) -> i128 {
    let product = match (i64::try_from(a), i64::try_from(b)) {
        // Two numbers of 64 bits have a product of 128, by one instruction of the machine.
        (Ok(a), Ok(b)) => i128::from(a).wrapping_mul(i128::from(b)),
        _ => match a.checked_mul(b) {
            Some(product) => product,
            None => return if (a < 0) == (b < 0) { i128::MAX } else { i128::MIN },
        },
    };
    if c == SCALE { div_by_scale(product, rounding) } else { div(product, c, rounding) }
}

/// `a / SCALE`, which every product of two amounts is divided by, in steps of 64 bits: the division of 128 bits is a
/// routine of its own and ten times as slow.
fn div_by_scale(a: i128, rounding: Rounding) -> i128 {
    /// 10¹² is 2¹² · 5¹².
    const TWOS: u32 = 12;
    const FIVES: u64 = 244_140_625;
    let halved = a.unsigned_abs() >> TWOS;
    let (high, low) = ((halved >> 64) as u64, halved as u64);
    let (first, rest) = (high / FIVES, high % FIVES);
    let middle = rest << 32 | low >> 32;
    let (second, rest) = (middle / FIVES, middle % FIVES);
    let last = rest << 32 | low & u64::from(u32::MAX);
    let (third, rest) = (last / FIVES, last % FIVES);
    let quotient = (i128::from(first) << 64) | (i128::from(second) << 32) | i128::from(third);
    let exact = rest == 0 && a.trailing_zeros() >= TWOS;
    let away = !exact && (rounding == Rounding::Up) == (a > 0);
    let magnitude = if away { quotient + 1 } else { quotient };
    if a < 0 { -magnitude } else { magnitude }
}

fn div(a: i128, b: i128, rounding: Rounding) -> i128 {
    if b == 0 {
        return 0;
    }
    match (i64::try_from(a), i64::try_from(b)) {
        (Ok(a), Ok(b)) if b > 0 => i128::from(match rounding {
            Rounding::Down => a.div_euclid(b),
            Rounding::Up => -(a.checked_neg().map_or(i64::MAX, |a| a).div_euclid(b)),
        }),
        _ => {
            let quotient = a / b;
            let exact = quotient.wrapping_mul(b) == a;
            let positive = (a < 0) == (b < 0);
            match rounding {
                _ if exact => quotient,
                Rounding::Down if !positive => quotient - 1,
                Rounding::Up if positive => quotient + 1,
                Rounding::Down | Rounding::Up => quotient,
            }
        }
    }
}

/// In 64 bits where they suffice: the division of 128 bits is a routine of its own.
const fn is_multiple(units: i128, step: i128) -> bool {
    let (short, short_step) = (units as i64, step as i64);
    if short as i128 == units && short_step as i128 == step { short % short_step == 0 } else { units % step == 0 }
}

/// The nearest float to more than 64 bits, by a routine of its own: apart, so that the compiler does not take it for all.
#[cold]
#[inline(never)]
fn wide_to_f64(units: i128) -> f64 {
    units as f64
}

macro_rules! amount {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i128);

        impl $name {
            /// Nothing.
            pub const ZERO: $name = $name(0);
            /// One whole.
            pub const ONE: $name = $name(SCALE);
            /// The smallest step above zero.
            pub const EPSILON: $name = $name(1);

            /// A whole number.
            pub const fn whole(n: i64) -> $name {
                $name(n as i128 * SCALE)
            }
            /// `n` divided by ten to the power of `places` (at most twelve): `new(125, 2)` is 1.25.
            pub const fn new(n: i64, places: u32) -> $name {
                assert!(places <= PLACES as u32, "at most twelve decimal places are kept");
                // A number of 64 bits times at most 10¹² is far within 128.
                $name((n as i128).wrapping_mul(POWERS[PLACES - places as usize] as i128))
            }
            /// For a computed, inexact number: the nearest amount, or `None` if it is not finite or beyond 10^15.
            #[expect(clippy::float_arithmetic, reason = "the border between indicators and the books")]
            pub fn from_f64(value: f64) -> Option<$name> {
                let units = (value * SCALE as f64).round();
                (units.is_finite() && units.abs() <= (MAX_WHOLE * SCALE) as f64).then(|| $name(units as i128))
            }
            /// For indicators, charts and ratios; never back into the books unrounded.
            #[expect(clippy::float_arithmetic, reason = "the border between the books and indicators")]
            pub fn to_f64(self) -> f64 {
                // A number of 64 bits is converted by the machine itself, to the same nearest float.
                let units = i64::try_from(self.0).map_or_else(|_| wide_to_f64(self.0), |units| units as f64);
                units / SCALE as f64
            }
            /// Is it nothing?
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }
            /// Is it more than nothing?
            pub const fn is_positive(self) -> bool {
                self.0 > 0
            }
            /// Is it less than nothing?
            pub const fn is_negative(self) -> bool {
                self.0 < 0
            }
            /// Without its sign.
            pub const fn abs(self) -> $name {
                $name(self.0.saturating_abs())
            }
            /// The nearest multiple of `step` on the side asked for; unchanged if `step` is not positive.
            pub fn round_to(self, step: $name, rounding: Rounding) -> $name {
                if step.0 <= 0 { self } else { $name(div(self.0, step.0, rounding).saturating_mul(step.0)) }
            }
            /// Is it a whole number of `step`s? Always, if `step` is not positive.
            pub const fn is_multiple_of(self, step: $name) -> bool {
                step.0 <= 0 || is_multiple(self.0, step.0)
            }
            /// This times a ratio.
            pub fn times(self, rate: Rate, rounding: Rounding) -> $name {
                $name(mul_div(self.0, rate.0, SCALE, rounding))
            }
            /// This as a ratio of `whole`; zero if `whole` is zero.
            pub fn ratio_of(self, whole: $name, rounding: Rounding) -> Rate {
                Rate(mul_div(self.0, SCALE, whole.0, rounding))
            }
            /// This divided into `n` parts; zero if `n` is zero.
            pub fn divided_by(self, n: i64, rounding: Rounding) -> $name {
                $name(div(self.0, i128::from(n), rounding))
            }
        }

        impl Add for $name {
            type Output = $name;
            fn add(self, other: $name) -> $name {
                $name(self.0.saturating_add(other.0))
            }
        }
        impl Sub for $name {
            type Output = $name;
            fn sub(self, other: $name) -> $name {
                $name(self.0.saturating_sub(other.0))
            }
        }
        impl Neg for $name {
            type Output = $name;
            fn neg(self) -> $name {
                $name(self.0.saturating_neg())
            }
        }
        impl Mul<i64> for $name {
            type Output = $name;
            fn mul(self, n: i64) -> $name {
                $name(self.0.saturating_mul(i128::from(n)))
            }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: $name) {
                *self = *self + other;
            }
        }
        impl SubAssign for $name {
            fn sub_assign(&mut self, other: $name) {
                *self = *self - other;
            }
        }
        impl Sum for $name {
            fn sum<I: Iterator<Item = $name>>(iter: I) -> $name {
                iter.fold($name::ZERO, Add::add)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    deserializer.deserialize_any(Text)?.parse().map_err(serde::de::Error::custom)
                } else {
                    i128::deserialize(deserializer).map($name)
                }
            }
        }
        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": concat!("Written as ", $what, ".") })
            }
        }
    };
}

macro_rules! decimal_text {
    ($name:ident, $what:literal) => {
        impl FromStr for $name {
            type Err = ParseAmountError;
            fn from_str(text: &str) -> Result<Self, ParseAmountError> {
                parse_units(text, $what).map($name)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_units(self.0, f)
            }
        }
    };
}

amount!(
    /// A price in USDT per unit of the base currency.
    Price,
    "a price, as a decimal number"
);
amount!(
    /// A quantity of the base currency; signed where a position is meant (a short is negative).
    Qty,
    "a quantity, as a decimal number"
);
amount!(
    /// An amount of money in USDT.
    Usdt,
    "an amount of USDT, as a decimal number"
);
amount!(
    /// A ratio. Written with its unit, `1%` or `5bps`; a bare number is refused, since 0.05 has meant both.
    Rate,
    "a ratio with its unit, like `1%` or `5bps`"
);
decimal_text!(Price, "a price");
decimal_text!(Qty, "a quantity");
decimal_text!(Usdt, "an amount of USDT");

impl Price {
    /// What `qty` costs at this price. Exact while the decimal places of both add up to at most twelve, else
    /// rounded down.
    pub fn notional(self, qty: Qty) -> Usdt {
        Usdt(mul_div(self.0, qty.0, SCALE, Rounding::Down))
    }
}

impl Usdt {
    /// The quantity that this much buys at `price`; zero if `price` is zero.
    pub fn per_price(self, price: Price, rounding: Rounding) -> Qty {
        Qty(mul_div(self.0, SCALE, price.0, rounding))
    }

    /// The average price if this was paid for `qty`; zero if `qty` is zero.
    pub fn per_qty(self, qty: Qty, rounding: Rounding) -> Price {
        Price(mul_div(self.0, SCALE, qty.0, rounding))
    }
}

impl Usdt {
    /// `self × part ÷ whole`, exact before the one rounding; zero if `whole` is zero.
    pub fn share(self, part: Qty, whole: Qty, rounding: Rounding) -> Usdt {
        if let Some(product) = self.0.checked_mul(part.0) {
            return Usdt(div(product, whole.0, rounding));
        }
        // The product does not fit: take whole parts first, and the remainder's share behind them.
        if whole.0 == 0 {
            return Usdt::ZERO;
        }
        let (parts, rest) = (self.0.div_euclid(whole.0), self.0.rem_euclid(whole.0));
        Usdt(parts.saturating_mul(part.0).saturating_add(mul_div_wide(rest, part.0, whole.0, rounding)))
    }
}

/// `a · b / c` for `0 ≤ a < c` and any `b`, bit by bit where the product does not fit.
fn mul_div_wide(a: i128, b: i128, c: i128, rounding: Rounding) -> i128 {
    if let Some(product) = a.checked_mul(b) {
        return div(product, c, rounding);
    }
    let (mut quotient, mut remainder) = (0_i128, 0_i128);
    let magnitude = b.unsigned_abs();
    for bit in (0..128).rev() {
        let step = remainder.saturating_mul(2).saturating_add(if magnitude >> bit & 1 == 1 { a } else { 0 });
        quotient = quotient.saturating_mul(2).saturating_add(step / c);
        remainder = step % c;
    }
    let positive = (b >= 0) == (c >= 0);
    let signed = if positive { quotient } else { -quotient };
    match rounding {
        _ if remainder == 0 => signed,
        Rounding::Down if !positive => signed - 1,
        Rounding::Up if positive => signed + 1,
        Rounding::Down | Rounding::Up => signed,
    }
}

impl Rate {
    /// `n` hundredths.
    pub const fn percent(n: i64) -> Rate {
        Rate::new(n, 2)
    }
    /// `n` hundredths of a hundredth.
    pub const fn bps(n: i64) -> Rate {
        Rate::new(n, 4)
    }
    /// The bare decimal, for files that machines read: `0.0005` for 5bps.
    pub fn decimal(self) -> String {
        Usdt(self.0).to_string()
    }
}

impl FromStr for Rate {
    type Err = ParseAmountError;

    fn from_str(text: &str) -> Result<Rate, ParseAmountError> {
        let (number, parts) = if let Some(number) = text.strip_suffix('%') {
            (number, 100)
        } else if let Some(number) = text.strip_suffix("bps") {
            (number, 10_000)
        } else {
            let why = "it has no unit; write `1%` or `5bps`";
            return Err(ParseAmountError { given: text.chars().take(48).collect(), what: "a ratio", why });
        };
        parse_units(number.trim(), "a ratio").map(|units| Rate(units / parts))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_units(self.0.saturating_mul(100), f)?;
        f.write_str("%")
    }
}

/// Takes a text or an integer, as people write amounts in configuration files.
struct Text;

impl serde::de::Visitor<'_> for Text {
    type Value = String;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number, as a text or a whole number")
    }
    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }
    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }
    fn visit_f64<E>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_read_as_they_are_written() {
        for (given, shown) in [
            ("0.10", "0.1"),
            ("-0.000000000001", "-0.000000000001"),
            ("61800.20", "61800.2"),
            ("1.", "1"),
            (".5", "0.5"),
            ("7.0000000000000000", "7"),
        ] {
            assert_eq!(given.parse::<Price>().map(|p| p.to_string()).as_deref(), Ok(shown), "{given}");
        }
        let padded = |text: &str| text.parse::<Price>().map(|price| format!("{price:.2}")).ok();
        assert_eq!(padded("0.5").as_deref(), Some("0.50"));
        assert_eq!(padded("-7").as_deref(), Some("-7.00"));
        assert_eq!(padded("0.125").as_deref(), Some("0.125"), "nothing is cut off");
        for bad in ["", ".", "-", "1e5", "1,5", "NaN", "+1", "0.0000000000001", "1000000000000001"] {
            assert!(bad.parse::<Price>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rate_needs_its_unit() {
        assert_eq!("1%".parse(), Ok(Rate::percent(1)));
        assert_eq!("5bps".parse(), Ok(Rate::bps(5)));
        assert_eq!("0.5 %".parse(), Ok(Rate::bps(50)));
        assert_eq!(Rate::bps(5).to_string(), "0.05%");
        assert_eq!(Rate::bps(5).decimal(), "0.0005");
        let error = "0.05".parse::<Rate>().expect_err("no unit");
        assert_eq!(error.to_string(), "`0.05` is not a ratio: it has no unit; write `1%` or `5bps`");
    }

    #[test]
    fn products_and_quotients_round_as_asked() {
        let price: Price = "61800.2".parse().expect("price");
        let qty: Qty = "0.003".parse().expect("qty");
        assert_eq!(price.notional(qty), "185.4006".parse().expect("usdt"));
        let third = Usdt::ONE.per_qty(Qty::whole(3), Rounding::Up);
        assert_eq!(third.to_string(), "0.333333333334");
        assert_eq!(Usdt::ONE.per_qty(Qty::whole(3), Rounding::Down).to_string(), "0.333333333333");
        assert_eq!((-Usdt::ONE).per_qty(Qty::whole(3), Rounding::Down).to_string(), "-0.333333333334");
    }

    #[test]
    fn a_share_is_exact_beyond_128_bits() {
        // 10^9 USDT of 10^10 units: the product of the two has 44 digits at this scale.
        let (cost, whole) = (Usdt::whole(1_000_000_000), Qty::whole(10_000_000_000));
        assert_eq!(cost.share(Qty::whole(3_000_000_000), whole, Rounding::Down), Usdt::whole(300_000_000));
        assert_eq!(cost.share(Qty::EPSILON, whole, Rounding::Down), Usdt::ZERO);
        assert_eq!(cost.share(Qty::EPSILON, whole, Rounding::Up), Usdt::EPSILON);
        assert_eq!((cost + Usdt::EPSILON).share(whole, whole, Rounding::Down), cost + Usdt::EPSILON);
        assert_eq!(cost.share(Qty::ONE, Qty::ZERO, Rounding::Up), Usdt::ZERO);
    }

    proptest! {
        #[test]
        fn the_division_in_steps_is_the_plain_one(a: i128, small in -3_i128..4, shift in 0_u32..128) {
            for a in [a >> shift, (a >> shift) / SCALE * SCALE + small] {
                for rounding in [Rounding::Down, Rounding::Up] {
                    prop_assert_eq!(div_by_scale(a, rounding), div(a, SCALE, rounding));
                }
            }
        }

        #[test]
        fn floats_are_the_nearest_ones(units: i128, shift in 0_u32..128) {
            let units = units >> shift;
            prop_assert_eq!(Price(units).to_f64(), units as f64 / SCALE as f64);
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(units in -MAX_WHOLE * SCALE..MAX_WHOLE * SCALE) {
            prop_assert_eq!(Usdt(units).to_string().parse(), Ok(Usdt(units)));
        }

        #[test]
        fn rounding_brackets_the_value(units in any::<i64>(), step in 1_i64..1_000_000_000) {
            let (value, step) = (Qty(i128::from(units)), Qty(i128::from(step)));
            let (down, up) = (value.round_to(step, Rounding::Down), value.round_to(step, Rounding::Up));
            prop_assert!(down <= value && value <= up && up - down <= step);
            prop_assert!(down.is_multiple_of(step) && up.is_multiple_of(step));
        }

        #[test]
        fn what_a_share_leaves_is_the_other_share(
            cost in 0..1_000_000_000_000_000_i128 * SCALE,
            whole in 1..10_000_000_000_i128 * SCALE,
            part in any::<u32>(),
        ) {
            let part = Qty(i128::from(part) * whole / i128::from(u32::MAX));
            let (cost, whole) = (Usdt(cost), Qty(whole));
            let (taken, left) = (cost.share(part, whole, Rounding::Down), cost.share(whole - part, whole, Rounding::Up));
            prop_assert_eq!(taken + left, cost);
            prop_assert!(taken <= cost.share(part, whole, Rounding::Up) && taken >= Usdt::ZERO && taken <= cost);
            prop_assert_eq!((-cost).share(part, whole, Rounding::Up), -taken);
        }

        #[test]
        fn any_text_gives_ok_or_err(text in ".{0,64}") {
            let _ = text.parse::<Price>();
            let _ = text.parse::<Rate>();
        }
    }
}
