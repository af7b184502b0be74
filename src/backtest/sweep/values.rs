//! Which values a setting takes, as a text says it: `5..20:5`, `0.5%..2%:0.5%`, `1m, 5m, 15m`.

use std::fmt;

/// Most values of one setting. A finer grid is a random search.
const MAX_VALUES: i128 = 10_000;
/// Decimal places of a range's numbers at most.
const MAX_PLACES: u32 = 9;
/// Of a range without a step, a random search draws from so many parts.
const PARTS: i128 = 1_000;

/// The values of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// These.
    List(Vec<String>),
    /// From the first to the last in steps.
    Range(Range),
}

/// Numbers of one unit, in units of 10^-places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    from: i128,
    to: i128,
    step: Option<i128>,
    places: u32,
    unit: String,
}

impl Values {
    /// Reads a range `FROM..TO:STEP`, whose step may be missing, or values with commas between them, in brackets or not.
    ///
    /// # Errors
    /// Says what is wrong with the text, and how it is written.
    pub fn parse(text: &str) -> Result<Values, String> {
        let text = text.trim();
        // A text such as a path may have two points in it; a range begins with a number.
        let numeric = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        if let Some((from, rest)) = text.split_once("..").filter(|_| numeric) {
            let (to, step) = rest.split_once(':').map_or((rest, None), |(to, step)| (to, Some(step)));
            return range(from.trim(), to.trim(), step.map(str::trim)).map(Values::Range);
        }
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let values: Vec<String> = inner.split(',').map(|value| value.trim().trim_matches('"').to_owned()).collect();
        if values.iter().any(String::is_empty) {
            return Err(format!(
                "`{text}` has an empty value; write values like `5, 10, 20`, or a range like `5..20:5`"
            ));
        }
        if let Some(twice) = values.iter().enumerate().find(|(at, value)| values[..*at].contains(value)) {
            return Err(format!("`{text}` names {} twice; name it once", twice.1));
        }
        Ok(Values::List(values))
    }

    /// Every value. A range needs its step, unless it is of whole numbers, or `random` says that some of its thousand
    /// parts will do.
    ///
    /// # Errors
    /// If a step is missing, or there are too many values.
    pub fn list(&self, random: bool) -> Result<Vec<String>, String> {
        match self {
            Values::List(values) => Ok(values.clone()),
            Values::Range(range) => range.list(random),
        }
    }
}

fn range(from: &str, to: &str, step: Option<&str>) -> Result<Range, String> {
    let numbers: Vec<Number> =
        [Some(from), Some(to), step].into_iter().flatten().map(Number::parse).collect::<Result<_, _>>()?;
    let (first, last) = (&numbers[0], &numbers[1]);
    // The unit of a range may be written once, at its end.
    let unit = last.unit.clone();
    if let Some(other) = numbers.iter().find(|one| one.unit != unit && !one.unit.is_empty()) {
        return Err(format!("`{from}..{to}` has values in `{unit}` and in `{}`; use one unit", other.unit));
    }
    let places = numbers.iter().map(|one| one.places).max().unwrap_or_default();
    let scaled = |one: &Number| one.units * 10_i128.pow(places - one.places);
    let (from, to, step) = (scaled(first), scaled(last), numbers.get(2).map(scaled));
    if from > to {
        return Err("the range ends before it begins; write the lesser value first".to_owned());
    }
    if step.is_some_and(|step| step <= 0) {
        return Err("the step has to be above zero".to_owned());
    }
    Ok(Range { from, to, step, places, unit })
}

impl Range {
    fn list(&self, random: bool) -> Result<Vec<String>, String> {
        let whole = 10_i128.pow(self.places);
        let (scale, step) = match self.step {
            Some(step) => (1, step),
            None if self.places == 0 && (!random || self.to - self.from <= PARTS) => (1, whole),
            None if random && self.from < self.to => (PARTS, self.to - self.from),
            None if self.from == self.to => (1, 1),
            None => return Err(format!("the range {self} has no step; write {self}:STEP, or draw at random")),
        };
        let (from, to) = (self.from * scale, self.to * scale);
        let count = (to - from) / step + 1;
        if count > MAX_VALUES {
            return Err(format!(
                "the range {self} has {count} values; {MAX_VALUES} are the most, so take larger steps"
            ));
        }
        let places = if scale == 1 { self.places } else { self.places + 3 };
        Ok((0..count).map(|at| format!("{}{}", decimal(from + at * step, places), self.unit)).collect())
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { from, to, unit, places, .. } = self;
        write!(f, "{}{unit}..{}{unit}", decimal(*from, *places), decimal(*to, *places))
    }
}

/// A number in units of 10^-places, without zeros at the end of its fraction.
fn decimal(units: i128, places: u32) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let scale = 10_u128.pow(places);
    let (whole, fraction) = (units.unsigned_abs() / scale, units.unsigned_abs() % scale);
    let fraction = format!("{fraction:0width$}", width = places as usize);
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

struct Number {
    units: i128,
    places: u32,
    unit: String,
}

impl Number {
    fn parse(text: &str) -> Result<Number, String> {
        let wrong =
            || format!("`{text}` is not a number; write a range like `5..20:5`, `0.5%..2%:0.5%` or `5m..15m:5m`");
        let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let (negative, number) = number.strip_prefix('-').map_or((false, number), |number| (true, number));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let places = fraction.len() as u32;
        let digits = format!("{whole}{fraction}");
        if whole.is_empty() || places > MAX_PLACES || digits.len() > 18 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let units: i128 = digits.parse().map_err(|_| wrong())?;
        Ok(Number { units: if negative { -units } else { units }, places, unit: unit.trim().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_listed_exactly() {
        for (text, random, expect) in [
            ("5..20:5", false, "5 10 15 20"),
            ("5..19:5", false, "5 10 15"),
            ("3..6", false, "3 4 5 6"),
            ("0.1..0.3:0.1", false, "0.1 0.2 0.3"),
            ("0.5%..2%:0.5%", false, "0.5% 1% 1.5% 2%"),
            ("0.5..2%:0.5", false, "0.5% 1% 1.5% 2%"),
            ("-1..1:0.5", false, "-1 -0.5 0 0.5 1"),
            ("5m..15m:5m", false, "5m 10m 15m"),
            ("7..7", false, "7"),
            ("1m, 5m ,15m", false, "1m 5m 15m"),
            ("file:../a,file:../b", false, "file:../a file:../b"),
            ("[true, false]", false, "true false"),
            (r#"["a", "b"]"#, false, "a b"),
            ("2bps..4bps:1bps", true, "2bps 3bps 4bps"),
            ("3..6", true, "3 4 5 6"),
        ] {
            let values = Values::parse(text).expect(text).list(random).expect(text);
            assert_eq!(values.join(" "), expect, "{text}");
        }
        let drawn = Values::parse("0.5..1.5").unwrap().list(true).unwrap();
        assert_eq!((drawn.len(), drawn[1].as_str(), drawn[1_000].as_str()), (1_001, "0.501", "1.5"));
    }

    #[test]
    fn what_is_no_range_is_explained() {
        for (text, expect) in [
            ("20..5:1", "lesser value first"),
            ("5..20:0", "above zero"),
            ("1..b", "is not a number"),
            ("5..", "is not a number"),
            ("5m..20s:1m", "use one unit"),
            ("1,,2", "empty value"),
            ("", "empty value"),
            ("1,1", "names 1 twice"),
        ] {
            let error = Values::parse(text).expect_err(text);
            assert!(error.contains(expect), "{text}: {error}");
        }
        let fine = Values::parse("0..1:0.000001").unwrap().list(false).expect_err("a million");
        assert!(fine.contains("1000001 values"), "{fine}");
        let stepless = Values::parse("0.5..2").unwrap().list(false).expect_err("no step");
        assert!(stepless.contains("0.5..2 has no step"), "{stepless}");
    }
}
