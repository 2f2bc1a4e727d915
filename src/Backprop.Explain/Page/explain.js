// Draws an explained network: what Backprop.Explain computed, as a page to read and to ask.
//
// Explain.mount(root, data, options) -> { update(data), open(address, row, column), step(n, further) }
//   options.ask(address, row, column): an answer that the data does not hold, or null
//   options.onEdit(address, row, column, value): data or a parameter was dragged or typed; without it nothing can be edited
//   options.refresher(bindings, settle): makes what refreshes them, not all at once
//   options.start: what to open first, 'hidden.weight.grad[0, 0]'
//   step(n): 1 forward, 2 loss, 3 backward, 4 update, 0 everything; further: so many layers on.
//
// Nothing is computed here but positions, colours and digits. Names come from anybody: they are only ever text.
// An entry is a, r, c: its address, row and column.
(() => {
'use strict';

const mounted = new WeakMap();

// 'p.small' is a p of the class small; attributes may be left out, and children that are not there.
function make(space, tag, attributes, ...children) {
  const [type, ...classes] = tag.split('.'), el = document.createElementNS('http://www.w3.org/' + space, type);
  if (attributes?.constructor !== Object) { children.unshift(attributes); attributes = {}; }
  if (classes.length) el.setAttribute('class', classes.join(' '));
  for (const [name, value] of Object.entries(attributes)) if (value != null && value !== false) el.setAttribute(name, value);
  el.append(...children.flat(9).filter(child => child != null && child !== false));
  return el;
}
const [h, s, m] = ['1999/xhtml', '2000/svg', '1998/Math/MathML'].map(space => (...parts) => make(space, ...parts));
const own = (object, key) => object != null && Object.hasOwn(object, key) ? object[key] : undefined;
const range = n => Array.from({ length: n }, (_, i) => i);
const sum = list => list.reduce((a, b) => a + b, 0);
const comma = list => list.map((item, i) => [i ? ', ' : null, item]);
const grouped = n => n.toLocaleString('en');

// -- digits

const minus = text => text.replace('-', '−');
const odd = value => Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '−∞';
const trim = (text, value) => Number(text) === value && text.includes('.') ? text.replace(/\.?0+(?=e|$)/, '') : text;

const scientific = (value, digits) => minus(trim(value.toExponential(digits - 1), value))
  .replace(/e(.+)/, (_, power) => '·10' + power.replace('+', '').replace(/./g, digit => '⁰¹²³⁴⁵⁶⁷⁸⁹'[digit] ?? '⁻'));

// Significant digits; fewer where they are all there is: zeros at the end say that something was rounded.
function shown(value, digits = 6) {
  if (!Number.isFinite(value)) return odd(value);
  if (value === 0) return '0';
  const place = +Math.abs(value).toExponential(digits - 1).split('e')[1];
  return place < -4 || place > 8 ? scientific(value, digits) : minus(trim(value.toFixed(Math.max(0, digits - 1 - place)), value));
}

// A table's numbers have the same number of decimals, so that the points stand below each other.
function aligned(values) {
  const finite = values.filter(Number.isFinite), most = Math.max(0, ...finite.map(Math.abs)), place = Math.floor(Math.log10(most || 1));
  const whole = place < -4 || place > 8, limit = Math.max(0, place < 0 ? 5 - place : Math.min(6, 7 - place));
  let decimals = 0;
  while (decimals < limit && !finite.every(value => +value.toFixed(decimals) === value)) decimals++;
  const space = decimals && !whole ? '\u2008' + '\u2007'.repeat(decimals) : '';
  return value => !Number.isFinite(value) ? odd(value) + space : value === 0 ? '0' + space
    : whole || Math.abs(value) < 50 * 10 ** -decimals && +value.toFixed(decimals) !== value ? scientific(value, whole ? 6 : 4) : minus(value.toFixed(decimals));
}

// -- formulas

const entry = (q, a, r, c) => q?.number ? a : q?.vector ? `${a}[${c}]` : `${a}[${r}, ${c}]`;
const op = (text, form) => m('mo', { form }, text);
const symbolic = e => Array.isArray(e) && (e[0] === 's' || e.some(symbolic));
const upright = text => m([...text].length > 1 ? 'mi.upright' : 'mi', text);

function parentheses(node) {
  const flat = !node.querySelector('mfrac, mtable, msqrt, munder') && !/frac|table|sqrt/.test(node.tagName), stretchy = flat ? 'false' : null;
  return m('mrow', m('mo', { stretchy }, '('), node, m('mo', { stretchy }, ')'));
}

function symbol(name, indices) {
  const gradient = /^d./u.test(name), id = m('mi' + (gradient ? '.grad' : '') + ([...name].length - gradient > 2 ? '.upright' : ''), name);
  return indices ? m('msub', id, m('mi', indices)) : id;
}

// An expression as MathML. leaf(value, e) makes a number's element, and says its value.
// place decides on parentheses: '' alone or first, 'factor' first in a product, 'next' after an operator, 'base' of a power.
function math(e, leaf, place = '') {
  const after = place === 'next' || place === 'base', based = place === 'base', within = (node, yes) => yes ? parentheses(node) : node;
  const [kind, ...args] = Array.isArray(e) ? e : [], [first, second] = args, sub = (of, where) => math(of, leaf, where);
  if (kind === undefined || kind === 'q') {
    const { node, value } = leaf(kind ? undefined : Number(e), e);
    return within(node, after && (value < 0 || based && node.textContent.includes('·')));
  }
  switch (kind) {
    case 's': return symbol(first, second);
    case '=': return m('mrow', sub(first), op('='), sub(second));
    case '+': {
      const terms = args.map((term, i) => term[0] === '-' ? [op('−', 'infix'), sub(term[1], 'next')] : [i ? op('+', 'infix') : null, sub(term, i || term[0] === '+' ? 'next' : '')]);
      if (terms.length < 3 || symbolic(e)) return within(m('mrow', terms), after || place);
      const table = m('mtable.terms', terms.map(term => m('mtr', term.map((part, i) => m('mtd', i ? null : m('mspace', { height: '.9em', depth: '.25em' }), part)))));
      return place ? m('mrow.tall', op('('), table, op(')')) : table;
    }
    case '-': return within(m('mrow', op('−', 'prefix'), sub(first, 'next')), after);
    case '*': return within(m('mrow', args.map((factor, i) => [i ? op(symbolic(factor) && symbolic(args[i - 1]) ? '\u2062' : '·') : null, sub(factor, i || after ? 'next' : 'factor')])), based);
    case '/': return within(m('mfrac', sub(first), sub(second)), based);
    case '^': return within(m('msup', sub(first, 'base'), sub(second)), based);
    case 'f': {
      if (first === 'exp') return within(m('msup', upright('e'), sub(second)), based);
      if (first === 'sqrt') return m('msqrt', sub(second));
      const bars = { abs: '||', floor: '⌊⌋' }[first];
      if (bars) return m('mrow', op(bars[0], 'prefix'), sub(second), op(bars[1], 'postfix'));
      return within(m('mrow', upright({ sigmoid: 'σ', Phi: 'Φ', phi: 'φ' }[first] ?? first), op('\u2061'), op('('), args.slice(1).map((each, i) => [i ? op(',') : null, sub(each)]), op(')')), based);
    }
    case 'rest': return m('mrow', m('mtext', '… '), op('('), m('mtext', `${grouped(first)} more:\u00a0`), leaf(Number(second), second).node, op(')'));
    case 'd': {
      const { node, value } = leaf(Number(args[2]), args[2]), name = of => Array.isArray(of) && of[0] === 's' ? symbol(of[1], of[2]) : m('mtext', leaf.says(of));
      return m('munder.local', within(node, after && value < 0), m('mrow', op('∂'), name(first), op('/'), op('∂'), name(second)));
    }
    case 'sum': return m('mrow', m('munder', m('mo', { movablelimits: 'false', largeop: 'true' }, '∑'), m('mi', first)), sub(second, second[0] === '+' ? 'next' : ''));
    case 'cases': return within(m('mrow.brace', m('mtable.cases', args.map(([value, [relation, left, right]]) => m('mtr', m('mtd', sub(value)),
      m('mtd', relation === 'otherwise' ? m('mtext', relation) : m('mrow', m('mtext', 'if '), sub(left), op(relation), sub(right))))))), after);
    default: return m('mtext', String(kind));
  }
}

const plainLeaf = value => ({ node: m('mn', shown(value)), value });
plainLeaf.says = String;
const formula = e => m('math', { display: 'block' }, math(e, plainLeaf));
const descent = ['=', ['s', 'p', 'next'], ['+', ['s', 'p'], ['-', ['*', ['s', 'η'], ['s', 'dp']]]]];

// -- addresses

const fragment = name => '#' + encodeURIComponent(name.replace(/, (?=\d+\]$)/, ',')).replace(/%5B/g, '[').replace(/%5D/g, ']').replace(/%2C/g, ',');

// { a, r, c } of what a name says, whole where it is a quantity; null where it is nothing of this network.
function parse(name, { quantities }) {
  const q = own(quantities, name), [, a, first, second] = /^(.*)\[(\d+)(?:, ?(\d+))?\]$/s.exec(name) ?? [];
  if (q) return { a: name, r: 0, c: 0, whole: !q.number };
  return own(quantities, a) ? second === undefined ? { a, r: 0, c: +first } : { a, r: +first, c: +second } : null;
}

function mount(root, data, options = {}) {
  mounted.get(root)?.abort();
  const control = new AbortController(), { signal } = control;
  mounted.set(root, control);
  root.classList.add('explain');

  let bindings, refresh, at, sequence, shape, main, panel, status, drawing, sentence, buttons;
  let sample = 0, step = null, open = null, used = {}, origin = null;

  const all = selector => root.querySelectorAll(selector);
  const bind = (el, act) => { bindings.set(el, act); act(); };
  const narrow = () => matchMedia('(max-width: 68rem)').matches;
  const asked = () => root.classList.contains('asked');
  const focusPanel = () => panel.querySelector('h2').focus();

  const get = a => own(data.quantities, a);
  const rowsOf = q => q.shownRows ?? range(q.rows), columnsOf = q => q.shownColumns ?? range(q.columns);
  const present = list => [...new Set(list)].filter(a => a != null && get(a));
  const leaves = () => data.layers.filter(layer => layer.leaf);
  const title = layer => layer.path || layer.name || layer.type;
  const lastGradient = () => data.layers[0].outputGradient ?? leaves().at(-1)?.outputGradient;
  const hue = a => get(a)?.kind === 'gradient' || /\.grad$/.test(a) ? '.grad' : '';
  const gradOf = a => get(a)?.gradient ?? a + '.grad', gradsOf = layer => layer.parameters.map(gradOf);
  const when = a => at.get(a) ?? -1;
  const nameOf = (a, r, c) => entry(get(a), a, r, c);
  const given = a => ['data', 'parameter'].includes(get(a)?.kind), editable = a => !!options.onEdit && given(a) && !get(a).frozen;
  const answerOf = (a, r, c) => own(own(data.answers, a), `${r},${c}`) ?? options.ask?.(a, r, c) ?? (given(a) && valueAt(a, r, c) !== undefined ? { value: valueAt(a, r, c), given: true } : null);
  const askable = (a, r, c) => !!options.ask || own(own(data.answers, a), `${r},${c}`) !== undefined || given(a) && valueAt(a, r, c) !== undefined;
  const largest = q => Math.max(Math.abs(Number(q.summary?.min ?? 0)), Math.abs(Number(q.summary?.max ?? 0))) || 1;

  function valueAt(a, r, c) {
    const q = get(a), value = q?.values[q.shownRows ? q.shownRows.indexOf(r) : r]?.[q.shownColumns ? q.shownColumns.indexOf(c) : c];
    return value === undefined ? undefined : Number(value);
  }

  // An element that stands for an entry: its full value, and whom to ask.
  function mark(el, a, r, c, value = valueAt(a, r, c)) {
    el.dataset.value = value;
    if (askable(a, r, c)) Object.assign(el.dataset, { a, r, c });
    if (editable(a)) el.dataset.edit = '';
    return el;
  }

  // Hue is the sign, strength the size.
  function tint(el, value, most) {
    const finite = Number.isFinite(value);
    el.classList.toggle('pos', finite && value > 0);
    el.classList.toggle('neg', finite && value < 0);
    el.classList.toggle('odd', !finite);
    el.style.setProperty('--s', finite ? Math.min(1, Math.abs(value) / most).toFixed(3) : 1);
  }

  const plain = (value, digits, percent) => h('span.n', { 'data-value': Number(value) }, percent ? shown(value * 100, 3) + ' %' : shown(Number(value), digits));
  const toFigure = (a, text) => h('a.to' + hue(a), { href: fragment(a) }, text ?? a);

  function link(a, r, c, text, value = valueAt(a, r, c)) {
    const name = nameOf(a, r, c), label = `${name}, ${shown(value)}`;
    return mark(askable(a, r, c) ? h((text ? 'a' : 'a.n') + hue(a), { href: fragment(name), 'aria-label': label.includes(text ?? shown(value)) ? label : null }, text ?? shown(value)) : h(text ? 'span' : 'span.n', text ?? shown(value)), a, r, c, value);
  }

  // -- tables

  // Entries in rows and columns: one tab stop, and arrows within. heads: [text, gap]; lines: { head, gap, sample, entries }.
  function grid(label, heads, lines, byColumn) {
    const cells = [], table = h('table', { role: 'grid', 'aria-label': label },
      heads && h('thead', h('tr', lines[0]?.head != null && h('td'), heads.map(([text, gap]) => h('th' + (gap ? '.gap' : ''), { scope: 'col' }, text)))),
      h('tbody', lines.map(line => h('tr' + (line.gap ? '.gap' : ''), { 'data-sample': line.sample }, line.head != null && h('th', { scope: 'row' }, line.head), line.entries.map((of, k) => {
        const cell = h('td' + (heads?.[k][1] ? '.gap' : '') + hue(of[0]), { role: 'gridcell', tabindex: cells.length ? -1 : 0, 'data-at': byColumn ? when(of[0]) : null });
        cells.push([cell, of, byColumn ? k : 0]);
        return cell;
      }))))), box = h('div.box', table);
    bind(box, () => {
      const formats = range(byColumn ? heads.length : 1).map(k => aligned(cells.filter(cell => cell[2] === k).map(cell => valueAt(...cell[1])).filter(value => value !== undefined)));
      for (const one of cells) {
        const [cell, of, k, was, text] = one, value = valueAt(...of), now = value === undefined ? '–' : formats[k](value);
        if (now === text && Object.is(value, was)) continue;
        [one[3], one[4]] = [value, cell.textContent = now];
        if (value === undefined) continue;
        cell.setAttribute('aria-label', `${nameOf(...of)}, ${now.trim()}`);
        if (text) cell.dataset.value = value;
        else mark(cell, ...of);
        tint(cell, value, largest(get(of[0])));
      }
    });
    return box;
  }

  function entries(a) {
    const q = get(a), rows = rowsOf(q).slice(0, 64), columns = columnsOf(q).slice(0, 32), gap = (list, k) => k > 0 && list[k] > list[k - 1] + 1;
    const perSample = q.rows === data.samples && (get(q.of) ?? q).kind !== 'parameter';
    const left = [[q.rows - rows.length, 'rows'], [q.columns - columns.length, 'columns']].filter(([n]) => n).map(([n, what]) => `${grouped(n)} more ${what}`);
    return [grid(a, q.columns > 1 ? columns.map((c, k) => [c, gap(columns, k)]) : null,
      rows.map((r, k) => ({ head: q.rows > 1 ? r : null, gap: gap(rows, k), sample: perSample ? r : null, entries: columns.map(c => [a, r, c]) }))),
    left.length > 0 && h('p.small', '… ' + left.join(', '))];
  }

  function heat(a) {
    const q = get(a), { rows, columns } = q.heat, scale = Math.max(1, Math.min(8, Math.floor(256 / Math.max(rows, columns))));
    const canvas = h('canvas', { role: 'img', 'aria-label': `Heat map of ${a}`, width: columns, height: rows });
    canvas.style.width = `${columns * scale}px`;
    canvas.style.height = `${Math.max(rows, 4) * scale}px`;
    const draw = () => {
      const values = get(a).heat.values.flat().map(Number), most = Math.max(...values.filter(Number.isFinite).map(Math.abs)) || 1, style = getComputedStyle(root), paint = canvas.getContext('2d');
      paint.clearRect(0, 0, columns, rows);
      values.forEach((value, i) => {
        const finite = Number.isFinite(value);
        paint.globalAlpha = finite ? Math.abs(value) / most : 1;
        paint.fillStyle = style.getPropertyValue(!finite ? '--ink' : value < 0 ? '--neg' : '--pos');
        paint.fillRect(i % columns, Math.floor(i / columns), 1, 1);
      });
    };
    bind(canvas, draw);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw, { signal });
    return h('div.heat', canvas, h('p.small', `a square for about ${Math.round(q.rows / rows)} × ${Math.round(q.columns / columns)} entries`));
  }

  function histogram({ from, to, counts }) {
    const most = Math.max(1, ...counts), w = 160 / counts.length;
    return h('div.histogram', s('svg', { viewBox: '0 0 160 44', width: 160, height: 44, role: 'img', 'aria-label': 'Histogram: ' + counts.join(', ') },
      counts.map((count, i) => s('rect', { x: i * w + 0.5, width: w - 1, y: 43 - count / most * 43, height: count / most * 43 })), s('line', { x2: 160, y1: 43.5, y2: 43.5 })),
    h('div.ends', plain(from, 3), plain(to, 3)));
  }

  function summary(a) {
    const box = h('div.summary');
    bind(box, () => {
      const of = get(a).summary;
      const items = [['min', of.min], ['¼', of.q1], ['median', of.median], ['¾', of.q3], ['max', of.max], ['mean', of.mean], ['norm', of.norm], ['zeros', of.zeros, true], ['saturated', of.saturated, true]];
      box.replaceChildren(h('dl', items.filter(([, value]) => value != null).map(([name, value, percent]) => h('div', h('dt', name), h('dd', plain(value, 4, percent))))),
        of.histogram ? histogram(of.histogram) : '',
        of.largest?.length ? h('p.small', 'Largest: ', comma(of.largest.map(([r, c, value]) => link(a, r, c, `${nameOf(a, r, c).slice(a.length)} = ${shown(Number(value), 4)}`, Number(value))))) : '');
    });
    return box;
  }

  function figure(a) {
    const q = get(a), big = !!q.heat || q.rows * q.columns > 400, bad = h('p.small');
    bind(bad, () => {
      const first = get(a).summary?.notFinite;
      bad.hidden = !first;
      bad.replaceChildren(...first ? ['First not finite: ', link(a, ...first, nameOf(a, ...first))] : []);
    });
    return h('figure', { 'data-at': when(a), 'data-figure': a },
      h('figcaption', h('span.name' + hue(a), a), !q.number && h('span.size', q.vector ? q.columns : `${q.rows} × ${q.columns}`), q.frozen && h('span.size', 'frozen')),
      big && h('div.side', q.heat && heat(a), q.summary && summary(a)), q.rows * q.columns ? entries(a) : h('p.small', 'no entries'), bad);
  }

  // -- an answer

  function leaf(value, e) {
    if (!Array.isArray(e)) return { node: m('mn', { 'data-value': value }, shown(value)), value };
    const [, a, r, c, given] = e, known = valueAt(a, r, c) ?? Number(given);
    return { node: mark(m('mn' + hue(a), shown(known)), a, r, c, known), value: known };
  }
  leaf.says = of => Array.isArray(of) ? nameOf(...of.slice(1, 4)) : String(of);

  const symbolsIn = e => !Array.isArray(e) ? [] : e[0] === 's' ? [e[1]] : e.flatMap(symbolsIn);

  function legend(pairs) {
    const list = pairs?.filter(([, a]) => get(a));
    return list?.length > 0 && h('p.legend', 'where ', comma(list.map(([name, a]) => h('span.pair', m('math', symbol(name)), ' = ', toFigure(a)))));
  }

  // A formula's entries, by quantity: what a mouse finds in the formula itself, for keys and ears.
  function factors(e, found = {}) {
    if (!Array.isArray(e)) return found;
    if (e[0] !== 'q') e.forEach(part => factors(part, found));
    else if (askable(...e.slice(1, 4))) (found[e[1] + '\n'] ??= new Map()).set(`${e[2]},${e[3]}`, e);
    return found;
  }

  const made = e => Object.values(factors(e)).map(of => h('p.small', [...of.values()].map(([, a, r, c, value], i) => {
    const name = nameOf(a, r, c), known = valueAt(a, r, c) ?? Number(value);
    return [i ? ' ' : name === a ? null : a + ' ', mark(h('button' + hue(a), { 'aria-label': `${name}, ${shown(known)}` }, name.slice(a.length) || a), a, r, c, known)];
  })));

  // Formula, formula with numbers, result: for the panel and for the examples.
  function derivation(a, r, c, answer) {
    const value = Number(answer.value), { kind } = get(a) ?? {}, result = mark(h('b.result.n' + hue(a), shown(value)), a, r, c, value), note = answer.note && h('p.note', answer.note);
    if (answer.given || answer.numbers == null) return [h('p.equation', '= ', result), h('p.small', answer.influences?.length ? ['It moves with ', comma(answer.influences.map(([, , by, slope]) => [link(by[1], by[2], by[3], nameOf(...by.slice(1, 4)), valueAt(...by.slice(1, 4)) ?? Number(by[4])), ' (', plain(slope), ')']))] : kind === 'parameter' ? 'A parameter: it is learned.' : kind === 'data' ? 'Data: it is given.' : 'Nothing more is known of it.'), note];
    const e = typeof answer.formula === 'number' ? data.formulas?.[answer.formula] : answer.formula, used = symbolsIn(e), wrong = answer.agrees === false;
    const layer = answer.layer === undefined ? data.loss : data.layers.find(other => other.path === answer.layer);
    return [
      e && [h('div.box', formula(e)), legend(layer?.legend?.filter(([name]) => used.includes(name)))],
      h('p.small', 'with numbers:'),
      h('div.box', m('math.numbers', { display: 'block' }, math(answer.numbers, leaf))),
      h('p.equation', '= ', wrong ? plain(answer.computed) : result),
      wrong ? h('p.wrong', h('strong', 'WRONG.'), ' The library has ', result, ', but the formula gives ', plain(answer.computed), '.') : h('p.agrees', '✓ the library has this number'),
      answer.generic && h('p.note', 'The local derivatives were found by the layer’s own backward pass.'), note,
    ];
  }

  const standing = (a, r, c, _, within = main) => within.querySelectorAll(`[data-a="${CSS.escape(a)}"][data-r="${r}"][data-c="${c}"]`);
  const trailOf = () => history.state?.trail ?? [];

  function renderPanel(follows) {
    root.classList.toggle('asked', !!open);
    if (!open) {
      light();
      panel.replaceChildren(h('h2', { tabindex: -1 }, 'Ask'), h('p', 'Choose any number.'));
      return;
    }
    const { a, r, c } = open, answer = answerOf(a, r, c), name = nameOf(a, r, c), value = answer ? Number(answer.value) : valueAt(a, r, c), trail = trailOf(), kept = trail.slice(-4);
    panel.replaceChildren(
      h('div.bar', trail.length ? h('nav.trail', { 'aria-label': 'Asked before' }, h('ol', trail.length > kept.length && h('li', '…'),
        kept.map((before, i) => h('li', h('a', { href: fragment(before), 'data-back': kept.length - i }, before))))) : h('span.small', 'Where does it come from?'),
      h('button.close', { type: 'button', 'aria-label': 'Close' }, '×')),
      h('h2', { tabindex: -1 }, name),
      ...(answer ? [...derivation(a, r, c, answer), ...made(answer.numbers)] : [h('p', 'There is no explanation of it.')]).flat().filter(Boolean));
    if (editable(a)) {
      const input = h('input', { type: 'number', step: 'any', value });
      input.addEventListener('change', () => { if (input.value !== '' && Number.isFinite(+input.value)) options.onEdit(a, r, c, +input.value); });
      panel.append(h('p', h('label', 'Change it: ', input)));
    }
    used = factors(answer?.numbers);
    light();
    // Numbers that follow a drag are not waited for: to measure is to lay out.
    if (follows) requestAnimationFrame(() => reach(panel));
    else reach();
    status.textContent = `${name} is ${shown(value)}${answer?.agrees === false ? ', and the explanation is wrong' : ''}.`;
  }

  // One search a quantity, not an entry.
  function light() {
    for (const el of all('.open, .used')) { el.classList.remove('open', 'used'); el.removeAttribute('aria-selected'); }
    if (!open) return;
    for (const el of standing(open.a, open.r, open.c)) {
      el.classList.add('open');
      if (el.matches('td')) el.setAttribute('aria-selected', 'true');
    }
    for (const a in used) main.querySelectorAll(`[data-a="${CSS.escape(a.slice(0, -1))}"]`).forEach(el => el.classList.toggle('used', used[a].has(el.dataset.r + ',' + el.dataset.c)));
  }

  // What scrolls can be reached with the tab key.
  const reach = (part = root) => part.querySelectorAll('.box:not(.drawing, :has(td))').forEach(box => { box.tabIndex = box.scrollWidth > box.clientWidth ? 0 : -1; });

  function go(a, r, c) {
    const name = nameOf(a, r, c), before = open && nameOf(open.a, open.r, open.c);
    if (asked() && before === name) return;
    const trail = asked() ? [...trailOf(), before] : trailOf();
    open = { a, r, c };
    history.pushState({ trail }, '', fragment(name));
    renderPanel();
  }

  function close() {
    root.classList.remove('asked');
    origin?.focus();
  }

  // Opens what the address bar names. False where that is nothing of this network.
  function follow() {
    let name = '';
    try { name = decodeURIComponent(location.hash.slice(1)); } catch { }
    const found = name && parse(name, data);
    if (found?.whole) showFigure(found.a);
    else if (found) {
      open = found;
      renderPanel();
    }
    return !!found;
  }

  function showFigure(a) {
    const node = main.querySelector(`[data-figure="${CSS.escape(a)}"]`);
    if (!node) return;
    node.scrollIntoView({ block: 'center', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
    all('.found').forEach(el => el.classList.remove('found'));
    node.classList.add('found');
    node.querySelector('[tabindex="0"]')?.focus({ preventScroll: true });
  }

  function start() {
    const found = parse(options.start ?? data.first ?? '', data);
    open = found && !found.whole ? found : null;
    renderPanel();
    if (narrow()) root.classList.remove('asked');
  }

  // -- the four steps

  const inside = layer => {
    const i = data.layers.indexOf(layer), next = data.layers.findIndex((other, j) => j > i && other.depth <= layer.depth);
    return data.layers.slice(i + 1, next < 0 ? undefined : next).filter(other => other.leaf);
  };

  // In which order all is computed, and when each quantity is.
  function order() {
    at = new Map();
    const chain = leaves(), n = chain.length, set = (a, place) => a != null && !at.has(a) && at.set(a, place);
    sequence = chain.map((layer, k) => { [layer.output, ...(layer.definitions ?? []).filter(a => !hue(a))].forEach(a => set(a, k)); return { phase: 'Forward', layer }; });
    if (data.loss) {
      sequence.push({ phase: 'Loss' }, { phase: 'Backward' });
      set('loss', n);
      set(lastGradient(), n + 1);
      [...chain].reverse().forEach((layer, i) => {
        if (!i) set(layer.outputGradient, n + 1);
        sequence.push({ phase: 'Backward', layer });
        [layer.inputGradient, ...gradsOf(layer), ...layer.definitions ?? []].forEach(a => set(a, n + 2 + i));
      });
    }
    const last = sequence.length - 1, all = Object.entries(data.quantities);
    for (const layer of data.layers.filter(other => !other.leaf)) set(layer.output, Math.max(0, ...inside(layer).map(leaf => when(leaf.output))));
    all.forEach(([a, q]) => q.kind === 'gradient' && set(a, last));
    if (all.some(([, q]) => q.kind === 'next')) sequence.push({ phase: 'Update' });
    all.forEach(([a, q]) => q.kind === 'next' && set(a, last + 1));
  }

  const phases = () => [...new Set(sequence.map(place => place.phase))];
  const formulas = (list, text) => list?.filter(Boolean).length ? list.map(formula) : text ? [h('p.text', text)] : [];

  function said({ phase, layer }) {
    if (phase === 'Forward') return [[h('b', title(layer)), `, ${layer.text}, takes `, toFigure(layer.input), ' and gives ', toFigure(layer.output), '.'], formulas([layer.formula], layer.formulaText)];
    if (phase === 'Loss') return [[`${data.loss.text} compares what came out with the target and leaves one number, `, toFigure('loss', 'L'), '. The smaller the better.'], formulas([data.loss.formula], data.loss.formulaText)];
    if (phase === 'Update') return [['Each parameter takes a small step against its gradient. The learning rate η is ', data.learningRate == null ? 'its own' : plain(data.learningRate), '.'], [formula(descent)]];
    if (!layer) return [['From right to left. First: how much does L grow if an output grows a little?'], formulas(data.loss.derivative, data.loss.derivativeText)];
    const gives = present([...gradsOf(layer), layer.inputGradient]);
    return [[h('b', title(layer)), ' is given ', layer.outputGradient ? toFigure(layer.outputGradient) : 'dY', ', multiplies it by its own derivative', gives.length > 0 && [', and gives ', comma(gives.map(a => toFigure(a)))], '.'], formulas(layer.derivative, layer.derivativeText)];
  }

  function setStep(place, quiet) {
    step = place == null ? null : Math.max(0, Math.min(sequence.length - 1, place));
    const now = sequence[step];
    root.classList.toggle('stepping', !!now);
    for (const el of all('[data-at]')) {
      el.classList.toggle('later', !!now && +el.dataset.at > step);
      el.classList.toggle('now', !!now && +el.dataset.at === step);
    }
    for (const el of all('[data-layer]')) el.classList.toggle('here', now?.layer?.path === el.dataset.layer);
    for (const [button, phase] of buttons) button.setAttribute('aria-pressed', phase === now?.phase);
    if (quiet) return;
    const same = sequence.filter(other => other.phase === now?.phase), [words, list] = now ? said(now) : ['Everything is shown. Press → to see it a step at a time.', []];
    sentence.replaceChildren(h('p', now && h('strong', now.phase + (same.length > 1 ? `, ${same.indexOf(now) + 1} of ${same.length}. ` : '. ')), words), ...list);
  }

  const toPhase = n => {
    const place = n ? sequence.findIndex(other => other.phase === phases()[n - 1]) : null;
    if (place !== -1) setStep(place);
  };
  const further = () => setStep(step == null ? 0 : step + 1), back = () => setStep(step ? step - 1 : null);

  // -- the drawing

  const cut = (text, length) => [...text].length > length ? [...text].slice(0, length - 1).join('') + '…' : text;
  const write = (x, y, content, style = '', length = 99) => s('text' + style, { x, y }, cut(String(content), length), [...String(content)].length > length && s('title', content));

  function writeEntry(x, y, a, r, c, style = '', before = '') {
    const value = valueAt(a, r, c);
    if (value === undefined) return null;
    const node = mark(write(x, y, before + shown(value, 4), '.n' + hue(a) + style), a, r, c);
    node.dataset.at = when(a);
    return node;
  }

  function unit(x, y, r, sign, a, row, c) {
    const node = s('g.unit', { 'data-at': when(a) }, s('circle', { cx: x, cy: y, r }), sign && write(x, y + 5, sign, '.sign'));
    return valueAt(a, row, c) === undefined ? node : mark(node, a, row, c);
  }

  const lossUnit = (x, y) => [unit(x, y, 20, 'L', 'loss', 0, 0), writeEntry(x, y - 27, 'loss', 0, 0)];

  // Units as circles and weights as lines: for one layer after another, few and narrow.
  const chained = () => leaves().length <= 8 && leaves().every((layer, k, chain) => layer.input === (k ? chain[k - 1].output : 'x') && [layer.input, layer.output].every(a => get(a)?.columns > 0 && get(a).columns <= 16))
    && data.layers.every(layer => layer.leaf || !layer.path);

  function drawUnits() {
    const columns = [{ a: 'x' }, ...leaves().map(layer => ({ a: layer.output, layer }))], most = Math.max(...columns.map(({ a }) => get(a).columns)), small = most > 6;
    const pitch = small ? 52 : 104, radius = small ? 9 : 17, gap = columns.length > 5 ? 118 : 148, top = 56;
    const last = columns.length - 1, width = 112 + gap * (last + (data.loss ? 0.9 : 0)), height = top + most * pitch, middle = top + most * pitch / 2;
    const x = k => 56 + k * gap, y = (k, i) => middle + (i - (get(columns[k].a).columns - 1) / 2) * pitch;
    const wires = [], units = [], notes = [];
    const head = (X, name, kind, layer) => notes.push(s('g.head', { 'data-layer': layer?.path }, write(X, top - 36, name, '.title', 15), write(X, top - 19, kind, '.kind', 20)));
    columns.forEach(({ a, layer }, k) => {
      const q = get(a), n = q.columns;
      head(x(k), layer ? title(layer) : 'x', layer ? layer.text : 'input', layer);
      if (layer) {
        const inputs = get(layer.input).columns, linear = layer.kind === 'linear', few = inputs * n <= 8;
        const W = linear && layer.parameters.find(p => !get(p)?.vector && get(p)?.rows === n && get(p).columns === inputs), b = linear && layer.parameters.find(p => get(p)?.vector);
        const straight = layer.kind === 'activation' && inputs === n && !/softmax/i.test(layer.type);
        for (const i of range(n)) {
          for (const j of straight ? [i] : range(inputs)) {
            const value = W ? valueAt(W, i, j) : undefined, ends = { x1: x(k - 1) + radius, y1: y(k - 1, j), x2: x(k) - radius, y2: y(k, i) };
            const wire = s('g.wire', s('line' + (value < 0 ? '.neg' : value > 0 ? '.pos' : ''), { ...ends, 'stroke-width': value ? (0.8 + 5 * Math.min(1, Math.abs(value) / largest(get(W)))).toFixed(2) : 1 }));
            wires.push(wire);
            if (value === undefined) continue;
            wire.append(s('line.hit', ends));
            mark(wire, W, i, j);
            const [many, nth] = n < inputs ? [n, i] : [inputs, j], t = inputs * n === 1 ? 0.5 : many === 1 ? n < inputs ? 0.4 : 0.6 : 0.32 + 0.4 * nth / (many - 1), X = ends.x1 + (ends.x2 - ends.x1) * t, Y = ends.y1 + (ends.y2 - ends.y1) * t;
            if (few) notes.push(writeEntry(X, Y - 6, W, i, j), inputs * n === 1 && writeEntry(X, Y + 17, gradOf(W), i, j));
          }
          if (b && !small) notes.push(writeEntry(x(k), y(k, i) + radius + 29, b, 0, i, '.faint', 'b '));
        }
      }
      for (const i of range(n)) {
        const sign = small ? null : !layer ? 'x' : layer.kind === 'linear' ? 'Σ' : /sigmoid/i.test(layer.type) ? 'σ' : 'f', node = unit(x(k), y(k, i), radius, sign, a, sample, i);
        if (node.dataset.value !== undefined) tint(node, +node.dataset.value, largest(q));
        if (layer) node.dataset.layer = layer.path;
        units.push(node);
        notes.push(writeEntry(x(k), y(k, i) - radius - 6, a, sample, i), writeEntry(x(k), y(k, i) + radius + 14, k ? gradOf(a) : leaves()[0].inputGradient, sample, i));
      }
    });
    if (data.loss) {
      const X = 56 + gap * (last + 0.9), n = get(columns[last].a).columns, target = data.loss.target ?? 'target';
      head(X, 'loss', data.loss.text);
      for (const i of range(n)) {
        wires.push(s('g.wire', s('line', { x1: x(last) + radius, y1: y(last, i), x2: X - 20, y2: middle })));
        if (!small && get(target)?.columns === n) notes.push(writeEntry(x(last) + radius + 8, y(last, i) + 20, target, sample, i, '.faint.start', 'target '));
      }
      units.push(lossUnit(X, middle));
    }
    return s('svg', { viewBox: `0 0 ${width} ${height}`, width, height }, wires, units, notes);
  }

  // Blocks, where units are too many or layers do not just follow each other. Frames are containers.
  function drawBlocks() {
    const W = 138, H = 98, gap = 28, pad = 14, picture = [], stack = [], roots = [];
    for (const layer of data.layers) {
      const node = { layer, inner: [], root: !layer.path && !layer.leaf };
      while (stack.length && stack.at(-1).layer.depth >= layer.depth) stack.pop();
      (stack.at(-1)?.inner ?? roots).push(node);
      stack.push(node);
    }
    const leaf = node => !node.inner.length;
    function size(node) {
      if (leaf(node)) return Object.assign(node, { w: W, h: H, head: 0, pad: 0 });
      node.inner.forEach(size);
      const tall = node.inner.map(child => child.h), wide = node.inner.map(child => child.w), skip = /residual/i.test(node.layer.type);
      const parallel = tall.length > 1 && node.inner.every(child => child.layer.input === node.layer.input);
      const edge = node.root ? 0 : pad, head = node.root ? 0 : skip ? 44 : 26;
      return Object.assign(node, { parallel, skip, head, pad: edge, w: (parallel ? Math.max(...wide) : sum(wide) + gap * (wide.length - 1)) + 3 * edge, h: (parallel ? sum(tall) + pad * (tall.length - 1) : Math.max(...tall)) + head + edge });
    }
    const arrow = (x1, y1, x2, y2, tip = true) => picture.push(s('path.line', { d: `M${x1} ${y1}C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}` }), tip && s('path.tip', { d: `M${x2} ${y2}l-7 -3.5v7z` }));
    function block({ layer }, x, y) {
      const out = get(layer.output), values = out?.values[rowsOf(out).indexOf(sample)]?.slice(0, 32).map(Number) ?? [], w = (W - 20) / values.length;
      picture.push(s('g.block', { 'data-layer': layer.path }, s('rect', { x, y, width: W, height: H, rx: 5 })), write(x + 10, y + 19, title(layer), '.title.start', 17), write(x + 10, y + 35, layer.text, '.kind.start', 22),
        values.map((value, k) => {
          const cell = mark(s('rect.cell', { x: x + 10 + k * w, y: y + 43, width: Math.max(1, w - 0.7), height: 14, 'data-at': when(layer.output) }), layer.output, sample, columnsOf(out)[k], value);
          tint(cell, value, largest(out));
          return cell;
        }),
        [[73, layer.output, '‖y‖'], [89, layer.outputGradient, '‖dY‖']].map(([down, a, label]) => {
          const norm = Number(get(a)?.summary?.norm);
          return get(a)?.summary && s('g', { 'data-at': when(a), 'data-value': norm }, write(x + 10, y + down, `${label} ${shown(norm, 4)}`, '.start' + hue(a)));
        }));
    }
    function place(node, x, y) {
      const { layer, inner, w, h: height, head, pad: edge, parallel } = node, mid = y + head + (height - head - edge) / 2;
      Object.assign(node, { x, y, mid });
      if (leaf(node)) return block(node, x, y);
      if (!node.root) picture.push(s('rect.frame', { x, y, width: w, height, rx: 9 }), write(x + 10, y + 17, `${title(layer)}: ${layer.type}`, '.kind.start', Math.floor(w / 7)));
      let X = x + 1.5 * edge, Y = y + head;
      inner.forEach((child, i) => {
        place(child, parallel ? x + (w - child.w) / 2 : X, parallel ? Y : mid - (child.head + child.h - child.pad) / 2);
        const before = inner[i - 1];
        if (parallel || !i && !node.root) arrow(x, mid, child.x, child.mid);
        else if (i) arrow(before.x + before.w, before.mid, child.x, child.mid);
        if (parallel || i === inner.length - 1 && !node.root) arrow(child.x + child.w, child.mid, x + w, mid, false);
        X += child.w + gap;
        Y += child.h + pad;
      });
      if (node.skip) picture.push(s('path.line', { d: `M${x} ${mid}C${x + 4} ${y + 30} ${x + 14} ${y + 32} ${x + 40} ${y + 32}H${x + w - 40}C${x + w - 14} ${y + 32} ${x + w - 4} ${y + 30} ${x + w} ${mid}` }), write(x + w - 30, y + 28, '+ x', '.kind'));
    }
    roots.forEach(size);
    const tall = Math.max(H, ...roots.map(node => node.h)) + 16;
    let X = 62;
    for (const node of roots) { place(node, X, (tall - node.h) / 2); X += node.w + gap; }
    const [first] = roots, end = roots.at(-1);
    if (first) {
      arrow(46, first.mid, first.x, first.mid);
      picture.push(write(26, first.mid - 6, 'x', '.title'));
      if (data.loss) {
        arrow(end.x + end.w, end.mid, X, end.mid);
        picture.push(lossUnit(X + 20, end.mid), write(X + 20, end.mid + 38, data.loss.text, '.kind', 16));
      }
    }
    const width = X + (data.loss ? 70 : 0);
    return s('svg', { viewBox: `0 0 ${width} ${tall}`, width, height: tall }, picture);
  }

  function redraw() {
    const svg = chained() ? drawUnits() : drawBlocks();
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', `The network: x, ${leaves().map(layer => `then ${title(layer)}, ${layer.text}`).join(', ')}${data.loss ? `, then the loss, ${data.loss.text}` : ''}`);
    drawing.replaceChildren(svg);
    all('[data-sample]').forEach(row => row.classList.toggle('sample', +row.dataset.sample === sample));
  }

  // -- the sections

  // One entry worked out in full.
  function example(a) {
    const answers = own(data.answers, a) ?? {}, good = key => answers[key].numbers != null && Number(answers[key].value) !== 0;
    const key = Object.keys(answers).slice(0, 40).find(good) ?? Object.keys(answers)[0] ?? (options.ask && get(a) ? '0,0' : null);
    if (key == null) return null;
    const [r, c] = key.split(',').map(Number), box = h('div.example', { 'data-at': when(a) });
    bind(box, () => {
      const answer = answerOf(a, r, c);
      box.replaceChildren(...[h('p.head', 'For example ', link(a, r, c, nameOf(a, r, c))), answer && derivation(a, r, c, answer)].flat(2).filter(Boolean));
    });
    return box;
  }

  const examples = list => h('div.examples', list.filter(Boolean).map(example));

  const flow = (label, list) => present(list).length > 0 && h('div.flow', { role: 'group', 'aria-label': label }, h('p.phase', label), h('div.figures', present(list).map(figure)));

  function layerSection(layer) {
    const { parameters, definitions = [], input, output, inputGradient, outputGradient } = layer, grads = present([inputGradient, ...gradsOf(layer), ...definitions.filter(a => hue(a)), outputGradient]);
    const facts = h('ul.facts'), backwards = data.loss ? formulas(layer.derivative, layer.derivativeText) : [];
    bind(facts, () => {
      const now = data.layers.find(other => other.path === layer.path && other.depth === layer.depth)?.facts ?? [];
      facts.hidden = !now.length;
      facts.replaceChildren(...now.map(fact => h('li', fact)));
    });
    return h('section', { 'data-layer': layer.path, 'aria-label': title(layer) },
      h('h' + Math.min(6, 2 + Math.max(1, layer.depth)), h('span.name', title(layer)), ' ', h('span.kind', layer.text)),
      h('div.formulas', h('div.box', formulas([layer.formula], layer.formulaText)), backwards.length > 0 && h('div.box', { 'data-at': when(inputGradient) }, backwards)),
      legend(layer.legend), facts,
      flow('Forward: values', [input, ...parameters, ...definitions.filter(a => !hue(a)), output]),
      data.loss && flow('Backward: gradients', grads),
      flow('Update', parameters.map(a => a + '.next')),
      examples([output, ...[...gradsOf(layer), inputGradient].filter(a => grads.includes(a) && (options.ask || own(data.answers, a))).slice(0, 1)]));
  }

  const lossSection = () => h('section', { 'aria-label': 'The loss' }, h('h2', 'The loss ', h('span.kind', data.loss.text)),
    h('div.formulas', h('div.box', formulas([data.loss.formula], data.loss.formulaText)), h('div.box', formulas(data.loss.derivative, data.loss.derivativeText))),
    legend(data.loss.legend), flow('Forward: values', [data.loss.prediction ?? data.layers[0].output, data.loss.target ?? 'target', 'loss']), flow('Backward: gradients', [lastGradient()]), examples(['loss', lastGradient()]));

  function parameterSection() {
    const names = Object.keys(data.quantities).filter(a => get(a).kind === 'parameter'), next = sequence.at(-1)?.phase === 'Update';
    if (!names.length) return null;
    const kinds = [[a => a, 'value'], data.loss && [gradOf, 'gradient'], next && [a => a + '.next', 'next value']].filter(Boolean);
    const few = sum(names.map(a => get(a).rows * get(a).columns)) <= 40, frozen = a => get(a).frozen && ' (frozen)', norms = h('div.box');
    if (!few) bind(norms, () => norms.replaceChildren(h('table.parameters', h('thead', h('tr', h('th', { scope: 'col' }, 'parameter'), kinds.map(([, name]) => h('th', { scope: 'col' }, 'norm, ' + name)))),
      h('tbody', names.map(a => h('tr', h('th', { scope: 'row' }, toFigure(a), frozen(a)), kinds.map(([kind]) => h('td' + hue(kind(a)), { 'data-at': when(kind(a)) }, get(kind(a))?.summary ? plain(get(kind(a)).summary.norm, 4) : '–'))))))));
    const table = few ? grid('The parameters', kinds.map(([, name]) => [name]), names.flatMap(a => rowsOf(get(a)).flatMap(r => columnsOf(get(a)).map(c => ({ head: [nameOf(a, r, c), frozen(a)], entries: kinds.map(([kind]) => [kind(a), r, c]) })))), true) : norms;
    return h('section', { 'aria-label': 'The parameters' }, h('h2', 'The parameters'),
      next && data.learningRate != null && [h('p', 'A step of gradient descent goes against the gradient, with the learning rate η = ', plain(data.learningRate), ':'), formula(descent)], table);
  }

  function render() {
    bindings = new Map();
    buttons = [];
    shape = shapeOf(data);
    order();
    const rows = get('x') ? rowsOf(get('x')) : [], count = leaves().length, plural = (n, what) => `${n} ${what}${n === 1 ? '' : 's'}`;
    if (!rows.includes(sample)) sample = rows[0] ?? 0;
    main = h(root.parentElement?.closest('main') ? 'div' : 'main');
    panel = h('aside.panel', { 'aria-label': 'Explanation' });
    status = h('p.hidden', { 'aria-live': 'polite' });
    sentence = h('div.sentence', { 'aria-live': 'polite' });
    drawing = h('div.drawing.box', { tabindex: 0, role: 'group', 'aria-label': 'Drawing of the network' });

    const intro = h('p'), problems = h('div');
    bind(intro, () => {
      intro.replaceChildren(`${plural(count, 'layer')}: ${leaves().slice(0, 6).map(layer => layer.text).join(', ')}${count > 6 ? ', …' : ''}; in ${data.mode}, on ${plural(data.samples, 'sample')}. `,
        ...get('loss') ? [`The loss, ${data.loss.text}, is L = `, link('loss', 0, 0), '.'] : data.loss ? [] : ['There is no loss: forward only.'], h('span.ask', ' Choose any number: where does it come from?'));
      problems.replaceChildren(...data.problems?.length ? [h('div.problems', h('strong', 'Problems'), h('ul', data.problems.map(problem => h('li', problem))))] : []);
    });

    const select = h('select', rows.map(r => h('option', { value: r }, get('x').columns === 1 ? `${r}: x = ${shown(valueAt('x', r, 0), 4)}` : r)));
    select.value = sample;
    select.addEventListener('change', () => { sample = +select.value; redraw(); setStep(step, true); if (asked()) renderPanel(); });
    const button = (label, act, key, phase, name) => {
      const node = h('button', { type: 'button', 'aria-keyshortcuts': key, 'aria-label': name }, label);
      node.addEventListener('click', act);
      if (phase !== null) buttons.push([node, phase]);
      return node;
    };
    const swatch = (style, text) => h('span.swatch', h('i.' + style), text);
    main.append(h('header', h('h1', { dir: 'auto' }, data.title), intro), problems, data.samples === 0 ? h('p', h('b', 'The batch is empty: '), 'it has no samples, so there are no values to show.') : '',
      h('section.network', { 'aria-label': 'The network' }, h('h2', 'Step by step'),
        h('div.controls', h('div.steps', { role: 'group', 'aria-label': 'Steps' }, phases().map((phase, i) => button(`${i + 1} ${phase}`, () => toPhase(i + 1), i + 1, phase)),
          button('All', () => setStep(null), 0, undefined), button('←', back, 'ArrowLeft', null, 'One step back'), button('→', further, 'ArrowRight', null, 'One step further')),
        rows.length > 0 && h('label', 'Sample ', select)),
        drawing, h('p.key', swatch('pos', 'positive'), swatch('neg', 'negative: the stronger, the larger'), swatch('grad', 'a gradient of the loss'), swatch('look', 'what you are looking at')), sentence),
      h('section', { 'aria-label': 'Layers' }, h('h2', 'Layer by layer'), data.layers.filter(layer => layer.path || layer.leaf).map(layerSection)),
      ...[data.loss && lossSection(), parameterSection()].filter(Boolean));
    root.replaceChildren(main, panel, status);
    bind(drawing, redraw);
    refresh = options.refresher?.(bindings, () => { setStep(step, true); light(); }) ?? (() => bindings.forEach(act => act()));
    setStep(step);
    reach();
  }

  const shapeOf = of => JSON.stringify([of.title, of.samples, of.mode, of.loss, of.learningRate, of.layers.map(layer => ({ ...layer, facts: 0 })),
    Object.entries(of.quantities).map(([a, q]) => [a, q.rows, q.columns, q.frozen, q.shownRows, q.shownColumns, q.heat?.rows, q.heat?.columns])]);

  // -- what people do

  const on = (target, types, act) => types.split(' ').forEach(type => target.addEventListener(type, act, { signal }));
  let dragged = null;

  function ask(el, keyboard) {
    const { a, r, c } = el.dataset, within = panel.contains(el);
    if (!within) origin = el;
    go(a, +r, +c);
    if (keyboard || within) focusPanel();
  }

  function rove(cell) {
    cell.closest('table').querySelectorAll('[tabindex="0"]').forEach(other => { other.tabIndex = -1; });
    cell.tabIndex = 0;
    cell.focus();
  }

  on(root, 'click', event => {
    const near = selector => event.target.closest(selector), crumb = near('[data-back]'), to = near('a.to'), el = near('[data-a]');
    if (near('.close')) close();
    else if (crumb || to || el) {
      event.preventDefault();
      if (dragged?.moved) return;
      if (crumb) history.go(-crumb.dataset.back);
      else if (el) {
        if (el.matches('td')) rove(el);
        ask(el, event.detail === 0);
      } else if (to.textContent === 'L') go('loss', 0, 0);
      else showFigure(to.textContent);
    }
  });

  // Dragging a number that may be edited to the right makes it larger.
  on(root, 'pointerdown', event => {
    const el = event.target.closest('[data-edit]');
    dragged = el && event.button === 0 ? { a: el.dataset.a, r: +el.dataset.r, c: +el.dataset.c, x: event.clientX, from: +el.dataset.value } : null;
  });
  on(window, 'pointermove', event => {
    const distance = dragged && event.buttons ? event.clientX - dragged.x : 0;
    if (dragged?.a === undefined || !event.buttons || !dragged.moved && Math.abs(distance) < 5) return;
    dragged.moved = true;
    options.onEdit(dragged.a, dragged.r, dragged.c, +(dragged.from + distance * 0.01).toPrecision(6));
  });

  on(root, 'keydown', event => {
    const { target, key } = event;
    if (event.altKey || event.metaKey || !target.matches('[role=gridcell]')) return;
    const rows = [...target.closest('tbody').rows].map(row => [...row.querySelectorAll('[role=gridcell]')]), i = rows.findIndex(row => row.includes(target)), line = rows[i], j = line.indexOf(target);
    const to = { ArrowLeft: line[j - 1], ArrowRight: line[j + 1], ArrowUp: rows[i - 1]?.[j], ArrowDown: rows[i + 1]?.[j], Home: (event.ctrlKey ? rows[0] : line)[0], End: (event.ctrlKey ? rows.at(-1) : line).at(-1) }[key];
    if (to) rove(to);
    else if (key === 'Enter' || key === ' ') { if (target.dataset.a !== undefined) ask(target, true); }
    else if (!key.startsWith('Arrow')) return;
    event.preventDefault();
  });

  on(document, 'keydown', event => {
    const { target, key } = event, scrolls = drawing.contains(target) && drawing.scrollWidth > drawing.clientWidth;
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || !root.isConnected || target.closest?.('input, select, textarea, [contenteditable]')) return;
    if (/^[0-4]$/.test(key)) toPhase(+key);
    else if (key === 'n' || key === 'ArrowRight' && !scrolls) further();
    else if (key === 'p' || key === 'ArrowLeft' && !scrolls) back();
    else if ((key === 'Escape' || key === 'Backspace') && asked()) trailOf().length ? history.back() : close();
    else return;
    event.preventDefault();
  });

  // What is pointed at in the panel lights up wherever it stands.
  on(root, 'pointerover pointerout focusin focusout', event => {
    all('.hover').forEach(el => el.classList.remove('hover'));
    const el = /over|in$/.test(event.type) && panel.contains(event.target) && event.target.closest('[data-a]');
    if (el) standing(el.dataset.a, el.dataset.r, el.dataset.c, 0, root).forEach(other => other.classList.add('hover'));
  });

  on(window, 'resize', () => reach());
  on(window, 'popstate', () => {
    const within = panel.contains(document.activeElement);
    if (!follow() && !location.hash) start();
    if (within) focusPanel();
  });

  render();
  if (!follow()) start();

  return {
    update(next) {
      const active = document.activeElement, key = root.contains(active) ? { ...active.dataset } : {}, was = asked(), typing = panel.contains(active) && active.matches('input');
      data = next;
      if (shapeOf(data) === shape) refresh();
      else {
        if (open && !get(open.a)) open = null;
        render();
        if (key.a !== undefined) standing(key.a, key.r, key.c)[0]?.focus();
      }
      setStep(step, true);
      if (typing && panel.isConnected) return;
      renderPanel(true);
      root.classList.toggle('asked', was && !!open);
    },
    open: (a, r = 0, c = 0) => go(a, r, c),
    step(n, layers = 0) {
      toPhase(n);
      for (const _ of range(layers)) further();
    },
  };
}

globalThis.Explain = { mount };
})();
