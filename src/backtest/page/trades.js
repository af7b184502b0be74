// The list of trades: sorted by a column, a part at a time.
'use strict';

const PART = 25;

const TRADE_COLUMNS = [
  { head: 'Symbol', key: (trade) => trade.symbol, cell: (trade) => trade.symbol },
  { head: 'Side', key: (trade) => trade.side, cell: (trade) => trade.side },
  { head: 'Strategy', key: (trade) => trade.strategy, cell: (trade) => trade.strategy },
  { head: 'Opened', key: (trade) => trade.opened_at, cell: (trade) => minute(trade.opened_at) },
  { head: 'Closed', key: (trade) => trade.closed_at, cell: (trade) => minute(trade.closed_at) },
  { head: 'Quantity', number: true, key: (trade) => Number(trade.qty), cell: (trade) => trade.qty },
  { head: 'Entry', number: true, key: (trade) => Number(trade.entry_price), cell: (trade) => rounded(trade.entry_price) },
  { head: 'Exit', number: true, key: (trade) => Number(trade.exit_price), cell: (trade) => rounded(trade.exit_price) },
  { head: 'Fees', number: true, key: (trade) => Number(trade.fees), cell: (trade) => decimal(trade.fees) },
  { head: 'Funding', number: true, key: (trade) => Number(trade.funding), cell: (trade) => decimal(trade.funding) },
  { head: 'Net USDT', number: true, key: (trade) => Number(trade.net), cell: (trade) => signed(Number(trade.net), decimal(trade.net)) },
  { head: 'Left by', key: (trade) => trade.exit, cell: (trade) => exitCell(trade) },
];

/** A mean price can have more places than anyone reads. */
function rounded(text) {
  const [whole, places] = String(text).split('.');
  return places && places.length > 6 ? decimal(text, whole.length > 3 ? 2 : 6) : price(text);
}

function exitCell(trade) {
  const mark = element('span', { class: 'tag', title: 'A fill rested on the path assumed inside a bar' }, 'path');
  return element('span', {}, words(trade.exit), trade.path_dependent ? [' ', mark] : null);
}

/** The card of all trades; `zoom` shows one in the chart. */
function tradesCard(zoom) {
  const state = { column: 3, falling: false, first: 0 };
  const holder = element('div', { class: 'scroll' });
  const where = element('span');
  const before = element('button', { class: 'plain', type: 'button' }, '← Before');
  const after = element('button', { class: 'plain', type: 'button' }, 'After →');
  const fill = () => {
    const { key } = TRADE_COLUMNS[state.column];
    const order = (one, other) => (key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : 0) * (state.falling ? -1 : 1);
    const sorted = [...REPORT.trades].sort(order);
    const heads = TRADE_COLUMNS.map(({ head, number }, column) => {
      const arrow = column === state.column ? (state.falling ? ' ↓' : ' ↑') : '';
      const button = element('button', { type: 'button' }, head + arrow);
      button.addEventListener('click', () => {
        Object.assign(state, { falling: column === state.column && !state.falling, column, first: 0 });
        fill();
      });
      return element('th', number ? { class: 'number' } : {}, button);
    });
    const rows = sorted.slice(state.first, state.first + PART).map((trade) => {
      const cells = TRADE_COLUMNS.map(({ cell, number }) => element('td', number ? { class: 'number' } : {}, cell(trade)));
      const row = element('tr', { class: 'link', title: 'Show it in the chart' }, cells);
      row.addEventListener('click', () => zoom(trade));
      return row;
    });
    holder.replaceChildren(element('table', {}, element('thead', {}, element('tr', {}, heads)), element('tbody', {}, rows)));
    where.textContent = `${count(state.first + 1)} to ${count(state.first + rows.length)} of ${count(sorted.length)}`;
    before.disabled = state.first === 0;
    after.disabled = state.first + PART >= sorted.length;
  };
  before.addEventListener('click', () => { state.first -= PART; fill(); });
  after.addEventListener('click', () => { state.first += PART; fill(); });
  fill();
  const left = CONTENT.trades_left_out;
  const note = left ? `${count(left)} more are in the JSON report only` : 'A click on one shows it in the chart';
  return card('Trades', note, holder, element('div', { class: 'more' }, before, after, where));
}
