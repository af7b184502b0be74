use proptest::prelude::*;

use super::*;

#[test]
fn relative_strength_of_one_sided_and_of_no_movement() {
    let last = |closes: &[f64]| {
        let mut rsi = Rsi::new(3);
        closes.iter().map(|close| rsi.update(*close)).last().flatten()
    };
    for (closes, expect) in [
        (&[1.0, 2.0, 3.0, 4.0][..], Some(100.0)),
        (&[4.0, 3.0, 2.0, 1.0], Some(0.0)),
        (&[5.0, 5.0, 5.0, 5.0], Some(50.0)),
        (&[1.0, 2.0, 3.0], None),
    ] {
        assert_eq!(last(closes), expect, "{closes:?}");
    }
}

#[test]
fn nothing_is_said_before_there_is_enough() {
    let bars: Vec<f64> = (1..=60).map(|n| 100.0 + f64::from(n * n % 17)).collect();
    let first = |mut update: Box<dyn FnMut(f64) -> bool>| bars.iter().position(|x| update(*x)).map(|at| at + 1);
    let (mut ema, mut sma, mut deviation, mut rsi) = (Ema::new(10), Sma::new(10), StdDev::new(10), Rsi::new(10));
    let (mut atr, mut adx, mut macd) = (Atr::new(10), Adx::new(10), Macd::new(5, 10, 4));
    let (mut donchian, mut rank, mut vwap) = (Donchian::new(10), Percentile::new(10), Vwap::new(10));
    for (name, bars, update) in [
        ("ema", 10, Box::new(move |x| ema.update(x).is_some()) as Box<dyn FnMut(f64) -> bool>),
        ("sma", 10, Box::new(move |x| sma.update(x).is_some())),
        ("deviation", 10, Box::new(move |x| deviation.update(x).is_some())),
        ("rsi", 11, Box::new(move |x| rsi.update(x).is_some())),
        ("atr", 11, Box::new(move |x| atr.update(x + 1.0, x - 1.0, x).is_some())),
        ("adx", 20, Box::new(move |x| adx.update(x + 1.0, x - 1.0, x).is_some())),
        ("macd", 13, Box::new(move |x| macd.update(x).is_some())),
        ("donchian", 10, Box::new(move |x| donchian.update(x + 1.0, x - 1.0).is_some())),
        ("percentile", 10, Box::new(move |x| rank.update(x).is_some())),
        ("vwap", 10, Box::new(move |x| vwap.update(x + 1.0, x - 1.0, x, 1.0).is_some())),
    ] {
        assert_eq!(first(update), Some(bars), "{name}");
    }
}

#[test]
fn a_large_value_leaves_nothing_behind_when_it_falls_out() {
    let (mut sma, mut vwap) = (Sma::new(3), Vwap::new(3));
    for value in [1e15, 0.1, 0.2] {
        sma.update(value);
        vwap.update(1.0, 1.0, 1.0, value);
    }
    assert_eq!(sma.update(0.3), Some((0.3 + (0.1 + 0.2)) / 3.0));
    for _ in 0..2 {
        assert!(vwap.update(1.0, 1.0, 1.0, 0.0).is_some());
    }
    assert_eq!(vwap.update(1.0, 1.0, 1.0, 0.0), None, "nothing was traded");
}

#[test]
fn the_rank_is_half_for_equals() {
    let mut rank = Percentile::new(3);
    let ranks: Vec<_> = [1.0, 2.0, 3.0, 2.0, 2.0, 2.0, 1.0].into_iter().map(|x| rank.update(x)).collect();
    assert_eq!(ranks, [None, None, Some(1.0), Some(0.25), Some(0.25), Some(0.5), Some(0.0)]);
}

#[test]
fn the_index_of_direction_stands_still_without_movement() {
    let mut adx = Adx::new(3);
    let mut price = 100.0;
    for _ in 0..6 {
        price += 1.0;
        adx.update(price + 0.5, price - 0.5, price);
    }
    let before = adx.value();
    assert_eq!(before, Some(100.0), "all movement went one way");
    // The running sums of movement only fade, so the last direction stays in them.
    assert_eq!(adx.update(price + 0.5, price - 0.5, price), before);
    let mut still = Adx::new(3);
    let said: Vec<f64> = (0..12).filter_map(|_| still.update(5.0, 5.0, 5.0)).collect();
    assert_eq!(said, [0.0; 7]);
}

proptest! {
    /// The fast ways against the plain ones, with n around and beyond the number of values.
    #[test]
    fn incremental_equals_plain(values in prop::collection::vec(1.0..2.0e5_f64, 1..80), n in 1_usize..30) {
        let (mut sma, mut deviation, mut donchian) = (Sma::new(n), StdDev::new(n), Donchian::new(n));
        for (at, value) in values.iter().enumerate() {
            let (mean, spread) = (sma.update(*value), deviation.update(*value));
            let channel = donchian.update(*value, -value);
            if at + 1 < n {
                prop_assert!(mean.is_none() && spread.is_none() && channel.is_none());
                continue;
            }
            let window = &values[at + 1 - n..=at];
            let plain = window.iter().sum::<f64>() / n as f64;
            let squares = window.iter().map(|x| (x - plain).powi(2)).sum::<f64>() / n as f64;
            prop_assert!((mean.unwrap() - plain).abs() <= 1e-12 * plain);
            prop_assert!((spread.unwrap() - squares.sqrt()).abs() <= 1e-6 + 1e-9 * squares.sqrt());
            let top = window.iter().copied().fold(f64::MIN, f64::max);
            prop_assert_eq!(channel, Some(Channel { upper: top, lower: -top }));
        }
    }

    /// Written down at any bar and read back, every indicator goes on as if nothing had happened.
    #[test]
    fn a_saved_indicator_goes_on(values in prop::collection::vec(1.0..2.0e5_f64, 2..60), cut in 0_usize..60) {
        let mut all = (
            (Ema::new(5), Sma::new(5), Bollinger::new(5, 2.0), Macd::new(3, 5, 2)),
            (Rsi::new(5), Atr::new(5), Adx::new(5), Donchian::new(5)),
            (Percentile::new(5), Vwap::new(5)),
        );
        let mut saved = None;
        for (at, x) in values.iter().copied().enumerate() {
            if at == cut % values.len() {
                let bytes = postcard::to_allocvec(&all).unwrap();
                saved = Some(all.clone());
                let read = postcard::from_bytes(&bytes).unwrap();
                prop_assert_eq!(saved.as_ref(), Some(&read));
                saved = Some(read);
            }
            for one in [Some(&mut all), saved.as_mut()].into_iter().flatten() {
                let ((ema, sma, bands, macd), (rsi, atr, adx, donchian), (rank, vwap)) = one;
                let (high, low) = (x * 1.01, x * 0.99);
                let _ = (ema.update(x), sma.update(x), bands.update(x), macd.update(x), rsi.update(x));
                let _ = (atr.update(high, low, x), adx.update(high, low, x), donchian.update(high, low));
                let _ = (rank.update(x), vwap.update(high, low, x, x));
            }
        }
        prop_assert_eq!(Some(all), saved);
    }
}
