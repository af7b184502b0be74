// Elements, and how numbers and instants are written. Whatever comes from the run goes into the document as text.
'use strict';

const CONTENT = JSON.parse(document.getElementById('content').textContent);
const REPORT = CONTENT.report;

/** An element with attributes and children; a child that is no element is text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

function card(title, note, ...children) {
  const head = element('div', { class: 'head' }, element('h2', {}, title), note ? element('span', { class: 'soft' }, note) : null);
  return element('section', { class: 'card' }, head, ...children);
}

/** A table of texts or elements; `numbers` are the columns that are set to the right. */
function table(heads, rows, numbers = []) {
  const side = (column, wrap) => (numbers.includes(column) ? { class: 'number' } : wrap ? { class: 'wrap' } : {});
  const head = element('tr', {}, heads.map((text, column) => element('th', side(column), text)));
  const body = rows.map((row) => element('tr', {}, row.map((cell, column) => {
    const long = typeof cell === 'string' && cell.length > 46;
    return element('td', side(column, long), cell);
  })));
  return element('div', { class: 'scroll' }, element('table', {}, element('thead', {}, head), element('tbody', {}, body)));
}

/** Horizontal bars: rows of label, length and text. */
function bars(rows) {
  const most = Math.max(...rows.map((row) => row.length), 0);
  const cells = rows.flatMap(({ label, length, text }) => {
    const fill = element('div', { class: 'fill', style: `width: ${most > 0 ? (100 * length) / most : 0}%` });
    return [
      element('div', { class: 'label' }, label),
      element('div', { class: 'track' }, length > 0 ? fill : null),
      element('div', { class: 'amount' }, text),
    ];
  });
  return element('div', { class: 'bars' }, cells);
}

function signed(value, text) {
  return element('span', { class: value > 0 ? 'gain' : value < 0 ? 'loss' : '' }, text);
}

const NONE = '–';

function decimal(value, places = 2) {
  if (value === null || value === undefined) return NONE;
  return Number(value).toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places }).replace('-', '−');
}

function percent(ratio, places = 2) {
  return ratio === null || ratio === undefined ? NONE : `${decimal(ratio * 100, places)}%`;
}

function usdt(value) {
  return value === null || value === undefined ? NONE : `${decimal(value)} USDT`;
}

/** A price with as many places as it was given. */
function price(text) {
  const places = String(text).split('.')[1];
  return decimal(text, places ? Math.min(places.length, 10) : 0);
}

function count(value) {
  return Number(value).toLocaleString('en-US');
}

/** An instant in UTC, to the minute. */
function minute(iso) {
  return iso.slice(0, 16).replace('T', ' ');
}

const UNIT_SECONDS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 };

/** A length of time such as `90m`, in the unit that people would say it in. */
function time(span) {
  const [, number, unit] = /^([\d.]+)([a-z]+)$/.exec(span) || [null, '0', 's'];
  const seconds = Number(number) * UNIT_SECONDS[unit];
  if (seconds >= 86400) return `${decimal(seconds / 86400, 1)} d`;
  if (seconds >= 3600) return `${decimal(seconds / 3600, 1)} h`;
  if (seconds >= 60) return `${decimal(seconds / 60, 0)} min`;
  return `${decimal(seconds, 0)} s`;
}

function words(key) {
  return key.replaceAll('_', ' ');
}
