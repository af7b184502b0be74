//! Money that moved other than by trades: funding, transfers, and whatever else the venue books. The stream tells that
//! something moved and not for which instrument, so the venue's list of movements is read, each movement once.

use std::collections::{BTreeSet, VecDeque};

use xxhash_rust::xxh3::xxh3_64;

use super::super::read::account::{Balance, Income};
use super::super::rest::Failure;
use super::super::rest::calls::account::{self, MAX_INCOMES};
use super::super::rest::calls::market::{Page, funding_rates};
use super::super::words::IncomeType;
use super::desk::{Desk, lock};
use super::hearing::ASSET;
use crate::protocol::{AccountReport, Event, FundingPayment, VenueReport};
use crate::types::{InstrumentId, Rate, Span, Timestamp};

/// The list is read from this long before the last movement that is known: it may be late, and not in order.
const OVERLAP: Span = Span::mins(10);
/// Movements remembered. At a funding an hour, a hundred instruments take two days to fill it.
const KEPT: usize = 4_096;
/// The rate of a funding is looked up in the list of settled fundings, this close to its booking.
const SETTLED_WITHIN: Span = Span::mins(5);

/// The movements that were told.
#[derive(Debug, Default)]
pub(super) struct Movements {
    /// From when on movements are ours to tell. None until the loop has said how far back its books reach.
    since: Option<Timestamp>,
    told: BTreeSet<(IncomeType, u64)>,
    order: VecDeque<(IncomeType, u64)>,
}

impl Movements {
    /// The books reach to this instant. What is earlier than the first that was said is in them.
    pub(super) fn since(&mut self, since: Timestamp) {
        self.since.get_or_insert(since);
    }

    fn was_told(&self, key: (IncomeType, u64)) -> bool {
        self.told.contains(&key)
    }

    fn note(&mut self, key: (IncomeType, u64)) {
        if self.told.insert(key) {
            self.order.push_back(key);
        }
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.told.remove(&oldest);
        }
    }

    fn advance(&mut self, to: Timestamp) {
        self.since = self.since.map(|since| since.max(to - OVERLAP));
    }
}

impl Desk {
    /// Tells the balance, and before it what has moved, so that the two agree.
    pub(super) async fn tell_balance(&self) {
        let told = match self.tell_movements().await {
            Ok(()) => self.balance().await,
            Err(failure) => Err(failure),
        };
        self.poll("balance", told);
    }

    async fn balance(&self) -> Result<AccountReport, Failure> {
        let balances: Vec<Balance> = self.rest.call(account::balance()).await?;
        let ours = balances.iter().find(|one| one.asset == ASSET);
        let missing = || Failure::Unknown { code: None, reason: format!("the balance of {ASSET} is not listed") };
        ours.map(|one| AccountReport::Balance(one.balance)).ok_or_else(missing)
    }

    /// Tells the movements that have not been told.
    ///
    /// # Errors
    /// If the list cannot be read; what was not told will be the next time.
    pub(super) async fn tell_movements(&self) -> Result<(), Failure> {
        let Some(mut from) = lock(&self.movements).since else { return Ok(()) };
        let begun = self.rest.now();
        loop {
            let page = Page { from: Some(from), until: None, limit: MAX_INCOMES };
            let rows = self.rest.call(account::income(None, page)).await?;
            for row in &rows {
                self.tell_movement(row).await?;
            }
            let last = rows.last().map(|row| Timestamp::from_millis(row.time));
            match last {
                Some(last) if rows.len() >= MAX_INCOMES && last > from => from = last,
                Some(_) | None => break,
            }
        }
        lock(&self.movements).advance(begun);
        Ok(())
    }

    async fn tell_movement(&self, row: &Income) -> Result<(), Failure> {
        let kind = row.income_type.known();
        // Results and fees of trades come with the trades; money of another asset is not in our books.
        let of_trade = matches!(kind, Some(IncomeType::RealizedPnl | IncomeType::Commission));
        if of_trade || row.asset != ASSET {
            return Ok(());
        }
        let instrument = self.instruments.find_venue(&row.symbol);
        let (kind, id) = match kind {
            // Numbers are unique within a kind only.
            Some(known @ (IncomeType::FundingFee | IncomeType::Transfer)) => (known, row.tran_id),
            _ => {
                let named = format!("{:?} {} {}", row.income_type, row.symbol, row.tran_id);
                (IncomeType::Transfer, xxh3_64(named.as_bytes()) >> 1)
            }
        };
        if lock(&self.movements).was_told((kind, id)) {
            return Ok(());
        }
        let report = match instrument {
            Some(instrument) if kind == IncomeType::FundingFee => {
                let at = Timestamp::from_millis(row.time);
                let rate = self.settled_rate(instrument, at).await?;
                AccountReport::Funding(FundingPayment { id, instrument, rate, amount: row.income, at })
            }
            Some(_) | None => AccountReport::Transfer { id, amount: row.income },
        };
        lock(&self.movements).note((kind, id));
        self.inbox.answer(Event::Venue(VenueReport::Account(report)));
        Ok(())
    }

    /// The rate at which a funding was settled: the movement itself does not say.
    async fn settled_rate(&self, instrument: InstrumentId, at: Timestamp) -> Result<Rate, Failure> {
        let page = Page { from: Some(at - SETTLED_WITHIN), until: Some(at + SETTLED_WITHIN), limit: 2 };
        let settled = self.rest.call(funding_rates(self.symbol(instrument), page)).await?;
        let nearest = settled.iter().min_by_key(|one| (one.funding_time - at.as_millis()).abs());
        Ok(nearest.map_or(Rate::ZERO, |one| one.funding_rate))
    }
}
