// The page, from top to bottom.
'use strict';

const STATISTICS = REPORT.statistics;

function header() {
  const title = REPORT.kind === 'replay' ? 'Session replayed' : 'Backtest';
  const facts = [
    REPORT.symbols.length > 8 ? `${REPORT.symbols.length} symbols` : REPORT.symbols.join(', '),
    `${minute(REPORT.started_at)} to ${minute(REPORT.ended_at)} UTC`,
    REPORT.feed,
  ];
  const early = REPORT.ended_early ? element('p', { class: 'loss' }, `The run ended before the data did: ${REPORT.ended_early}`) : null;
  return element('header', {},
    element('h1', {}, `${title}: ${REPORT.strategies.join(', ')}`),
    element('div', { class: 'line' }, facts.map((fact) => element('span', { class: 'words' }, fact))),
    early, badges());
}

function badges() {
  const checks = REPORT.checks;
  if (!checks) return null;
  const badge = (kind, text) => element('a', { class: `badge ${kind}`, href: '#checks' }, text);
  const made = [
    verdict(checks.look_ahead, 'No look-ahead found', 'Looks ahead'),
    verdict(checks.warm_up, 'Warm-up is enough', 'Needs more warm-up'),
  ].map(({ kind, text }) => badge(kind, text));
  return element('div', { class: 'badges' }, made);
}

function verdict(comparison, good, bad) {
  if (comparison.changed > 0) return { kind: 'bad', text: `${bad}: ${comparison.strategies.join(', ')}` };
  if (comparison.decisions === 0) return { kind: 'unsure', text: `${good}: nothing to compare` };
  return { kind: '', text: good };
}

function figure({ key, unit }) {
  const value = key === 'fees' || key === 'funding' ? REPORT[key] : STATISTICS[key];
  switch (unit) {
    case 'percent': return { text: percent(value), sign: key.endsWith('return') ? value : 0 };
    case 'usdt': return { text: value === null ? NONE : decimal(value), note: value === null ? '' : 'USDT', sign: key === 'expectancy' ? value : 0 };
    case 'time': return { text: time(value) };
    case 'drawdown': return drawdown(value);
    default: return { text: value === null ? NONE : Number.isInteger(value) ? count(value) : decimal(value) };
  }
}

function drawdown(fall) {
  if (!fall) return { text: percent(0) };
  const until = fall.recovered_at ? 'until recovered' : 'and not recovered';
  return { text: percent(-fall.ratio), note: `${decimal(fall.amount)} USDT, ${time(fall.length)} ${until}`, sign: -1 };
}

function tiles() {
  const equity = { title: 'Equity at the end', text: decimal(REPORT.equity), note: `USDT, from ${decimal(REPORT.capital)}`, sign: 0, hint: 'cash and open positions at the mark' };
  const all = [equity, ...REPORT.definitions.map((one) => ({ title: one.title, hint: `${one.definition}. Source: ${one.source}`, ...figure(one) }))];
  return element('div', { class: 'tiles' }, all.map(({ title, text, note, sign, hint }) => element('div', { class: 'tile', title: hint },
    element('div', { class: 'name' }, title), element('div', { class: 'value' }, signed(sign || 0, text)), note ? element('div', { class: 'note' }, note) : null)));
}

function curvesCard() {
  const legend = element('div', { class: 'legend' });
  const chart = element('div', { class: 'chart curves', 'data-chart': 'curves' });
  const note = `${count(CONTENT.curves.points)} points, every peak and trough kept`;
  const keys = element('div', { class: 'keys' }, ['Equity in USDT', 'Drawdown from the peak', 'Exposure: notional held ÷ equity'].map((text) => element('span', {}, text)));
  return { card: card('Equity, drawdown, exposure', note, legend, chart, keys), draw: () => drawCurves(chart, legend) };
}

function candlesCard() {
  const legend = element('div', { class: 'legend' });
  const chart = element('div', { class: 'chart candles', 'data-chart': 'candles' });
  const choice = element('select', { 'aria-label': 'Symbol' }, CONTENT.candles.map(({ symbol }) => element('option', { value: symbol }, symbol)));
  const keys = element('div', { class: 'keys' },
    ['Lines run from entry to exit, green for a net gain', '▲ long entry, ▼ short entry', '● exit, ○ exit that rested on the path inside a bar'].map((text) => element('span', {}, text)));
  const made = card('Trades on candles', null, legend, chart, keys);
  made.querySelector('.head').append(choice);
  const draw = () => {
    const chartOf = drawCandles(chart, legend);
    const traded = REPORT.trades.length ? REPORT.trades[0].symbol : REPORT.symbols[0];
    const show = (symbol) => { choice.value = symbol; chartOf.show(symbol); };
    choice.addEventListener('change', () => chartOf.show(choice.value));
    show(traded);
    return (trade) => {
      choice.value = trade.symbol;
      chartOf.zoom(trade);
      made.scrollIntoView({ behavior: 'smooth', block: 'start' });
    };
  };
  return { card: made, draw };
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function monthsCard() {
  const months = CONTENT.curves.months;
  if (!months.length) return null;
  const most = Math.max(...months.map(([, , gain]) => Math.abs(gain)), 1e-9);
  // Months that no year has take no room.
  const columns = MONTHS.map((_, index) => index).filter((index) => months.some(([, month]) => month === index + 1));
  const years = [...new Set(months.map(([year]) => year))];
  const tint = (gain) => `background: color-mix(in srgb, var(--${gain >= 0 ? 'gain' : 'loss'}) ${Math.round(12 + (48 * Math.abs(gain)) / most)}%, transparent)`;
  const rows = years.map((year) => {
    const of = (month) => months.find(([one, other]) => one === year && other === month);
    const cells = columns.map((index) => {
      const found = of(index + 1);
      return found ? element('td', { style: tint(found[2]) }, percent(found[2])) : element('td', { class: 'soft' }, '');
    });
    const whole = months.filter(([one]) => one === year).reduce((growth, [, , gain]) => growth * (1 + gain), 1) - 1;
    return element('tr', {}, element('th', {}, String(year)), cells, element('td', { class: 'year' }, signed(whole, percent(whole))));
  });
  const head = element('tr', {}, element('th', {}, ''), columns.map((index) => element('th', {}, MONTHS[index])), element('th', {}, 'Year'));
  const made = element('table', { class: 'months', 'data-chart': 'months' }, element('thead', {}, head), element('tbody', {}, rows));
  return card('Monthly returns', 'UTC months', element('div', { class: 'scroll' }, made));
}

function exitsCard() {
  const net = {};
  for (const trade of REPORT.trades) net[trade.exit] = (net[trade.exit] || 0) + Number(trade.net);
  const rows = Object.entries(REPORT.exits).filter(([, times]) => times > 0).sort((one, other) => other[1] - one[1]);
  const made = rows.map(([reason, times]) => ({ label: words(reason), length: times, text: element('span', {}, count(times), '  ', signed(net[reason] || 0, usdt(net[reason] || 0))) }));
  const body = made.length ? bars(made) : element('p', { class: 'soft' }, 'No position was closed.');
  body.dataset.chart = 'exits';
  return card('Exits by reason', 'count and net result', body);
}

function rejectionsCard() {
  const rows = Object.entries(REPORT.signals_rejected)
    .flatMap(([strategy, reasons]) => Object.entries(reasons).map(([reason, times]) => ({ strategy, reason, times })))
    .sort((one, other) => other.times - one.times);
  const made = rows.map(({ strategy, reason, times }) => ({ label: `${words(reason)} (${strategy})`, length: times, text: count(times) }));
  const body = made.length ? bars(made) : element('p', { class: 'soft' }, 'Every signal became an order.');
  body.dataset.chart = 'rejections';
  return card('Signals not acted on', `${count(REPORT.signals_accepted)} became orders`, body);
}

function groupsCard() {
  if (!REPORT.groups.length) return null;
  const rows = [...REPORT.groups].sort((one, other) => Number(other.net) - Number(one.net)).map((group) => [
    group.symbol, group.strategy, count(group.trades), percent(group.wins / group.trades, 1), signed(Number(group.net), decimal(group.net)),
  ]);
  return card('By symbol and strategy', null, table(['Symbol', 'Strategy', 'Trades', 'Win rate', 'Net USDT'], rows, [2, 3, 4]));
}

function pathCard() {
  const fills = REPORT.path_dependent_fills;
  const note = `${count(fills.length)} of ${count(REPORT.fills)} fills`;
  const text = 'A bar does not say whether its high or its low came first. Where both were within reach, the outcome rests on the path that the simulated exchange assumed.';
  if (!fills.length) return card('Decided by the path inside a bar', note, element('p', { class: 'soft' }, `${text} No order was.`));
  const rows = fills.slice(0, 100).map((fill) => [minute(fill.at), fill.symbol, words(fill.leg || 'not ours'), fill.side, fill.qty, price(fill.price), fill.order]);
  const more = fills.length > 100 ? element('p', { class: 'soft' }, `${count(fills.length - 100)} more are in the JSON report.`) : null;
  return card('Decided by the path inside a bar', note, element('p', { class: 'soft' }, text),
    table(['When', 'Symbol', 'Order for', 'Side', 'Quantity', 'Price', 'Client order id'], rows, [4, 5]), more);
}

function statesCard() {
  if (!REPORT.states.length) return null;
  return card('Changes of the trading state', null, table(['When', 'State', 'Why'], REPORT.states.map(([at, state, reason]) => [minute(at), state, reason])));
}

function comparison(found, title, good, bad, about) {
  const { kind, text } = verdict(found, good, bad);
  const cost = found.samples ? `${count(found.decisions)} decisions compared at ${count(found.samples)} sampled instants, ${count(found.changed)} changed.` : 'There was too little data to compare anything.';
  const rows = found.findings.map((one) => [minute(one.at), one.symbol, one.strategy, one.with, one.without]);
  return element('div', { class: 'check' },
    element('div', { class: 'title' }, title, element('span', { class: `badge ${kind}` }, text)),
    element('p', { class: 'soft' }, `${about} ${cost}`),
    rows.length ? table(['When', 'Symbol', 'Strategy', 'With', 'Without'], rows) : null);
}

function outOfSample(split) {
  if (!split) return null;
  const pick = ['total_return', 'annual_return', 'sharpe', 'sortino', 'drawdown', 'trades', 'win_rate', 'profit_factor', 'expectancy'];
  const shown = (part, one) => {
    const value = part.statistics[one.key];
    if (one.unit === 'drawdown') return percent(value ? -value.ratio : 0);
    if (one.unit === 'percent') return percent(value);
    return value === null ? NONE : Number.isInteger(value) ? count(value) : decimal(value);
  };
  const rows = REPORT.definitions.filter(({ key }) => pick.includes(key)).map((one) => [one.title, shown(split.sample, one), shown(split.rest, one)]);
  return element('div', { class: 'check' },
    element('div', { class: 'title' }, 'Out of sample'),
    element('p', { class: 'soft' }, `Split at ${minute(split.split_at)}. Settings that were chosen on the first part are worth what the second part says.`),
    table(['', 'Sample', 'Out of sample'], rows, [1, 2]));
}

function reshuffled(drawn) {
  if (!drawn) return null;
  const most = drawn.worst || 1;
  const place = (value) => `left: calc(${(100 * value) / most}% - 1px)`;
  const marks = [['median', drawn.median], ['95 of 100', drawn.p95], ['99 of 100', drawn.p99]];
  const axis = element('div', { class: 'spread', 'data-chart': 'reshuffled' }, element('div', { class: 'axis' }),
    marks.map(([name, value]) => element('div', { class: 'mark', style: place(value), title: `${name}: ${percent(value)}` })),
    element('div', { class: 'mark own', style: place(drawn.actual), title: `as it came: ${percent(drawn.actual)}` }));
  const facts = [['As it came', drawn.actual], ['Median', drawn.median], ['95 of 100 stay below', drawn.p95], ['99 of 100 stay below', drawn.p99], ['Worst', drawn.worst]];
  return element('div', { class: 'check' },
    element('div', { class: 'title' }, 'Drawdown in other orders of the trades'),
    element('p', { class: 'soft' }, `${count(drawn.orders)} orders drawn with seed ${drawn.seed}, by closed trades alone. ${percent(drawn.at_least_actual, 0)} of them fell at least as far as the order in which the trades came.`),
    axis, table(facts.map(([name]) => name), [facts.map(([, value]) => percent(value))]));
}

function checksCard() {
  const checks = REPORT.checks;
  if (!checks) return card('Can it be trusted?', null, element('p', { class: 'soft' }, REPORT.kind === 'replay' ? 'These are the decisions of a recorded session.' : 'The checks were left out with --no-checks.'));
  const made = card('Can it be trusted?', null,
    comparison(checks.look_ahead, 'Look-ahead', 'No look-ahead found', 'Looks ahead', 'Stretches of the data were run again with the future cut off; every signal, order and stop must be the same.'),
    comparison(checks.warm_up, 'Warm-up', 'Warm-up is enough', 'Needs more warm-up', 'Each strategy was begun again with no more history than it declares, and with six times as much; it must say the same, with its exits within a tenth.'),
    outOfSample(checks.out_of_sample), reshuffled(checks.reshuffled));
  made.id = 'checks';
  return made;
}

function definitionsCard() {
  const rows = REPORT.definitions.map((one) => [one.title, one.definition, one.source]);
  const assumed = REPORT.assumptions.map(({ about, value }) => [about, value]);
  return [assumed.length ? card('What was assumed', null, table(['About', 'Value'], assumed)) : null,
    card('What the figures mean', null, table(['Figure', 'Definition', 'Source'], rows))];
}

function footer() {
  const run = REPORT.performance;
  const memory = run.peak_rss_bytes ? `, ${count(Math.round(run.peak_rss_bytes / 2 ** 20))} MiB at most` : '';
  return element('footer', {},
    element('p', {}, `${count(run.records)} records in ${decimal(run.run_seconds)} s (${count(Math.round(run.events_per_second))} a second), ${count(run.events)} steps of the engine${memory}. ${count(REPORT.orders)} orders, ${count(REPORT.fills)} fills, ${count(REPORT.open_positions)} positions open at the end.`),
    element('p', {}, `live_trading_launcher ${CONTENT.version}. Charts by TradingView Lightweight Charts™, © TradingView, Inc. (tradingview.com), Apache-2.0.`));
}

const curves = curvesCard();
const candles = candlesCard();
let zoom = () => {};
const parts = [
  header(), tiles(), curves.card, candles.card, checksCard(), monthsCard(),
  element('div', { class: 'grid' }, exitsCard(), rejectionsCard()), groupsCard(),
  REPORT.trades.length ? tradesCard((trade) => zoom(trade)) : null, pathCard(), statesCard(), definitionsCard(), footer(),
];
document.getElementById('page').append(...parts.flat().filter(Boolean));
document.title = document.querySelector('h1').textContent;
curves.draw();
zoom = candles.draw();
