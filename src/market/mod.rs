//! What the market looks like: bars by timeframe, quotes, mark, funding, freshness.
