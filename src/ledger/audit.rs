//! Do the books add up? Counts the wallet and the positions again from the single facts.

use std::collections::BTreeMap;
use std::path::Path;

use super::recover::{each, read_account, rows};
use super::{KIND, LedgerError, store};
use crate::types::{Qty, Side, Symbol, Usdt};

/// The books as they are kept, and as they are counted again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Wallet balance as kept; none until the opening balance is known.
    pub cash: Option<Usdt>,
    /// Opening balance + Σ (realised − fee) + Σ funding + Σ transfers + Σ adjustments.
    pub cash_counted: Option<Usdt>,
    /// Signed open quantities as kept.
    pub positions: BTreeMap<Symbol, Qty>,
    /// Σ signed fills + Σ adjustments, where that is not zero.
    pub positions_counted: BTreeMap<Symbol, Qty>,
    /// Fills counted.
    pub fills: u64,
}

impl Audit {
    /// Do both counts agree to the last digit?
    pub fn agrees(&self) -> bool {
        self.cash == self.cash_counted && self.positions == self.positions_counted
    }
}

/// Counts the ledger of a state directory again, as of one instant, next to a running daemon.
pub fn audit(dir: &Path) -> Result<Audit, LedgerError> {
    let (mut db, path) = (store::open_for_reading(dir, &KIND)?, KIND.path(dir));
    let db = db.transaction().map_err(|error| LedgerError::reading(&path, &error))?;
    let (account, _) = read_account(&db, &path)?;
    let (mut moved, mut fills, mut counted) = (Usdt::ZERO, 0, BTreeMap::<Symbol, Qty>::new());
    each(&db, &path, "fill_rows", "SELECT symbol, side, qty, realised, fee FROM fill_rows", [], |cells| {
        let signed = cells.parse::<Qty>("qty")? * cells.name::<Side>("side")?.sign();
        *counted.entry(cells.parse("symbol")?).or_default() += signed;
        moved += cells.parse::<Usdt>("realised")? - cells.parse("fee")?;
        fills += 1;
        Ok(())
    })?;
    each(&db, &path, "adjustment_rows", "SELECT symbol, qty, cash FROM adjustment_rows", [], |cells| {
        if let Some(symbol) = cells.parse_opt("symbol")? {
            *counted.entry(symbol).or_default() += cells.parse("qty")?;
        }
        moved += cells.parse("cash")?;
        Ok(())
    })?;
    for (table, sql) in
        [("funding_rows", "SELECT amount FROM funding_rows"), ("transfer_rows", "SELECT amount FROM transfer_rows")]
    {
        each(&db, &path, table, sql, [], |cells| {
            moved += cells.parse("amount")?;
            Ok(())
        })?;
    }
    counted.retain(|_, qty| !qty.is_zero());
    let positions = rows(&db, &path, "position_rows", "SELECT symbol, qty FROM position_rows", [], |cells| {
        Ok((cells.parse("symbol")?, cells.parse("qty")?))
    })?;
    Ok(Audit {
        cash: account.cash(),
        cash_counted: account.opening.map(|opening| opening + moved),
        positions: positions.into_iter().collect(),
        positions_counted: counted,
        fills,
    })
}
