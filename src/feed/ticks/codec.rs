//! Columns of whole numbers as bytes. What is alike in all numbers of a column is written once: what they (or the steps from one
//! to the next, whichever takes less) have in common as a power of ten and as a least value. The rest has a fixed width,
//! so that reading a number is a load, a product and a sum.

/// Powers of ten that numbers are tried for: a tick of ten in units of 10⁻⁸, and milliseconds in nanoseconds.
const POWERS: [i64; 10] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
/// Form, power, width, nothing; count; first; least.
const HEAD_BYTES: usize = 4 + 4 + 8 + 8;
/// The numbers themselves are written.
const PLAIN: u8 = 0;
/// The first is written, and the step to each of the others.
const STEPS: u8 = 1;

/// Most bytes that a column of so many numbers takes.
pub(super) const fn most_bytes(count: usize) -> usize {
    HEAD_BYTES + 8 * count
}

/// How numbers are written.
#[derive(Debug, Clone, Copy)]
struct Scheme {
    /// All are multiples of ten to this power.
    power: u8,
    /// Bytes of each.
    width: u8,
    /// What is subtracted, after the power was taken out.
    least: i64,
}

impl Scheme {
    fn of(numbers: impl Iterator<Item = i64>) -> Scheme {
        let (mut power, mut least, mut most) = (POWERS.len() - 1, i64::MAX, i64::MIN);
        for number in numbers {
            while number % POWERS[power] != 0 {
                power -= 1;
            }
            (least, most) = (least.min(number), most.max(number));
        }
        if least > most {
            return Scheme { power: 0, width: 0, least: 0 };
        }
        let (least, most) = (least / POWERS[power], most / POWERS[power]);
        let width = match most.wrapping_sub(least) as u64 {
            0 => 0,
            1..=0xff => 1,
            0x100..=0xffff => 2,
            0x1_0000..=0xffff_ffff => 4,
            _ => 8,
        };
        Scheme { power: power as u8, width, least }
    }

    fn write(&self, numbers: impl Iterator<Item = i64>, to: &mut Vec<u8>) {
        let scale = POWERS[usize::from(self.power)];
        let rests = numbers.map(|number| (number / scale).wrapping_sub(self.least).to_le_bytes());
        match self.width {
            0 => {}
            1 => to.extend(rests.map(|rest| rest[0])),
            2 => rests.for_each(|rest| to.extend_from_slice(&rest[..2])),
            4 => rests.for_each(|rest| to.extend_from_slice(&rest[..4])),
            _ => rests.for_each(|rest| to.extend_from_slice(&rest)),
        }
    }
}

fn steps(numbers: &[i64]) -> impl Iterator<Item = i64> {
    numbers.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]))
}

/// Appends a column of at most `u32::MAX` numbers.
pub(super) fn write(numbers: &[i64], to: &mut Vec<u8>) {
    let (plain, stepwise) = (Scheme::of(numbers.iter().copied()), Scheme::of(steps(numbers)));
    let (form, scheme) = if stepwise.width < plain.width { (STEPS, stepwise) } else { (PLAIN, plain) };
    to.extend([form, scheme.power, scheme.width, 0]);
    to.extend((numbers.len() as u32).to_le_bytes());
    to.extend(numbers.first().copied().unwrap_or_default().to_le_bytes());
    to.extend(scheme.least.to_le_bytes());
    if form == STEPS { scheme.write(steps(numbers), to) } else { scheme.write(numbers.iter().copied(), to) }
}

/// Takes a column of at most `most` numbers off the front of `bytes`; none if there is none, and then `into` may hold anything.
pub(super) fn read(bytes: &mut &[u8], most: usize, into: &mut Vec<i64>) -> Option<()> {
    into.clear();
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let &[form, power, width, 0, ref words @ ..] = head else { return None };
    let (count, words) = words.split_first_chunk::<4>()?;
    let (first, least) = words.split_first_chunk::<8>()?;
    let count = u32::from_le_bytes(*count) as usize;
    let (first, least) = (i64::from_le_bytes(*first), i64::from_le_bytes(least.try_into().ok()?));
    let scale = *POWERS.get(usize::from(power))?;
    if count > most || form > STEPS || !matches!(width, 0 | 1 | 2 | 4 | 8) {
        return None;
    }
    let written = if form == STEPS { count.saturating_sub(1) } else { count };
    let (numbers, rest) = rest.split_at_checked(written * usize::from(width))?;
    *bytes = rest;
    let take = Taking { first: (form == STEPS && count > 0).then_some(first), least, scale };
    match width {
        0 => take.all(std::iter::repeat_n(0, written), into),
        1 => take.all(numbers.iter().map(|byte| i64::from(*byte)), into),
        2 => take.all(numbers.as_chunks().0.iter().map(|bytes| i64::from(u16::from_le_bytes(*bytes))), into),
        4 => take.all(numbers.as_chunks().0.iter().map(|bytes| i64::from(u32::from_le_bytes(*bytes))), into),
        _ => take.all(numbers.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)), into),
    }
    Some(())
}

/// How numbers are read.
struct Taking {
    /// Where the steps begin, if they are steps.
    first: Option<i64>,
    least: i64,
    scale: i64,
}

impl Taking {
    fn all(&self, rests: impl Iterator<Item = i64>, into: &mut Vec<i64>) {
        let numbers = rests.map(|rest| self.least.wrapping_add(rest).wrapping_mul(self.scale));
        match self.first {
            None => into.extend(numbers),
            Some(first) => {
                let mut at = first;
                into.push(at);
                into.extend(numbers.map(|step| {
                    at = at.wrapping_add(step);
                    at
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(numbers: &[i64]) -> usize {
        let mut bytes = Vec::new();
        write(numbers, &mut bytes);
        let (mut rest, mut read_back) = (bytes.as_slice(), vec![7]);
        assert_eq!(read(&mut rest, numbers.len(), &mut read_back), Some(()));
        assert_eq!((read_back.as_slice(), rest), (numbers, &[][..]));
        assert!(bytes.len() <= most_bytes(numbers.len()));
        bytes.len() - HEAD_BYTES
    }

    #[test]
    fn what_numbers_have_in_common_takes_no_room() {
        let minute = 1_727_740_800_000_000_000;
        let tick = 10_000_000;
        for (numbers, bytes) in [
            (vec![], 0),
            (vec![i64::MIN], 0),
            (vec![5; 9], 0),
            ((0..9).map(|at| 1_000 + at).collect::<Vec<i64>>(), 0),
            ((0..9).map(|at| minute + at * at % 7 * 1_000_000).collect(), 9),
            ((0..9).map(|at| minute + at * 200_000_000 + at * at % 7 * 1_000_000).collect(), 8),
            ((0..9).map(|at| 600_000 * tick + at % 3 * tick).collect(), 9),
            ((0..9).map(|at| 600_000 * tick + at * 1_000 * tick + at % 3 * tick).collect(), 8),
            (vec![0, 70_000, 3], 12),
            (vec![i64::MIN, i64::MAX, -1, 0, 1], 40),
        ] {
            assert_eq!(there_and_back(&numbers), bytes, "{numbers:?}");
        }
    }

    proptest! {
        #[test]
        fn any_numbers_come_back(
            numbers in prop::collection::vec(any::<i64>(), 0..40),
            shift in 0_u32..64,
            scale in prop::sample::select(POWERS.to_vec()),
        ) {
            there_and_back(&numbers);
            there_and_back(&numbers.iter().map(|number| (number >> shift).wrapping_mul(scale)).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_a_column_or_none(bytes in prop::collection::vec(any::<u8>(), 0..80), width in 0_u8..9) {
            let mut into = Vec::new();
            let _ = read(&mut bytes.as_slice(), 40, &mut into);
            let mut head = vec![1, 3, width, 0, 5, 0, 0, 0];
            head.extend(&bytes);
            let _ = read(&mut head.as_slice(), 40, &mut into);
            prop_assert!(into.len() <= 40);
        }
    }
}
