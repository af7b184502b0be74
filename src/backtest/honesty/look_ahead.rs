//! Does a decision change when the future is cut off? A stretch of the data is run whole, and again with everything after one
//! of its decisions taken away. What was decided up to there must be the same to the last digit: signals, orders, stops.

use std::collections::BTreeSet;

use super::super::decision::Decision;
use super::super::run::{BacktestError, Outcome, Plan, journal};
use super::{Comparison, Finding, desk, instants};
use crate::feed::Feed;
use crate::feed::excerpt::Excerpt;
use crate::market::Market;
use crate::types::{Span, Timeframe, Timestamp};

/// Stretches that are looked at, if they are short.
const MOST_STRETCHES: usize = 16;
/// Cuts of each stretch: after its last decisions but for one, which is where nothing may have been decided.
const CUTS: usize = 4;
/// Records and bars of history that all runs together may take: less than a second.
const BUDGET: usize = 600_000;
/// Closes of the slowest strategy before the instant of interest, so that what it decides there is seen being decided.
const CLOSES_BEFORE: i64 = 4;
/// Closes after it: the future that a strategy may have looked at.
const CLOSES_AFTER: i64 = 8;

pub(super) fn examine(
    feed: &mut dyn Feed,
    plan: &dyn Fn(Box<dyn Feed>) -> Plan,
    outcome: &Outcome,
) -> Result<Comparison, BacktestError> {
    let bare = plan(Box::new(Excerpt::nothing(feed)));
    let desk = desk(&bare);
    let market = Market::new(feed.instruments(), feed.shape(), &desk.needs(), bare.rooms.market);
    let slowest = desk.each_alone().iter().map(|alone| alone.timeframe).max();
    let close = slowest.unwrap_or(Timeframe::M1).span();
    let symbols = feed.instruments().len();
    let past: usize = desk.needs().iter().map(|need| need.bars as usize).sum::<usize>() * symbols;
    let span = outcome.ended_at - outcome.started_at;
    let minutes = ((close * (CLOSES_BEFORE + CLOSES_AFTER)).as_secs() / Span::MINUTE.as_secs()).max(1);
    let density = outcome.records as i64 * Span::MINUTE.as_secs() / span.as_secs().max(1);
    let stretch = usize::try_from(density.max(1) * minutes).unwrap_or(BUDGET).min(BUDGET / (CUTS + 1));
    let stretches = (BUDGET / ((CUTS + 1) * (stretch + past))).clamp(1, MOST_STRETCHES);
    let mut found = Comparison::default();
    for (at, _) in instants(outcome, symbols, stretches) {
        let start = (at - close * CLOSES_BEFORE).floor(Span::MINUTE).max(outcome.started_at);
        let excerpt = Excerpt::take(feed, start, stretch, &market.history_plan(start))?;
        look_at(&excerpt, plan, &mut found)?;
    }
    Ok(found)
}

/// Runs a stretch whole and cut off.
fn look_at(
    excerpt: &Excerpt,
    plan: &dyn Fn(Box<dyn Feed>) -> Plan,
    found: &mut Comparison,
) -> Result<(), BacktestError> {
    let whole = decisions(plan(Box::new(excerpt.cut(excerpt.ends_at()))))?;
    for at in cuts(excerpt, &whole) {
        // What follows between two records, such as the stop after a fill, is seen only once the next record comes.
        let blind = excerpt.cut(at);
        let until = blind.ends_at();
        let blind = decisions(plan(Box::new(blind)))?;
        let known: Vec<&Decision> = whole.iter().filter(|decision| decision.at <= until).collect();
        found.samples += 1;
        found.decisions += known.len().max(blind.len()) as u64;
        if let Some(finding) = first_difference(excerpt, &known, &blind) {
            found.found(finding);
        }
    }
    Ok(())
}

fn decisions(plan: Plan) -> Result<Vec<Decision>, BacktestError> {
    Ok(journal(plan)?.iter().filter_map(Decision::of).collect())
}

/// Where a stretch is cut off: after decisions, spread over them, and at an instant in the middle.
fn cuts(excerpt: &Excerpt, whole: &[Decision]) -> Vec<Timestamp> {
    let decided: Vec<Timestamp> = {
        let all: BTreeSet<Timestamp> = whole.iter().map(|decision| decision.at).collect();
        all.into_iter().collect()
    };
    let wanted = (CUTS - 1).min(decided.len());
    let middle = excerpt.clone().start_at() + Span::nanos((excerpt.ends_at() - excerpt.start_at()).as_nanos() / 2);
    let spread = (0..wanted).map(|n| decided[(n + 1) * decided.len() / (wanted + 1).max(1)].min(excerpt.ends_at()));
    let all: BTreeSet<Timestamp> = spread.chain([middle]).collect();
    all.into_iter().collect()
}

/// The first decision that the two do not share. Later ones follow from it.
fn first_difference(excerpt: &Excerpt, with: &[&Decision], without: &[Decision]) -> Option<Finding> {
    let place = (0..with.len().max(without.len())).find(|place| with.get(*place).copied() != without.get(*place))?;
    let (known, blind) = (with.get(place).copied(), without.get(place));
    // Of two that differ the earlier is the one that changed; the other run has nothing in its place.
    let earlier = match (known, blind) {
        (Some(known), Some(blind)) if blind.at < known.at => blind,
        (Some(known), _) => known,
        (None, blind) => blind?,
    };
    let said = |one: Option<&Decision>| {
        let here = one.filter(|one| one.at == earlier.at && one.instrument == earlier.instrument);
        here.map_or_else(|| "nothing".to_owned(), |one| one.what.clone())
    };
    Some(Finding {
        strategy: earlier.strategy.clone(),
        symbol: excerpt.instruments().symbol(earlier.instrument).clone(),
        at: earlier.at.to_string(),
        with: said(known),
        without: said(blind),
    })
}
