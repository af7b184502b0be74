// The charts over time: curves of the account, and candles with trades. Times are UTC.
'use strict';

const LIB = LightweightCharts;
const DARK = window.matchMedia('(prefers-color-scheme: dark)');
const THEMED = [];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Does something now, and again whenever light becomes dark or dark light. */
function themed(paint) {
  THEMED.push(paint);
  paint();
}
DARK.addEventListener('change', () => THEMED.forEach((paint) => paint()));

function chartIn(container, options) {
  const chart = LIB.createChart(container, {
    autoSize: true,
    timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.01 },
    handleScroll: { vertTouchDrag: false },
    handleScale: { mouseWheel: true },
    ...options,
  });
  themed(() => chart.applyOptions({
    layout: {
      background: { type: 'solid', color: 'transparent' },
      textColor: colour('soft'),
      panes: { separatorColor: colour('line'), separatorHoverColor: colour('line') },
    },
    grid: { vertLines: { color: colour('line') }, horzLines: { color: colour('line') } },
    timeScale: { borderColor: colour('line') },
    rightPriceScale: { borderColor: colour('line') },
  }));
  return chart;
}

const points = (curve) => curve.map(([at, value]) => ({ time: at, value }));

/** Equity, drawdown and exposure under each other, on one axis of time. */
function drawCurves(container, legend) {
  const { equity, drawdown, exposure } = CONTENT.curves;
  const chart = chartIn(container, { crosshair: { mode: LIB.CrosshairMode.Magnet } });
  const quiet = { priceLineVisible: false, lastValueVisible: false, lineWidth: 2 };
  const inPercent = { priceFormat: { type: 'custom', minMove: 0.0001, formatter: (value) => percent(value, 1) } };
  const capital = Number(REPORT.capital);
  const rows = [
    [LIB.BaselineSeries, { ...quiet, baseValue: { type: 'price', price: capital }, priceFormat: { type: 'custom', minMove: 0.01, formatter: (value) => decimal(value, Math.abs(value) < 1000 ? 2 : 0) } }, equity],
    [LIB.BaselineSeries, { ...quiet, ...inPercent, baseValue: { type: 'price', price: 0 } }, drawdown],
    [LIB.AreaSeries, { ...quiet, ...inPercent, lineType: LIB.LineType.WithSteps }, exposure],
  ];
  const series = rows.map(([type, options, curve], pane) => {
    const one = chart.addSeries(type, options, pane);
    one.setData(points(curve));
    return one;
  });
  themed(() => {
    const gain = { topLineColor: colour('gain'), topFillColor1: colour('gain-soft'), topFillColor2: 'transparent' };
    const loss = { bottomLineColor: colour('loss'), bottomFillColor1: 'transparent', bottomFillColor2: colour('loss-soft') };
    series[0].applyOptions({ ...gain, ...loss });
    series[1].applyOptions({ ...gain, ...loss });
    series[2].applyOptions({ lineColor: colour('accent'), topColor: 'transparent', bottomColor: 'transparent', lineWidth: 1 });
  });
  [3, 1.2, 1].forEach((share, pane) => chart.panes()[pane].setStretchFactor(share));
  chart.timeScale().fitContent();
  const tell = (at, values) => {
    const [money, fall, held] = values;
    legend.replaceChildren(`${at}  ·  equity ${usdt(money)}  ·  drawdown ${percent(fall)}  ·  exposure ${percent(held, 1)}`);
  };
  const last = (curve) => (curve.length ? curve[curve.length - 1][1] : null);
  const rest = () => tell('At the end', [equity, drawdown, exposure].map(last));
  rest();
  chart.subscribeCrosshairMove((move) => {
    if (move.time === undefined) return rest();
    const values = series.map((one) => move.seriesData.get(one)?.value);
    tell(clock(move.time), values);
  });
  markSplit(chart, series[0]);
}

function clock(seconds) {
  return minute(new Date(seconds * 1000).toISOString());
}

/** A line where the sample ends and the rest begins. */
function markSplit(chart, series) {
  const split = REPORT.checks?.out_of_sample?.split_at;
  if (!split) return;
  const times = CONTENT.curves.equity.map(([at]) => at);
  const at = times[lastNotAfter(times, Date.parse(split) / 1000)];
  series.attachPrimitive(painter((context, size, ratio) => {
    const x = chart.timeScale().timeToCoordinate(at);
    if (x === null) return;
    context.fillStyle = colour('faint');
    for (let y = 0; y < size.height; y += 8 * ratio) context.fillRect(x * ratio, y, ratio, 4 * ratio);
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.fillText('out of sample →', (x + 6) * ratio, 14 * ratio);
  }));
}

/** A primitive of the library that paints with a function. */
function painter(paint) {
  const renderer = { draw: (target) => target.useBitmapCoordinateSpace((scope) => paint(scope.context, scope.bitmapSize, scope.horizontalPixelRatio)) };
  const view = { renderer: () => renderer, zOrder: () => 'top' };
  return { paneViews: () => [view] };
}

/** The place of the last of some rising numbers that is not after another; the first if all are. */
function lastNotAfter(rising, limit) {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return Math.max(low - 1, 0);
}

/** Candles of one symbol at a time, each trade as a line from its entry to its exit. */
function drawCandles(container, legend) {
  const chart = chartIn(container, { layout: { attributionLogo: false } });
  const series = chart.addSeries(LIB.CandlestickSeries, { priceLineVisible: false, lastValueVisible: false });
  themed(() => series.applyOptions({
    upColor: colour('rise'), borderUpColor: colour('rise'), wickUpColor: colour('rise'),
    downColor: colour('fall'), borderDownColor: colour('fall'), wickDownColor: colour('fall'),
  }));
  const shown = { symbol: null, times: [], seconds: 60, trades: [] };
  const x = (trade, end) => chart.timeScale().timeToCoordinate(shown.times[trade[end]]);
  series.attachPrimitive(painter((context, size, ratio) => {
    const visible = chart.timeScale().getVisibleLogicalRange();
    if (!visible) return;
    const close = ((visible.to - visible.from) * ratio) / size.width < 0.8;
    for (const trade of shown.trades) {
      if (trade.closed < visible.from || trade.opened > visible.to) continue;
      const [x0, x1] = [x(trade, 'opened'), x(trade, 'closed')];
      const [y0, y1] = [series.priceToCoordinate(trade.entry), series.priceToCoordinate(trade.exit)];
      if (x0 === null || x1 === null || y0 === null || y1 === null) continue;
      context.strokeStyle = context.fillStyle = colour(trade.net >= 0 ? 'gain' : 'loss');
      context.lineWidth = 2 * ratio;
      context.beginPath();
      context.moveTo(x0 * ratio, y0 * ratio);
      context.lineTo(x1 * ratio, y1 * ratio);
      context.stroke();
      if (close) ends(context, ratio, trade, [x0, y0], [x1, y1]);
      else context.fillRect((x1 - 1.5) * ratio, (y1 - 1.5) * ratio, 3 * ratio, 3 * ratio);
    }
  }));
  const fractions = (number) => (number >= 1000 ? 1 : number >= 10 ? 2 : number >= 0.1 ? 4 : 8);
  const show = (symbol) => {
    const one = CONTENT.candles.find((candidate) => candidate.symbol === symbol);
    const places = fractions(one.candles.length ? one.candles[0][4] : 1);
    series.applyOptions({ priceFormat: { type: 'price', precision: places, minMove: 10 ** -places } });
    series.setData(one.candles.map(([at, open, high, low, last]) => ({ time: at, open, high, low, close: last })));
    const times = one.candles.map(([at]) => at);
    const place = (iso) => lastNotAfter(times, Date.parse(iso) / 1000);
    const trades = REPORT.trades.filter((trade) => trade.symbol === symbol).map((trade) => ({
      opened: place(trade.opened_at), closed: place(trade.closed_at), entry: Number(trade.entry_price),
      exit: Number(trade.exit_price), net: Number(trade.net), long: trade.side === 'long', path: trade.path_dependent, row: trade,
    }));
    Object.assign(shown, { symbol, times, seconds: one.seconds, trades, places });
    container.dataset.symbol = symbol;
    chart.timeScale().fitContent();
    rest();
  };
  const rest = () => {
    const length = shown.seconds % 3600 ? `${shown.seconds / 60}m` : `${shown.seconds / 3600}h`;
    legend.replaceChildren(`${count(shown.times.length)} candles of ${length}, ${count(shown.trades.length)} trades. Scroll to look closer, drag to move.`);
  };
  chart.subscribeCrosshairMove((move) => {
    const bar = move.seriesData.get(series);
    if (!bar || move.time === undefined) return rest();
    const here = shown.times.indexOf(move.time);
    const open = shown.trades.filter((trade) => trade.opened <= here && here <= trade.closed).slice(0, 2);
    const held = open.map(({ row, net }) => ['  ·  ', signed(net, `${row.side} ${row.qty} by ${row.strategy}: ${words(row.exit)}, net ${usdt(net)}`)]);
    const figures = [bar.open, bar.high, bar.low, bar.close].map((value) => decimal(value, shown.places));
    legend.replaceChildren(`${clock(move.time)}  O ${figures[0]}  H ${figures[1]}  L ${figures[2]}  C ${figures[3]}`, ...held.flat());
  });
  const zoom = (trade) => {
    if (shown.symbol !== trade.symbol) show(trade.symbol);
    const found = shown.trades.find((one) => one.row === trade);
    const around = Math.max(30, (found.closed - found.opened) * 1.5);
    chart.timeScale().setVisibleLogicalRange({ from: found.opened - around, to: found.closed + around });
  };
  return { show, zoom };
}

/** A triangle where a trade was entered, which way it went, and a dot where it was left; hollow if the path decided. */
function ends(context, ratio, trade, [x0, y0], [x1, y1]) {
  const size = 5 * ratio;
  const away = trade.long ? 1 : -1;
  context.beginPath();
  context.moveTo(x0 * ratio, y0 * ratio);
  context.lineTo(x0 * ratio - size, y0 * ratio + away * 1.8 * size);
  context.lineTo(x0 * ratio + size, y0 * ratio + away * 1.8 * size);
  context.closePath();
  context.fill();
  context.beginPath();
  context.arc(x1 * ratio, y1 * ratio, 0.8 * size, 0, 2 * Math.PI);
  if (trade.path) {
    context.fillStyle = colour('card');
    context.fill();
    context.stroke();
  } else context.fill();
}
