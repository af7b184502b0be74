//! Does a strategy say the same after the warm-up that it declares as after a longer one? Each is begun at sampled instants
//! with its declared history, and with several times as much, and hears the same bars from then on: holding nothing, a long
//! and a short. Entering, leaving and the side must agree, and the exits must lie as far away.

use super::super::run::{BacktestError, Outcome, Plan};
use super::{Comparison, Finding, desk, instants};
use crate::feed::excerpt::Excerpt;
use crate::feed::{Feed, FeedError, MAX_HISTORY_BARS};
use crate::market::{ClosedBar, Market, Need};
use crate::protocol::{MarketData, MarketEvent};
use crate::strategy::{Alone, Desk, Proposal};
use crate::types::{InstrumentId, Price, Rate, Rounding, Side, Span, Timestamp};

/// Instants at which every strategy is begun.
const MOST_STARTS: usize = 32;
/// The longer history, in declared ones: what an average began with weighs nothing after it.
const LONGER: u32 = 6;
/// Closes that are heard after a start. Later ones have seen more than was declared.
const CLOSES: i64 = 12;
/// A start lies so many closes before the instant of interest, so that what was decided there is among them.
const CLOSES_BEFORE: i64 = 4;
/// An exit may be nearer or farther by this share of its distance. Averages that forget slowly, as Wilder's, still carry
/// a twentieth of what they began with after four periods.
const TOLERANCE: Rate = Rate::percent(10);

pub(super) fn examine(
    feed: &mut dyn Feed,
    plan: &dyn Fn(Box<dyn Feed>) -> Plan,
    outcome: &Outcome,
) -> Result<Comparison, BacktestError> {
    let bare = plan(Box::new(Excerpt::nothing(feed)));
    let strategies = desk(&bare).each_alone();
    let mut found = Comparison::default();
    for (at, instrument) in instants(outcome, feed.instruments().len(), MOST_STARTS) {
        for strategy in &strategies {
            let open = strategy.timeframe.open_of(at);
            let start = open - strategy.timeframe.span() * CLOSES_BEFORE;
            let begin = |feed: &mut dyn Feed, times| Sitting::begin(feed, strategy, instrument, start, times, &bare);
            let (Some(declared), Some(longer)) = (begin(feed, 1)?, begin(feed, LONGER)?) else { continue };
            // Where the data begins there is no longer past to compare with.
            if longer.heard < declared.heard * 2 {
                continue;
            }
            found.samples += 1;
            let (declared, longer) = (declared.listen(feed, strategy)?, longer.listen(feed, strategy)?);
            compare(feed, strategy, instrument, &longer, &declared, &mut found);
        }
    }
    Ok(found)
}

/// What is held while a strategy is asked.
const STANCES: [(Option<Side>, &str); 3] =
    [(None, "holding nothing"), (Some(Side::Buy), "holding a long"), (Some(Side::Sell), "holding a short")];

/// A strategy that has heard a history, once for every stance.
struct Sitting {
    market: Market,
    desks: [Desk; STANCES.len()],
    instrument: InstrumentId,
    start: Timestamp,
    /// Bars of its own timeframe that were heard.
    heard: u32,
}

/// What was said at the close of a bar in one stance.
struct Said {
    at: Timestamp,
    stance: &'static str,
    word: Option<Word>,
}

/// What a strategy would do.
#[derive(Debug, PartialEq)]
enum Word {
    Enter { side: Side, stop: Rate, take_profit: Option<Rate>, refused: Option<&'static str> },
    Leave,
}

impl Sitting {
    /// A strategy after `times` its declared history before `start`; none if the data holds less than it declares.
    fn begin(
        feed: &mut dyn Feed,
        strategy: &Alone,
        instrument: InstrumentId,
        start: Timestamp,
        times: u32,
        plan: &Plan,
    ) -> Result<Option<Sitting>, FeedError> {
        let declared = strategy.desk.needs();
        // The regime's history stays what it is: what it says is not the strategy's to answer for.
        let own = |need: &Need| if need.timeframe == strategy.timeframe { times } else { 1 };
        let most = MAX_HISTORY_BARS as u32;
        let wanted = declared.iter().map(|need| Need { bars: (need.bars * own(need)).min(most), ..*need });
        let wanted: Vec<Need> = wanted.collect();
        let mut market = Market::new(feed.instruments(), feed.shape(), &wanted, plan.rooms.market.clone());
        let (mut desk, mut heard) = (strategy.desk.clone(), 0);
        let mut hear = |closed: &[ClosedBar]| {
            for bar in closed {
                heard += u32::from(bar.timeframe == strategy.timeframe);
                desk.on_bar(instrument, bar.timeframe, &bar.bar, false, None);
            }
        };
        for need in market.history_plan(start) {
            let bars = feed.history(instrument, need.timeframe, need.bars as usize, start)?;
            let data = MarketData::History { timeframe: need.timeframe, bars };
            hear(&market.absorb(start, &MarketEvent { instrument, data }).closed);
        }
        hear(&market.mark_history_complete(start, instrument).closed);
        let own = declared.iter().find(|need| need.timeframe == strategy.timeframe);
        let enough = own.is_none_or(|need| heard >= need.bars);
        let desks = std::array::from_fn(|_| desk.clone());
        Ok(enough.then_some(Sitting { market, desks, instrument, start, heard }))
    }

    /// Hears the bars after the start, and notes what is said at each close of the strategy's own.
    fn listen(mut self, feed: &mut dyn Feed, strategy: &Alone) -> Result<Vec<Said>, FeedError> {
        let end = self.start + strategy.timeframe.span() * CLOSES;
        let mut said = Vec::new();
        for bar in feed.backfill(self.instrument, self.start, end)? {
            let at = bar.open_time + Span::MINUTE;
            let event = MarketEvent { instrument: self.instrument, data: MarketData::Bar(bar) };
            for closed in self.market.absorb(at, &event).closed {
                for (desk, (side, stance)) in self.desks.iter_mut().zip(STANCES) {
                    let held = side.map(|side| (strategy.name, side));
                    let proposals = desk.on_bar(self.instrument, closed.timeframe, &closed.bar, closed.live, held);
                    if closed.timeframe == strategy.timeframe {
                        said.push(Said { at, stance, word: proposals.first().map(Word::of) });
                    }
                }
            }
        }
        Ok(said)
    }
}

fn compare(
    feed: &dyn Feed,
    strategy: &Alone,
    instrument: InstrumentId,
    longer: &[Said],
    declared: &[Said],
    found: &mut Comparison,
) {
    for (with, without) in longer.iter().zip(declared) {
        if with.word.is_none() && without.word.is_none() {
            continue;
        }
        found.decisions += 1;
        let agree = match (&with.word, &without.word) {
            (Some(with), Some(without)) => with.agrees(without),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !agree {
            found.found(Finding {
                strategy: strategy.name.to_owned(),
                symbol: feed.instruments().symbol(instrument).clone(),
                at: with.at.to_string(),
                with: in_words(with),
                without: in_words(without),
            });
        }
    }
}

impl Word {
    fn of(proposal: &Proposal) -> Word {
        let (draft, refused) = match proposal {
            Proposal::Leave { .. } => return Word::Leave,
            Proposal::Enter(Ok(signal)) => (signal.draft(), None),
            Proposal::Enter(Err(refused)) => (&refused.draft, Some(refused.refusal.as_str())),
        };
        let away = |price: Price| (price - draft.entry).abs().ratio_of(draft.entry, Rounding::Down);
        let (stop, take_profit) = (away(draft.stop), draft.take_profit.map(away));
        Word::Enter { side: draft.side, stop, take_profit, refused }
    }

    fn agrees(&self, other: &Word) -> bool {
        match (self, other) {
            (Word::Leave, Word::Leave) => true,
            (
                Word::Enter { side, stop, take_profit, refused },
                Word::Enter { side: their_side, stop: their_stop, take_profit: their_profit, refused: their_refused },
            ) => {
                let profits = match (take_profit, their_profit) {
                    (Some(one), Some(other)) => near(*one, *other),
                    (one, other) => one == other,
                };
                side == their_side && refused == their_refused && near(*stop, *their_stop) && profits
            }
            (Word::Leave, Word::Enter { .. }) | (Word::Enter { .. }, Word::Leave) => false,
        }
    }
}

fn near(one: Rate, other: Rate) -> bool {
    (one - other).abs() <= one.max(other).times(TOLERANCE, Rounding::Up)
}

fn in_words(said: &Said) -> String {
    let word = match &said.word {
        None => "nothing".to_owned(),
        Some(Word::Leave) => "leave".to_owned(),
        Some(Word::Enter { side, stop, take_profit, refused }) => {
            let short = |rate: Rate| rate.round_to(Rate::bps(1), Rounding::Up);
            let target = take_profit.map_or_else(String::new, |rate| format!(", take profit {} away", short(rate)));
            let refused = refused.map_or_else(String::new, |why| format!(" ({why})"));
            format!("enter {}, stop {} away{target}{refused}", side.position_str(), short(*stop))
        }
    };
    format!("{}: {word}", said.stance)
}
