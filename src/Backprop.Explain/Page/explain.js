// Draws an explained network: what Backprop.Explain computed, as a page to read and to ask.
//
// Explain.mount(root, data, options) -> { update(data), open(address, row, column), step(n, layer) }
//   options.ask(address, row, column)            an answer that the data does not hold, or null
//   options.onEdit(address, row, column, value)  a value of data or of a parameter was dragged or typed; without it nothing can be edited
//   options.start                                what to open first: 'hidden.weight.grad[0, 0]'
//   options.level                                the level of the title's heading, 1 unless set
//   step(n): 1 forward, 2 loss, 3 backward, 4 update; 0 or null shows everything. layer: how many layers further.
//
// Nothing is computed here but positions, colours and digits. Names come from anybody: they are only ever text.
(() => {
  'use strict';

  const SVG = 'http://www.w3.org/2000/svg', MATH = 'http://www.w3.org/1998/Math/MathML';
  const mounted = new WeakMap();

  // ---- elements ----

  function make(space, tag, attributes, ...children) {
    const element = space ? document.createElementNS(space, tag) : document.createElement(tag);
    for (const name in attributes) if (attributes[name] != null && attributes[name] !== false) element.setAttribute(name, attributes[name] === true ? '' : attributes[name]);
    element.append(...children.flat(9).filter(child => child != null && child !== false));
    return element;
  }
  const h = (tag, attributes, ...children) => make(null, tag, attributes, ...children);
  const s = (tag, attributes, ...children) => make(SVG, tag, attributes, ...children);
  const m = (tag, attributes, ...children) => make(MATH, tag, attributes, ...children);
  const own = (object, key) => object != null && Object.hasOwn(object, key) ? object[key] : undefined;
  const range = n => Array.from({ length: n }, (_, i) => i);
  const clip = (text, length) => [...text].length > length ? [...text].slice(0, length - 1).join('') + '…' : text;

  // ---- digits ----

  const number = value => typeof value === 'string' ? Number(value) : value;
  const minus = text => text.replace('-', '−');
  const exact = value => Object.is(value, -0) ? '-0' : String(value);
  const raised = n => String(n).replace(/./g, digit => digit === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[digit]);
  const odd = value => Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '−∞';

  function scientific(value, digits) {
    let [head, tail] = value.toExponential(digits - 1).split('e');
    if (Number(`${head}e${tail}`) === value && head.includes('.')) head = head.replace(/\.?0+$/, '');
    return minus(head) + '·10' + raised(Number(tail));
  }

  // Six significant digits; fewer where they are all there is, so zeros at the end say that something was rounded.
  function shown(value, digits = 6) {
    if (!Number.isFinite(value)) return odd(value);
    if (value === 0) return '0';
    const place = Number(Math.abs(value).toExponential(digits - 1).split('e')[1]);
    if (place < -4 || place > 8) return scientific(value, digits);
    const text = value.toFixed(Math.max(0, digits - 1 - place));
    return minus(Number(text) === value && text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  }

  // A table's numbers have the same number of decimals, so that the points stand below each other.
  function aligned(values, digits = 6) {
    const finite = values.filter(Number.isFinite), largest = finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (largest !== 0 && (largest < 1e-4 || largest >= 1e9)) return value => !Number.isFinite(value) ? odd(value) : value === 0 ? '0' : scientific(value, digits);
    let decimals = 0;
    const most = largest === 0 ? 0 : Math.max(0, digits - 1 - Math.floor(Math.log10(largest)));
    while (decimals < most && !finite.every(value => Number(value.toFixed(decimals)) === value)) decimals++;
    const space = decimals ? '\u2008' + '\u2007'.repeat(decimals) : '';
    return value => !Number.isFinite(value) ? odd(value) + space
      : value === 0 ? '0' + space
      : Math.abs(value) < 50 * 10 ** -decimals && Number(value.toFixed(decimals)) !== value ? scientific(value, 4)
      : minus(value.toFixed(decimals));
  }

  // ---- addresses ----

  const entry = (quantity, address, row, column) => quantity?.number ? address : quantity?.vector ? `${address}[${column}]` : `${address}[${row}, ${column}]`;
  const fragment = name => '#' + encodeURIComponent(name.replace(/, (?=\d+\]$)/, ',')).replace(/%(5B|5D|2C)/g, unescape);

  function parse(name, data) {
    const [, address, first, second] = /^(.*?)(?:\[(\d+)(?:, ?(\d+))?\])?$/s.exec(name);
    const whole = own(data.quantities, name);
    if (whole) return { address: name, row: 0, column: 0, whole: !whole.number };
    if (!own(data.quantities, address) || first === undefined) return null;
    return second === undefined ? { address, row: 0, column: +first } : { address, row: +first, column: +second };
  }

  const gradientName = kind => kind === 'gradient';

  // ---- formulas ----

  const parentheses = node => m('mrow', {}, m('mo', {}, '('), node, m('mo', {}, ')'));
  const isLeaf = e => !Array.isArray(e) || e[0] === 'q' || e[0] === 'd' || (e[0] === 's');
  const symbolic = e => Array.isArray(e) && (e[0] === 's' || e[0] === 'sum' || e.slice(1).some(symbolic));
  const named = {
    sigmoid: 'σ', Phi: 'Φ', phi: 'φ', log: 'ln', sign: 'sign',
  };

  function symbol(name, indices) {
    const gradient = /^d.+$/u.test(name), letters = gradient ? [...name].length - 1 : [...name].length;
    const id = m('mi', { class: gradient ? 'grad' : null, mathvariant: letters > 2 ? 'normal' : null }, name);
    if (letters > 2) id.classList.add('upright');
    return indices ? m('msub', {}, id, m('mi', {}, indices)) : id;
  }

  // place: where the expression stands, which decides on parentheses: '' alone, 'first' in a row, 'next' after an operator, 'base' of a power.
  function math(e, leaf, place = '') {
    const after = place === 'next' || place === 'base';
    if (!Array.isArray(e)) {
      const value = number(e), node = leaf(value, null);
      return value < 0 && after ? parentheses(node) : node;
    }
    const [kind, ...args] = e;
    switch (kind) {
      case 'q': {
        const { node, value } = leaf(undefined, e);
        return value < 0 && after ? parentheses(node) : node;
      }
      case 'd': {
        const node = leaf(number(args[2]), null), under = m('mrow', { class: 'partial' }, m('mo', {}, '∂'), leafName(args[0]), m('mo', { stretchy: 'false' }, '/'), m('mo', {}, '∂'), leafName(args[1]));
        node.setAttribute('class', 'd');
        return m('munder', { class: 'local' }, number(args[2]) < 0 && after ? parentheses(node) : node, under);
      }
      case 's': return symbol(args[0], args[1]);
      case '=': return m('mrow', {}, math(args[0], leaf), m('mo', {}, '='), math(args[1], leaf));
      case '+': {
        const terms = args.map((term, i) => {
          const negative = Array.isArray(term) && term[0] === '-';
          return [negative ? '−' : i ? '+' : null, negative ? math(term[1], leaf, 'next') : math(term, leaf, i ? 'next' : 'first')];
        });
        if (terms.length > 2 && !symbolic(e)) {
          const table = m('mtable', { class: 'terms' }, terms.map(([sign, node]) => m('mtr', {}, m('mtd', {}, sign ? m('mo', { form: 'infix' }, sign) : []), m('mtd', {}, node))));
          return place ? m('mrow', { class: 'tall' }, m('mo', { stretchy: 'false' }, '('), table, m('mo', { stretchy: 'false' }, ')')) : table;
        }
        const row = m('mrow', {}, terms.map(([sign, node]) => [sign ? m('mo', {}, sign) : null, node]));
        return place ? parentheses(row) : row;
      }
      case '-': {
        const row = m('mrow', {}, m('mo', { form: 'prefix' }, '−'), math(args[0], leaf, 'next'));
        return after ? parentheses(row) : row;
      }
      case '*': {
        const row = m('mrow', {}, args.map((factor, i) => {
          const close = i && symbolic(factor) && symbolic(args[i - 1]);
          return [i ? m('mo', {}, close ? '\u2062' : '·') : null, math(factor, leaf, i || after ? 'next' : 'first')];
        }));
        return place === 'base' ? parentheses(row) : row;
      }
      case '/': {
        const fraction = m('mfrac', {}, math(args[0], leaf), math(args[1], leaf));
        return place === 'base' ? parentheses(fraction) : fraction;
      }
      case '^': {
        const power = m('msup', {}, math(args[0], leaf, isLeaf(args[0]) || args[0][0] === '+' || args[0][0] === '*' || args[0][0] === '-' || args[0][0] === '/' ? 'base' : ''), math(args[1], leaf));
        if (!isLeaf(args[0]) && !'+*-/'.includes(args[0][0])) power.replaceChild(parentheses(power.firstChild), power.firstChild);
        return place === 'base' ? parentheses(power) : power;
      }
      case 'f': {
        const [name, ...of] = args;
        if (name === 'exp') {
          const power = m('msup', {}, m('mi', {}, 'e'), math(of[0], leaf));
          return place === 'base' ? parentheses(power) : power;
        }
        if (name === 'sqrt') return m('msqrt', {}, math(of[0], leaf));
        if (name === 'abs' || name === 'floor') return m('mrow', { class: name }, m('mo', { form: 'prefix' }, name === 'abs' ? '|' : '⌊'), math(of[0], leaf), m('mo', { form: 'postfix' }, name === 'abs' ? '|' : '⌋'));
        const label = named[name] ?? name;
        return m('mrow', {}, m('mi', { class: label.length > 1 ? 'upright' : null }, label), m('mo', {}, '\u2061'), m('mo', {}, '('), of.map((a, i) => [i ? m('mo', { separator: 'true' }, ',') : null, math(a, leaf)]), m('mo', {}, ')'));
      }
      case 'rest': return m('mrow', {}, m('mtext', {}, '… '), m('mo', {}, '('), m('mtext', {}, `${args[0].toLocaleString('en')} more: `), leaf(number(args[1]), null), m('mo', {}, ')'));
      case 'sum': {
        const body = math(args[1], leaf), sum = m('munder', { displaystyle: 'true' }, m('mo', { movablelimits: 'false', largeop: 'true' }, '∑'), m('mi', {}, args[0]));
        return m('mrow', {}, sum, Array.isArray(args[1]) && args[1][0] === '+' ? parentheses(body) : body);
      }
      case 'cases': {
        const table = m('mtable', { class: 'cases' }, args.map(([value, condition]) => m('mtr', {}, m('mtd', {}, math(value, leaf)),
          m('mtd', {}, condition[0] === 'otherwise' ? m('mtext', {}, 'otherwise') : m('mrow', {}, m('mtext', {}, 'if '), math(condition[1], leaf), m('mo', {}, condition[0]), math(condition[2], leaf))))));
        return after ? parentheses(m('mrow', { class: 'brace' }, table)) : m('mrow', { class: 'brace' }, table);
      }
      default: return m('mtext', {}, String(kind));
    }
    function leafName(of) { return Array.isArray(of) && of[0] === 's' ? symbol(of[1], of[2]) : m('mtext', {}, Array.isArray(of) ? entry(leaf.quantity?.(of[1]), of[1], of[2], of[3]) : String(of)); }
  }

  const plainLeaf = value => m('mn', {}, shown(value));
  const formula = e => m('math', { display: 'block' }, math(e, plainLeaf));

  // ---- the page ----

  function mount(root, data, options = {}) {
    mounted.get(root)?.abort();
    const control = new AbortController(), { signal } = control;
    mounted.set(root, control);
    root.classList.add('explain');

    const level = n => 'h' + Math.min(6, n + (options.level ?? 1) - 1);
    let bindings, figures, at, sequence, shape, parts = {};
    let sample = 0, step = null, open = null, origin = null;

    const bind = refresh => { bindings.push(refresh); refresh(); };
    const quantity = address => own(data.quantities, address);
    const rowsOf = q => q.shownRows ?? range(q.rows);
    const columnsOf = q => q.shownColumns ?? range(q.columns);
    const isGradient = address => gradientName(quantity(address)?.kind);
    const editable = address => options.onEdit && !quantity(address)?.frozen && ['data', 'parameter'].includes(quantity(address)?.kind);
    const leaves = () => data.layers.filter(layer => layer.leaf);
    const title = layer => layer.path || layer.name || layer.type;

    function valueAt(address, row, column) {
      const q = quantity(address);
      if (!q) return undefined;
      const i = q.shownRows ? q.shownRows.indexOf(row) : row, j = q.shownColumns ? q.shownColumns.indexOf(column) : column;
      const value = q.values[i]?.[j];
      return value === undefined ? undefined : number(value);
    }

    function answerOf(address, row, column) {
      return own(own(data.answers, address), `${row},${column}`) ?? options.ask?.(address, row, column) ?? null;
    }

    const askable = (address, row, column) => !!options.ask || own(own(data.answers, address), `${row},${column}`) !== undefined;
    const nameOf = (address, row, column) => entry(quantity(address), address, row, column);

    // An element that stands for an entry: its full value, and whom to ask.
    function mark(element, address, row, column, value) {
      element.dataset.value = exact(value);
      if (address !== null && askable(address, row, column)) {
        element.dataset.a = address;
        element.dataset.r = row;
        element.dataset.c = column;
      }
      return element;
    }

    const plain = (value, digits) => h('span', { class: 'n', 'data-value': exact(number(value)) }, shown(number(value), digits));

    function link(address, row, column, text) {
      const value = valueAt(address, row, column);
      const element = h('a', { class: 'n' + (isGradient(address) ? ' grad' : ''), href: fragment(nameOf(address, row, column)), 'aria-label': `${nameOf(address, row, column)}, ${text ?? shown(value)}` }, text ?? shown(value));
      return mark(element, address, row, column, value);
    }

    const toFigure = (address, text) => h('a', { class: 'to' + (isGradient(address) ? ' grad' : ''), href: fragment(quantity(address)?.number ? address : address) }, text ?? address);

    // ---- strength and sign ----

    const largestOf = q => Math.max(Math.abs(number(q.summary?.min ?? 0)), Math.abs(number(q.summary?.max ?? 0))) || 1;

    function tint(element, value, largest) {
      element.classList.toggle('pos', value > 0);
      element.classList.toggle('neg', value < 0);
      element.classList.toggle('odd', !Number.isFinite(value));
      element.style.setProperty('--s', Number.isFinite(value) ? Math.min(1, Math.abs(value) / largest).toFixed(3) : 1);
    }

    // ---- a table of a quantity ----

    function grid(address) {
      const q = quantity(address), rows = rowsOf(q).slice(0, 64), columns = columnsOf(q).slice(0, 32);
      const many = q.columns > 1, cells = [];
      const table = h('table', { role: 'grid', 'aria-label': address, class: isGradient(address) ? 'grad' : null });
      if (many) table.append(h('thead', {}, h('tr', {}, q.rows > 1 ? h('td') : null, columns.map((column, k) => h('th', { scope: 'col', class: k && column > columns[k - 1] + 1 ? 'gap' : null }, String(column))))));
      table.append(h('tbody', {}, rows.map((row, k) => {
        const line = h('tr', { class: k && row > rows[k - 1] + 1 ? 'gap' : null, 'data-sample': q.rows === data.samples && q.kind !== 'parameter' && q.kind !== 'next' && !quantity(q.of)?.kind?.startsWith('param') ? row : null },
          q.rows > 1 ? h('th', { scope: 'row' }, String(row)) : null,
          columns.map((column, l) => {
            const cell = h('td', { role: 'gridcell', tabindex: cells.length ? -1 : 0, class: l && column > columns[l - 1] + 1 ? 'gap' : null });
            cells.push([cell, row, column]);
            return cell;
          }));
        return line;
      })));
      bind(() => {
        const now = quantity(address), values = cells.map(([, row, column]) => valueAt(address, row, column)), format = aligned(values), largest = largestOf(now);
        cells.forEach(([cell, row, column], i) => {
          if (cell.querySelector('input')) return;
          cell.textContent = format(values[i]);
          cell.setAttribute('aria-label', `${nameOf(address, row, column)}, ${shown(values[i])}`);
          if (editable(address)) cell.dataset.edit = '';
          mark(cell, address, row, column, values[i]);
          tint(cell, values[i], largest);
        });
      });
      const left = [rowsOf(q).length > rows.length || q.rows > rows.length ? `${(q.rows - rows.length).toLocaleString('en')} more rows` : null, q.columns > columns.length ? `${(q.columns - columns.length).toLocaleString('en')} more columns` : null].filter(Boolean);
      return [h('div', { class: 'box' }, table), left.length ? h('p', { class: 'small' }, '… ' + left.join(', ')) : null];
    }

    function heat(address) {
      const canvas = h('canvas', { role: 'img', 'aria-label': `Heat map of ${address}: blue is positive, orange negative` });
      const q = quantity(address), { rows, columns } = q.heat, scale = Math.max(1, Math.min(8, Math.floor(256 / Math.max(rows, columns))));
      canvas.width = columns;
      canvas.height = rows;
      canvas.style.width = `${columns * scale}px`;
      canvas.style.aspectRatio = `${columns} / ${rows}`;
      if (rows < 8) canvas.style.minHeight = `${rows * 8}px`;
      const draw = () => {
        const map = quantity(address).heat, style = getComputedStyle(root), paint = canvas.getContext('2d'), flat = map.values.flat().map(number);
        const largest = flat.reduce((most, value) => Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most, 0) || 1;
        paint.clearRect(0, 0, columns, rows);
        flat.forEach((value, i) => {
          paint.globalAlpha = Number.isFinite(value) ? (Math.abs(value) / largest) ** 0.8 : 1;
          paint.fillStyle = style.getPropertyValue(!Number.isFinite(value) ? '--ink' : value < 0 ? '--neg' : '--pos');
          paint.fillRect(i % columns, Math.floor(i / columns), 1, 1);
        });
      };
      bind(draw);
      matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw, { signal });
      const each = q.rows > rows || q.columns > columns ? `each square the mean of ${Math.ceil(q.rows / rows)} × ${Math.ceil(q.columns / columns)} entries` : 'a square for each entry';
      return h('div', { class: 'heat' }, canvas, h('p', { class: 'small' }, each));
    }

    function histogram(of, label) {
      const { from, to, counts } = of, most = Math.max(1, ...counts), w = 160, tall = 44;
      return h('div', { class: 'histogram' },
        s('svg', { viewBox: `0 0 ${w} ${tall}`, width: w, height: tall, role: 'img', 'aria-label': `Histogram of ${label}, from ${shown(number(from), 3)} to ${shown(number(to), 3)}: ${counts.join(', ')}` },
          counts.map((count, i) => s('rect', { x: i * w / counts.length + 0.5, width: w / counts.length - 1, y: tall - count / most * (tall - 1), height: count / most * (tall - 1) })),
          s('line', { x1: 0, x2: w, y1: tall - 0.5, y2: tall - 0.5 })),
        h('div', { class: 'ends' }, plain(from, 3), plain(to, 3)));
    }

    const percent = part => h('span', { class: 'n', 'data-value': exact(number(part)) }, `${shown(number(part) * 100, 3)} %`);

    function summary(address) {
      const box = h('div', { class: 'summary' });
      bind(() => {
        const of = quantity(address).summary;
        const numbers = [['min', of.min], ['¼', of.q1], ['median', of.median], ['¾', of.q3], ['max', of.max], ['mean', of.mean], ['norm', of.norm]];
        box.replaceChildren(
          h('dl', {}, numbers.filter(([, value]) => value != null).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, plain(value, 4)))),
            of.zeros != null ? h('div', {}, h('dt', {}, 'zeros'), h('dd', {}, percent(of.zeros))) : null,
            of.saturated != null ? h('div', {}, h('dt', {}, 'saturated'), h('dd', {}, percent(of.saturated))) : null),
          of.histogram ? histogram(of.histogram, address) : '',
          of.largest?.length ? h('p', { class: 'small' }, 'Largest: ', of.largest.map(([row, column, value], i) => {
            const name = nameOf(address, row, column);
            const item = h(askable(address, row, column) ? 'a' : 'span', { class: 'n', href: askable(address, row, column) ? fragment(name) : null }, `${name.slice(address.length)} = ${shown(number(value), 4)}`);
            return [i ? ', ' : '', mark(item, address, row, column, number(value))];
          })) : '');
      });
      return box;
    }

    function figure(address) {
      const q = quantity(address), big = !!q.heat || q.rows * q.columns > 400;
      const size = q.number ? '' : q.vector ? `${q.columns}` : `${q.rows} × ${q.columns}`;
      const node = h('figure', { 'data-figure': address, class: big ? 'big' : null, 'data-at': at.get(address) ?? -1 },
        h('figcaption', {}, h('span', { class: 'name' + (isGradient(address) ? ' grad' : '') }, address), size ? h('span', { class: 'size' }, size) : null, q.frozen ? h('span', { class: 'size' }, 'frozen') : null));
      const bad = h('p', { class: 'small bad' });
      bind(() => {
        const first = quantity(address).summary?.notFinite;
        bad.hidden = !first;
        bad.replaceChildren(...first ? ['First not finite: ', askable(address, ...first) ? link(address, first[0], first[1], nameOf(address, ...first)) : nameOf(address, ...first)] : []);
      });
      if (!q.rows || !q.columns) node.append(h('p', { class: 'small' }, 'no entries'));
      else if (big) node.append(h('div', { class: 'side' }, q.heat ? heat(address) : '', q.summary ? summary(address) : ''), h('p', { class: 'small' }, 'Some entries:'), ...grid(address).filter(Boolean));
      else node.append(...grid(address).filter(Boolean));
      node.append(bad);
      if (!figures.has(address)) figures.set(address, node);
      return node;
    }

    // ---- an answer ----

    // The leaves of a formula with numbers: links where there is more to ask.
    function leafOf() {
      const leaf = (value, e) => {
        if (!e) {
          const node = m('mn', { 'data-value': exact(value) }, shown(value));
          return node;
        }
        const [, address, row, column, given] = e;
        value = valueAt(address, row, column) ?? number(given);
        const node = mark(m('mn', { class: isGradient(address) ? 'grad' : null }, shown(value)), address, row, column, value);
        if (node.dataset.a !== undefined) for (const [name, text] of [['role', 'link'], ['tabindex', 0]]) node.setAttribute(name, text);
        node.setAttribute('aria-label', `${nameOf(address, row, column)}, ${shown(value)}`);
        return { node, value };
      };
      leaf.quantity = quantity;
      return leaf;
    }

    const formulaOf = answer => typeof answer.formula === 'number' ? data.formulas?.[answer.formula] : answer.formula;

    function symbolsIn(e, found = new Set()) {
      if (Array.isArray(e)) e[0] === 's' ? found.add(e[1]) : e.forEach(part => symbolsIn(part, found));
      return found;
    }

    function legendOf(answer, e) {
      const layer = answer.layer === undefined ? data.loss : data.layers.find(candidate => candidate.path === answer.layer);
      const used = symbolsIn(e), items = (layer?.legend ?? []).filter(([name]) => used.has(name));
      return items.length ? h('p', { class: 'legend' }, 'where ', items.map(([name, address], i) => [i ? ', ' : '', h('span', { class: 'pair' }, m('math', {}, symbol(name, '')), ' = ', toFigure(address))])) : null;
    }

    function derivation(address, row, column, answer) {
      const value = number(answer.value), name = nameOf(address, row, column), kind = quantity(address)?.kind;
      const result = mark(h('b', { class: 'result n' + (kind === 'gradient' ? ' grad' : '') }, shown(value)), address, row, column, value);
      if (answer.given || answer.numbers == null) {
        const why = kind === 'parameter' ? 'A parameter: it is learned, and nothing comes before it.' : kind === 'data' ? 'Data: it is given, and nothing comes before it.' : 'Nothing comes before it.';
        return [h('p', { class: 'equation' }, h('span', { class: 'name' }, name), ' = ', result), answer.given ? h('p', { class: 'small' }, why) : null, answer.note ? h('p', { class: 'note' }, answer.note) : null];
      }
      const e = formulaOf(answer), leaf = leafOf(), numbers = m('math', { display: 'block', class: 'numbers' }, math(answer.numbers, leaf));
      const wrong = answer.agrees === false;
      return [
        e ? h('div', { class: 'box symbols' }, formula(e)) : null,
        e ? legendOf(answer, e) : null,
        h('p', { class: 'small with' }, 'with numbers:'),
        h('div', { class: 'box working' }, numbers),
        h('p', { class: 'equation' }, '= ', wrong ? h('b', { class: 'n', 'data-value': exact(number(answer.computed)) }, shown(number(answer.computed))) : result),
        wrong
          ? h('p', { class: 'wrong' }, h('strong', {}, 'WRONG.'), ' The library has ', result, ', but the formula gives ', plain(answer.computed), '.')
          : h('p', { class: 'agrees' }, '✓ the library has this number'),
        answer.generic ? h('p', { class: 'note generic' }, 'The local derivatives were found by the layer’s own backward pass.') : null,
        answer.note ? h('p', { class: 'note' }, answer.note) : null,
      ];
    }

    function trailOf() { return history.state?.trail ?? []; }

    function renderPanel() {
      const { panel, status } = parts;
      root.querySelectorAll('.open, .used').forEach(element => element.classList.remove('open', 'used'));
      root.querySelectorAll('[aria-selected]').forEach(element => element.removeAttribute('aria-selected'));
      if (!open) {
        panel.replaceChildren(h(level(2), { tabindex: -1 }, 'Ask'), h('p', {}, 'Choose any number: here stands where it comes from.'));
        root.classList.remove('asked');
        return;
      }
      const { address, row, column } = open, answer = answerOf(address, row, column), name = nameOf(address, row, column), value = answer ? number(answer.value) : valueAt(address, row, column);
      const trail = trailOf(), kept = trail.slice(-4);
      const content = [
        h('div', { class: 'bar' },
          trail.length ? h('nav', { class: 'trail', 'aria-label': 'Asked before' }, h('ol', {}, trail.length > kept.length ? h('li', {}, '…') : null, kept.map((before, i) => {
            const back = h('a', { href: fragment(before), 'data-back': kept.length - i }, before);
            return h('li', {}, back);
          }))) : h('span', { class: 'trail small' }, 'Where does it come from?'),
          h('button', { type: 'button', class: 'close', 'aria-label': 'Close' }, '×')),
        h(level(2), { tabindex: -1 }, name),
      ];
      if (!answer) content.push(h('p', {}, 'There is no explanation of this entry.'));
      else content.push(...derivation(address, row, column, answer));
      if (editable(address)) {
        const input = h('input', { type: 'number', step: 'any', value: exact(value), 'aria-label': `New value of ${name}` });
        input.addEventListener('change', () => { if (input.value !== '' && Number.isFinite(+input.value)) options.onEdit(address, row, column, +input.value); });
        content.push(h('p', { class: 'edit' }, h('label', {}, 'Change it: ', input)));
      }
      panel.replaceChildren(...content.filter(Boolean));
      root.classList.add('asked');
      for (const element of standing(address, row, column)) {
        element.classList.add('open');
        if (element.getAttribute('role') === 'gridcell') element.setAttribute('aria-selected', 'true');
      }
      if (answer?.numbers) (function walk(e) {
        if (!Array.isArray(e)) return;
        if (e[0] === 'q') standing(e[1], e[2], e[3]).forEach(element => element.classList.add('used'));
        else e.forEach(walk);
      })(answer.numbers);
      const said = answer ? `${name} is ${shown(value)}${answer.given ? '' : answer.agrees === false ? ', and the explanation is wrong' : ''}.` : name;
      if (status.textContent !== said) status.textContent = said;
    }

    const standing = (address, row, column) => parts.main.querySelectorAll(`[data-a="${CSS.escape(address)}"][data-r="${row}"][data-c="${column}"]`);

    function go(address, row, column) {
      const name = nameOf(address, row, column);
      if (open && nameOf(open.address, open.row, open.column) === name && root.classList.contains('asked')) return;
      const trail = open && root.classList.contains('asked') ? [...trailOf(), nameOf(open.address, open.row, open.column)] : trailOf();
      open = { address, row, column };
      try { history.pushState({ trail }, '', fragment(name)); } catch { location.hash = fragment(name); }
      renderPanel();
    }

    function back() {
      if (trailOf().length) history.back();
      else close();
    }

    function close() {
      root.classList.remove('asked');
      origin?.isConnected && origin.focus();
    }

    // What the address bar names. False where that is nothing of this network.
    function follow() {
      let name;
      try { name = decodeURIComponent(location.hash.slice(1)); } catch { return false; }
      const found = name ? parse(name.replace(/,(?=\d+\]$)/, ', '), data) : null;
      if (!found) return false;
      if (found.whole) { showFigure(found.address); return true; }
      open = found;
      renderPanel();
      return true;
    }

    function showFigure(address) {
      const node = figures.get(address);
      if (!node) return;
      node.scrollIntoView({ block: 'nearest', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
      root.querySelectorAll('.found').forEach(element => element.classList.remove('found'));
      node.classList.add('found');
      node.querySelector('[tabindex="0"]')?.focus({ preventScroll: true });
    }

    // ---- the four steps ----

    // When each quantity is computed: the place in the sequence.
    function order() {
      at = new Map();
      sequence = [];
      const chain = leaves(), n = chain.length, hasLoss = !!data.loss;
      const set = (address, place) => { if (address != null && !at.has(address)) at.set(address, place); };
      chain.forEach((layer, k) => { sequence.push({ phase: 'Forward', layer, k }); set(layer.output, k); });
      if (hasLoss) {
        sequence.push({ phase: 'Loss' });
        set('loss', n);
        sequence.push({ phase: 'Backward', loss: true });
        const last = data.layers[0]?.outputGradient ?? chain[n - 1]?.outputGradient;
        set(last, n + 1);
        set(chain[n - 1]?.outputGradient, n + 1);
        [...chain].reverse().forEach((layer, i) => {
          sequence.push({ phase: 'Backward', layer, k: n - 1 - i });
          set(layer.inputGradient, n + 2 + i);
          layer.parameters.forEach(address => set(address + '.grad', n + 2 + i));
        });
        if (data.learningRate != null) {
          sequence.push({ phase: 'Update' });
          Object.keys(data.quantities).filter(address => data.quantities[address].kind === 'next').forEach(address => set(address, sequence.length - 1));
        }
      }
      data.layers.forEach((layer, i) => {
        if (layer.leaf) return;
        const inner = [];
        for (let j = i + 1; j < data.layers.length && data.layers[j].depth > layer.depth; j++) if (data.layers[j].leaf) inner.push(data.layers[j]);
        if (!inner.length) return;
        set(layer.output, Math.max(...inner.map(leaf => at.get(leaf.output) ?? 0)));
        if (hasLoss) set(layer.inputGradient, Math.max(...inner.map(leaf => at.get(leaf.inputGradient) ?? 0)));
        layer.parameters.forEach(address => hasLoss && set(address + '.grad', n + 1 + n));
      });
      Object.keys(data.quantities).forEach(address => { if (isGradient(address)) set(address, n + 1 + n); });
    }

    const phases = () => [...new Set(sequence.map(place => place.phase))];

    function setStep(place, quiet) {
      step = place == null ? null : Math.max(0, Math.min(sequence.length - 1, place));
      const now = step == null ? null : sequence[step];
      root.classList.toggle('stepping', step != null);
      root.querySelectorAll('[data-at]').forEach(element => {
        element.classList.toggle('later', step != null && +element.dataset.at > step);
        element.classList.toggle('now', step != null && +element.dataset.at === step);
      });
      root.querySelectorAll('section[data-layer], [data-block]').forEach(element => element.classList.toggle('here', !!now?.layer && (element.dataset.layer ?? element.dataset.block) === now.layer.path));
      parts.buttons.forEach(([button, phase]) => button.setAttribute('aria-pressed', String(phase === (now?.phase ?? null))));
      if (quiet) return;
      const { sentence } = parts;
      if (!now) {
        sentence.replaceChildren(h('p', {}, 'Everything is shown. Press → to go through it a step at a time.'));
        return;
      }
      const inPhase = sequence.filter(other => other.phase === now.phase), count = inPhase.indexOf(now) + 1;
      const lines = [], head = inPhase.length > 1 ? `${now.phase}, ${count} of ${inPhase.length}. ` : `${now.phase}. `;
      const { layer } = now, list = addresses => addresses.map((address, i) => [i ? ' and ' : '', toFigure(address)]);
      const formulas = (expressions, text) => expressions?.length ? expressions.map(formula) : text ? h('p', { class: 'text' }, text) : [];
      if (now.phase === 'Forward') lines.push(h('p', {}, h('strong', {}, head), h('b', {}, title(layer)), `, ${layer.text}, takes `, toFigure(layer.input), ' and gives ', toFigure(layer.output), '.'), formulas(layer.formula && [layer.formula], layer.formulaText));
      else if (now.phase === 'Loss') lines.push(h('p', {}, h('strong', {}, head), `${data.loss.text} compares what came out with the target, and leaves one number, `, toFigure('loss', 'L'), '. The smaller, the better.'), formulas(data.loss.formula && [data.loss.formula], data.loss.formulaText));
      else if (now.loss) lines.push(h('p', {}, h('strong', {}, head), 'From right to left. First the loss: how much does L grow if an output grows a little?'), formulas(data.loss.derivative && [data.loss.derivative].filter(Boolean), data.loss.derivativeText));
      else if (now.phase === 'Backward') {
        const gives = [...layer.parameters.map(address => address + '.grad'), layer.inputGradient].filter(quantity);
        lines.push(h('p', {}, h('strong', {}, head), h('b', {}, title(layer)), ' is given ', layer.outputGradient ? toFigure(layer.outputGradient) : 'dY', ' from its right, multiplies by its own derivative', gives.length ? [', and gives ', list(gives)] : '', '.'), formulas(layer.derivative, layer.derivativeText));
      } else lines.push(h('p', {}, h('strong', {}, head), 'Each parameter takes a small step against its gradient, and L falls. The learning rate η is ', plain(data.learningRate), '.'), formula(update));
      sentence.replaceChildren(...lines.flat(9));
    }

    const update = ['=', ['s', 'p', 'next'], ['+', ['s', 'p', ''], ['-', ['*', ['s', 'η', ''], ['s', 'dp', '']]]]];

    function toPhase(index) {
      if (index == null || index < 0) return setStep(null);
      const place = sequence.findIndex(other => other.phase === ['Forward', 'Loss', 'Backward', 'Update'][index]);
      if (place >= 0) setStep(place);
    }

    const forwards = () => setStep(step == null ? 0 : step + 1);
    const backwards = () => setStep(step == null || step === 0 ? null : step - 1);

    // ---- the drawing ----

    function text(x, y, content, attributes = {}) { return s('text', { x, y, ...attributes }, content); }

    function entryText(x, y, address, row, column, attributes = {}, before = '') {
      const value = valueAt(address, row, column);
      if (value === undefined) return [];
      const node = mark(text(x, y, before + shown(value, 4), { ...attributes, class: `n ${isGradient(address) ? 'grad' : ''} ${attributes.class ?? ''}`, 'data-at': at.get(address) ?? -1 }), address, row, column, value);
      if (editable(address)) node.dataset.edit = '';
      return node;
    }

    const labelled = (x, y, content, length, attributes) => s('g', {}, s('title', {}, content), text(x, y, clip(content, length), attributes));

    function chained() {
      const chain = leaves();
      return chain.length && chain.length <= 8 && chain.every((layer, k) => {
        const into = quantity(layer.input), out = quantity(layer.output);
        return into && out && into.columns <= 16 && out.columns <= 16 && layer.input === (k ? chain[k - 1].output : 'x');
      });
    }

    function drawUnits() {
      const chain = leaves(), columns = [{ address: 'x' }, ...chain.map(layer => ({ address: layer.output, layer }))];
      const most = Math.max(...columns.map(column => quantity(column.address).columns)), small = most > 6;
      const pitch = small ? 50 : most > 1 ? 80 : 90, r = small ? 9 : 17, gap = 148, top = 66 + 14 * Math.max(0, ...data.layers.filter(layer => !layer.leaf).map(layer => layer.depth)), left = 56;
      const width = left * 2 + gap * (columns.length - 1) + (data.loss ? gap - 10 : 0), height = top + most * pitch + 26, middle = top + most * pitch / 2;
      const x = k => left + k * gap, y = (k, i) => middle + (i - (quantity(columns[k].address).columns - 1) / 2) * pitch;
      const wires = s('g', { class: 'wires' }), units = s('g'), notes = s('g'), frames = s('g', { class: 'frames' });
      columns.forEach(({ address, layer }, k) => {
        const q = quantity(address), largest = largestOf(q);
        labelledColumn(x(k), layer ? title(layer) : 'x', layer ? layer.text : 'input', layer);
        if (layer) {
          const W = layer.kind === 'linear' ? layer.parameters.find(name => { const p = quantity(name); return p && p.rows === q.columns && p.columns === quantity(layer.input).columns && !p.vector; }) : undefined;
          const b = layer.kind === 'linear' ? layer.parameters.find(name => quantity(name)?.vector) : undefined;
          const inputs = quantity(layer.input).columns, weights = W ? quantity(W) : null, strongest = weights ? largestOf(weights) : 1;
          const straight = layer.kind === 'activation' && inputs === q.columns && !/softmax/i.test(layer.type);
          for (let i = 0; i < q.columns; i++) for (let j = 0; j < inputs; j++) {
            if (straight && i !== j) continue;
            const value = W ? valueAt(W, i, j) : undefined, ends = { x1: x(k - 1) + r, y1: y(k - 1, j), x2: x(k) - r, y2: y(k, i) };
            const wire = s('g', { class: 'wire', 'data-at': k - 1 }, s('line', { ...ends, class: W ? value < 0 ? 'neg' : 'pos' : 'thin', 'stroke-width': W ? (0.8 + 5 * Math.min(1, Math.abs(value) / strongest)).toFixed(2) : 1 }));
            if (W && value !== undefined) {
              wire.append(s('line', { ...ends, class: 'hit' }));
              mark(wire, W, i, j, value);
              if (editable(W)) wire.dataset.edit = '';
              if (inputs * q.columns <= 8) {
                const t = inputs * q.columns === 1 ? 0.5 : q.columns >= inputs ? 0.66 : 0.34, wx = ends.x1 + (ends.x2 - ends.x1) * t, wy = ends.y1 + (ends.y2 - ends.y1) * t;
                const gradient = inputs * q.columns === 1 ? entryText(wx, wy + 17, W + '.grad', i, j) : [];
                notes.append(...[entryText(wx, wy - 6, W, i, j, { class: 'halo' }), gradient].flat());
              }
            }
            wires.append(wire);
          }
          if (b && !small) for (let i = 0; i < q.columns; i++) notes.append(...[entryText(x(k), y(k, i) + r + 31, b, 0, i, { class: 'faint' }, 'b ')].flat());
        }
        for (let i = 0; i < q.columns; i++) {
          const value = valueAt(address, sample, i), circle = s('circle', { cx: x(k), cy: y(k, i), r });
          const unit = s('g', { class: 'unit', 'data-at': at.get(address) ?? -1, 'data-block': layer?.path }, circle);
          if (value !== undefined) { mark(unit, address, sample, i, value); tint(unit, value, largest); }
          if (!small) unit.append(text(x(k), y(k, i) + 5, layer ? { linear: 'Σ', activation: /sigmoid/i.test(layer.type) ? 'σ' : /relu/i.test(layer.type) ? '⟋' : 'f' }[layer.kind] ?? 'f' : 'x', { class: 'sign' }));
          units.append(unit);
          notes.append(...[entryText(x(k), y(k, i) - r - 6, address, sample, i), entryText(x(k), y(k, i) + r + 15, address + '.grad', sample, i)].flat());
        }
      });
      data.layers.forEach((layer, i) => {
        if (layer.leaf || !layer.path) return;
        const inside = [];
        for (let j = i + 1; j < data.layers.length && data.layers[j].depth > layer.depth; j++) if (data.layers[j].leaf) inside.push(chain.indexOf(data.layers[j]) + 1);
        if (!inside.length) return;
        const x0 = x(inside[0]) - 62 + 4 * layer.depth, x1 = x(inside.at(-1)) + 62 - 4 * layer.depth, y0 = 4 + 14 * (layer.depth - 1);
        frames.append(s('rect', { x: x0, y: y0, width: x1 - x0, height: height - 2 * y0, rx: 8 }), labelled(x0 + 8, y0 + 13, `${title(layer)}: ${layer.text}`, 24, { class: 'frame' }));
      });
      if (data.loss) {
        const k = columns.length - 1, X = x(k) + gap - 20, target = quantity('target');
        for (let i = 0; i < quantity(columns[k].address).columns; i++) {
          wires.append(s('g', { class: 'wire', 'data-at': at.get('loss') }, s('line', { x1: x(k) + r, y1: y(k, i), x2: X - 20, y2: middle, class: 'thin' })));
          if (target && target.columns === quantity(columns[k].address).columns && !small) notes.append(...[entryText(x(k) + r + 8, y(k, i) + 22, 'target', sample, i, { class: 'faint start' }, 'target ')].flat());
        }
        labelledColumn(X, 'loss', data.loss.text);
        const value = valueAt('loss', 0, 0);
        units.append(mark(s('g', { class: 'unit loss', 'data-at': at.get('loss') }, s('circle', { cx: X, cy: middle, r: 20 }), text(X, middle + 6, 'L', { class: 'sign' })), 'loss', 0, 0, value));
        notes.append(...[entryText(X, middle - 27, 'loss', 0, 0)].flat());
      }
      function labelledColumn(X, name, kind, layer) {
        notes.append(s('g', { class: 'head', 'data-block': layer?.path }, labelled(X, top - 40, name, 16, { class: 'title' }), labelled(X, top - 22, kind, 22, { class: 'kind' })));
      }
      return s('svg', { viewBox: `0 0 ${width} ${height}`, width, height }, frames, wires, units, notes);
    }

    // Blocks, where the units are too many or the network is no chain. Frames are containers.
    function drawBlocks() {
      const nodes = data.layers.map(layer => ({ layer, inner: [] })), stack = [], roots = [];
      nodes.forEach(node => {
        while (stack.length && stack.at(-1).layer.depth >= node.layer.depth) stack.pop();
        (stack.length ? stack.at(-1).inner : roots).push(node);
        stack.push(node);
      });
      const W = 138, H = 98, gap = 30, pad = 14;
      const isRoot = node => !node.layer.path && !node.layer.leaf;
      function size(node) {
        if (node.layer.leaf || !node.inner.length) return Object.assign(node, { w: W, h: H });
        node.inner.forEach(size);
        node.parallel = node.inner.length > 1 && node.inner.every(child => child.layer.input === node.inner[0].layer.input);
        node.skip = /residual/i.test(node.layer.type);
        const ws = node.inner.map(child => child.w), hs = node.inner.map(child => child.h), sum = list => list.reduce((a, b) => a + b, 0) + gap * (list.length - 1);
        const around = isRoot(node) ? 0 : pad;
        node.top = isRoot(node) ? 0 : node.skip ? 44 : 26;
        node.w = (node.parallel ? Math.max(...ws) : sum(ws)) + 2 * around + (around ? 20 : 0);
        node.h = (node.parallel ? sum(hs) - (gap - 14) * (hs.length - 1) : Math.max(...hs)) + node.top + around;
        return node;
      }
      const picture = s('g'), arrow = (x1, y1, x2, y2, tip = true) => {
        picture.append(s('path', { class: 'flow', d: `M${x1} ${y1}C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}` }), tip ? s('path', { class: 'tip', d: `M${x2} ${y2}l-7 -3.5v7z` }) : '');
      };
      function strip(x, y, address) {
        const q = quantity(address);
        if (!q?.columns) return [];
        const i = rowsOf(q).indexOf(sample), values = i >= 0 ? q.values[i].map(number) : [], count = Math.min(32, values.length), largest = largestOf(q), w = (W - 20) / Math.max(1, count);
        return values.slice(0, count).map((value, k) => {
          const cell = mark(s('rect', { x: x + k * w, y, width: Math.max(1, w - 0.7), height: 14, class: 'cell', 'data-at': at.get(address) ?? -1 }), address, sample, columnsOf(q)[k], value);
          tint(cell, value, largest);
          return cell;
        });
      }
      function norm(x, y, address, label) {
        const q = quantity(address), value = q?.summary ? number(q.summary.norm) : undefined;
        return value === undefined ? [] : text(x, y, `${label} ${shown(value, 4)}`, { class: 'n small ' + (isGradient(address) ? 'grad' : ''), 'data-value': exact(value), 'data-at': at.get(address) ?? -1 });
      }
      function place(node, x, y) {
        const { layer } = node;
        Object.assign(node, { x, y, mid: y + (node.top ?? 0) + ((node.h - (node.top ?? 0) - (node.inner.length && !isRoot(node) ? pad : 0)) / 2) });
        if (layer.leaf || !node.inner.length) {
          picture.append(s('g', { class: 'block', 'data-block': layer.path, 'data-at': at.get(layer.output) ?? -1 }, s('rect', { x, y, width: W, height: H, rx: 5 })),
            labelled(x + 10, y + 19, title(layer), 18, { class: 'title start' }), labelled(x + 10, y + 35, layer.text, 22, { class: 'kind start' }),
            ...strip(x + 10, y + 43, layer.output), ...[norm(x + 10, y + 73, layer.output, '‖y‖'), norm(x + 10, y + 89, layer.outputGradient, '‖dY‖')].flat());
          return;
        }
        if (!isRoot(node)) picture.append(s('rect', { class: 'frame', x, y, width: node.w, height: node.h, rx: 9 }), labelled(x + 10, y + 17, `${title(layer)}: ${layer.text}`, Math.floor(node.w / 7), { class: 'kind start' }));
        let X = x + (isRoot(node) ? 0 : pad + 10), Y = y + node.top;
        node.inner.forEach((child, i) => {
          place(child, node.parallel ? x + (node.w - child.w) / 2 : X, node.parallel ? Y : node.mid - child.h / 2 - ((child.mid ?? 0) * 0));
          if (node.parallel) { arrow(x, node.mid, child.x, child.mid); arrow(child.x + child.w, child.mid, x + node.w, node.mid, false); Y += child.h + 14; }
          else {
            if (i) arrow(node.inner[i - 1].x + node.inner[i - 1].w, node.inner[i - 1].mid, child.x, child.mid);
            X += child.w + gap;
          }
        });
        if (!node.parallel && !isRoot(node)) { arrow(x, node.mid, node.inner[0].x, node.inner[0].mid); const end = node.inner.at(-1); arrow(end.x + end.w, end.mid, x + node.w, node.mid, false); }
        if (node.skip) picture.append(s('path', { class: 'flow', d: `M${x} ${node.mid}C${x + 6} ${y + 30} ${x + 14} ${y + 32} ${x + 40} ${y + 32}H${x + node.w - 40}C${x + node.w - 14} ${y + 32} ${x + node.w - 6} ${y + 30} ${x + node.w} ${node.mid}` }), text(x + node.w - 30, y + 28, '+ x', { class: 'kind' }));
      }
      const base = 8, sized = roots.map(size), total = sized.reduce((sum, node) => sum + node.w + gap, 0), tall = Math.max(H, ...sized.map(node => node.h));
      let X = 62;
      sized.forEach(node => { place(node, X, base + (tall - node.h) / 2); X += node.w + gap; });
      const first = sized[0], last = sized.at(-1), mid = first?.mid ?? 60;
      picture.append(text(26, mid - 6, 'x', { class: 'title' }), text(26, mid + 12, quantity('x') ? `${quantity('x').columns} wide` : '', { class: 'kind' }));
      if (first) arrow(46, mid, first.x, first.mid);
      let width = 62 + total;
      if (data.loss && last) {
        arrow(last.x + last.w, last.mid, X, last.mid);
        picture.append(mark(s('g', { class: 'unit loss', 'data-at': at.get('loss') }, s('circle', { cx: X + 22, cy: last.mid, r: 21 }), text(X + 22, last.mid + 6, 'L', { class: 'sign' })), 'loss', 0, 0, valueAt('loss', 0, 0)),
          ...[entryText(X + 22, last.mid - 28, 'loss', 0, 0)].flat(), labelled(X + 22, last.mid + 38, data.loss.text, 18, { class: 'kind' }));
        width += 70;
      }
      return s('svg', { viewBox: `0 0 ${width} ${tall + 2 * base}`, width, height: tall + 2 * base }, picture);
    }

    function describe() {
      return `The network: x, ${leaves().map(layer => `then ${title(layer)}, ${layer.text}`).join(', ')}${data.loss ? `, then the loss, ${data.loss.text}` : ''}. Every number in it stands in a table below.`;
    }

    function redraw() {
      const svg = chained() ? drawUnits() : drawBlocks();
      svg.setAttribute('role', 'img');
      svg.setAttribute('aria-label', describe());
      parts.drawing.replaceChildren(svg);
      root.querySelectorAll('[data-sample]').forEach(row => row.classList.toggle('sample', +row.dataset.sample === sample));
    }

    // ---- sections ----

    // One value and one gradient of a layer, worked out in full.
    function example(address) {
      const answers = own(data.answers, address);
      if (!answers) return null;
      const keys = Object.keys(answers).filter(key => !answers[key].given && answers[key].numbers != null);
      if (!keys.length) return null;
      const size = e => JSON.stringify(e).length;
      const key = keys.slice(0, 40).find(k => number(answers[k].value) !== 0 && size(answers[k].numbers) > 20) ?? keys[0];
      const [row, column] = key.split(',').map(Number), box = h('div', { class: 'example', 'data-at': at.get(address) ?? -1 });
      bind(() => {
        const answer = own(own(data.answers, address), key);
        box.replaceChildren(...[h('p', { class: 'head' }, 'For example ', link(address, row, column, nameOf(address, row, column))), ...answer ? derivation(address, row, column, answer) : []].filter(Boolean));
        box.dataset.of = nameOf(address, row, column);
      });
      return box;
    }

    const present = addresses => addresses.filter(address => address != null && quantity(address));

    function flow(label, addresses, phase) {
      const list = [...new Set(present(addresses))];
      return list.length ? h('div', { class: `flow ${phase}`, role: 'group', 'aria-label': label }, h('p', { class: 'phase' }, label), h('div', { class: 'figures' }, list.map(figure))) : null;
    }

    function layerSection(layer) {
      const facts = h('ul', { class: 'facts' });
      bind(() => { facts.hidden = !layerNow(layer).facts?.length; facts.replaceChildren(...(layerNow(layer).facts ?? []).map(fact => h('li', {}, fact))); });
      const gradients = [layer.inputGradient, ...layer.parameters.map(address => address + '.grad'), layer.outputGradient];
      const examples = [example(layer.output), present(gradients).length ? layer.parameters.map(address => address + '.grad').concat(layer.inputGradient).map(address => address && own(data.answers, address) ? address : null).filter(Boolean).map(example).find(Boolean) : null].filter(Boolean);
      const derivative = layer.derivative?.length ? layer.derivative.map(formula) : layer.derivativeText && data.loss ? [h('p', { class: 'text' }, layer.derivativeText)] : [];
      return h('section', { 'data-layer': layer.path, 'aria-label': title(layer) },
        h(level(2 + Math.max(1, layer.depth)), {}, h('span', { class: 'name' }, title(layer)), ' ', h('span', { class: 'kind' }, layer.text)),
        h('div', { class: 'formulas' },
          h('div', { class: 'box' }, layer.formula ? formula(layer.formula) : layer.formulaText ? h('p', { class: 'text' }, layer.formulaText) : ''),
          derivative.length ? h('div', { class: 'box', 'data-at': at.get(layer.inputGradient) ?? -1 }, derivative) : null),
        layer.legend?.length ? h('p', { class: 'legend' }, layer.legend.filter(([, address]) => quantity(address)).map(([name, address], i) => [i ? ', ' : '', h('span', { class: 'pair' }, m('math', {}, symbol(name, '')), ' = ', toFigure(address))])) : null,
        facts,
        flow('Forward: values', [layer.input, ...layer.parameters, layer.output], 'forward'),
        data.loss ? flow('Backward: gradients', gradients, 'backward') : null,
        data.loss ? flow('Update', layer.parameters.map(address => address + '.next'), 'update') : null,
        examples.length ? h('div', { class: 'examples' }, examples) : null);
    }

    const layerNow = layer => data.layers.find(other => other.path === layer.path && other.depth === layer.depth) ?? layer;

    function lossSection() {
      const last = data.layers[0]?.outputGradient ?? leaves().at(-1)?.outputGradient, out = data.layers[0]?.output ?? leaves().at(-1)?.output;
      const examples = [example('loss'), last && example(last)].filter(Boolean);
      return h('section', { 'aria-label': 'The loss', 'data-loss': true }, h(level(2), {}, 'The loss ', h('span', { class: 'kind' }, data.loss.text)),
        h('div', { class: 'formulas' }, h('div', { class: 'box' }, data.loss.formula ? formula(data.loss.formula) : h('p', { class: 'text' }, data.loss.formulaText ?? '')),
          data.loss.derivative ? h('div', { class: 'box' }, formula(data.loss.derivative)) : data.loss.derivativeText ? h('div', { class: 'box' }, h('p', { class: 'text' }, data.loss.derivativeText)) : null),
        flow('Forward: values', [out, 'target', 'loss'], 'forward'), flow('Backward: gradients', [last], 'backward'),
        examples.length ? h('div', { class: 'examples' }, examples) : null);
    }

    function parameterSection() {
      const names = Object.keys(data.quantities).filter(address => data.quantities[address].kind === 'parameter');
      if (!names.length) return null;
      const count = names.reduce((sum, address) => sum + quantity(address).rows * quantity(address).columns, 0), few = count <= 40;
      const lines = few ? names.flatMap(address => rowsOf(quantity(address)).flatMap(row => columnsOf(quantity(address)).map(column => [address, row, column]))) : names.map(address => [address]);
      const kinds = ['', ...data.loss ? ['.grad'] : [], ...data.loss && data.learningRate != null ? ['.next'] : []], heads = { '': 'value', '.grad': 'gradient', '.next': 'next value' };
      const table = h('table', { role: few ? 'grid' : null, class: 'parameters', 'aria-label': 'The parameters' });
      const cells = [];
      table.append(h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'parameter'), few ? null : h('th', { scope: 'col' }, 'entries'), kinds.map(kind => h('th', { scope: 'col' }, (few ? '' : '‖ ') + heads[kind] + (few ? '' : ' ‖'))))),
        h('tbody', {}, lines.map(([address, row, column]) => h('tr', {}, h('th', { scope: 'row' }, few ? nameOf(address, row, column) : toFigure(address), quantity(address).frozen ? ' (frozen)' : ''),
          few ? null : h('td', {}, (quantity(address).rows * quantity(address).columns).toLocaleString('en')),
          kinds.map(kind => {
            const cell = h('td', { class: kind === '.grad' ? 'grad' : null, 'data-at': at.get(address + kind) ?? -1 });
            if (few) { cell.setAttribute('role', 'gridcell'); cell.setAttribute('tabindex', cells.length ? -1 : 0); }
            cells.push([cell, address + kind, row, column]);
            return cell;
          })))));
      bind(() => {
        const format = few ? Object.fromEntries(kinds.map(kind => [kind, aligned(cells.filter(cell => cell[1].endsWith(kind)).map(cell => valueAt(...cell.slice(1))).filter(value => value !== undefined))])) : null;
        cells.forEach(([cell, address, row, column], i) => {
          const value = few ? valueAt(address, row, column) : quantity(address)?.summary ? number(quantity(address).summary.norm) : undefined;
          if (cell.querySelector('input')) return;
          cell.textContent = value === undefined ? '–' : few ? format[kinds[i % kinds.length]](value) : shown(value, 4);
          if (value === undefined) return;
          if (!few) { cell.dataset.value = exact(value); return; }
          cell.setAttribute('aria-label', `${nameOf(address, row, column)}, ${shown(value)}`);
          if (editable(address)) cell.dataset.edit = '';
          mark(cell, address, row, column, value);
          tint(cell, value, largestOf(quantity(address)));
        });
      });
      return h('section', { 'aria-label': 'The parameters' }, h(level(2), {}, 'The parameters'),
        kinds.length === 3 ? h('p', {}, 'A step of gradient descent goes against the gradient, with the learning rate η = ', plain(data.learningRate), ':') : null,
        kinds.length === 3 ? formula(update) : null, h('div', { class: 'box' }, table));
    }

    function render() {
      bindings = [];
      figures = new Map();
      shape = shapeOf(data);
      order();
      const rows = quantity('x') ? rowsOf(quantity('x')) : range(data.samples);
      if (!rows.includes(sample)) sample = rows[0] ?? 0;
      const main = parts.main = h(root.parentElement?.closest('main') ? 'div' : 'main', { class: 'lesson' });
      parts.panel = h('aside', { class: 'panel', 'aria-label': 'Explanation' });
      parts.status = h('p', { class: 'hidden', 'aria-live': 'polite' });
      parts.drawing = h('div', { class: 'drawing box', tabindex: 0, role: 'group', 'aria-label': 'Drawing of the network' });
      parts.sentence = h('div', { class: 'sentence', 'aria-live': 'polite' });
      parts.buttons = [];

      const intro = h('p', { class: 'intro' }), problems = h('div', { class: 'problems', role: 'note', 'aria-label': 'Problems' });
      bind(() => {
        const count = leaves().length, loss = valueAt('loss', 0, 0);
        intro.replaceChildren(`A network of ${count} layer${count === 1 ? '' : 's'}, ${leaves().slice(0, 6).map(layer => layer.text).join(', ')}${count > 6 ? ', …' : ''}, in ${data.mode}, on ${data.samples} sample${data.samples === 1 ? '' : 's'}`,
          ...data.loss && loss !== undefined ? [`. The loss, ${data.loss.text}, is `, link('loss', 0, 0), '.'] : ['. There is no loss: forward only.'], ' Every number can be asked where it comes from.');
        problems.hidden = !data.problems?.length;
        problems.replaceChildren(...data.problems?.length ? [h('strong', {}, data.problems.length === 1 ? 'There is a problem.' : 'There are problems.'), h('ul', {}, data.problems.map(problem => h('li', {}, problem)))] : []);
      });
      main.append(h('header', {}, h(level(1), { dir: 'auto' }, data.title), intro), problems);

      if (data.samples === 0) main.append(h('p', { class: 'empty' }, 'The batch is empty: it has no samples, so there are no values to show.'));

      const select = h('select', {}, rows.map(row => h('option', { value: row, selected: row === sample }, quantity('x')?.columns === 1 ? `${row}: x = ${shown(valueAt('x', row, 0) ?? NaN, 4)}` : String(row))));
      select.addEventListener('change', () => { sample = +select.value; redraw(); setStep(step, true); renderPanel(); });
      const button = (label, phase, act, key) => {
        const node = h('button', { type: 'button', 'aria-pressed': phase === undefined ? null : 'false', 'aria-keyshortcuts': key, title: `Key ${key}` }, label);
        node.addEventListener('click', act);
        if (phase !== undefined) parts.buttons.push([node, phase]);
        return node;
      };
      const key = h('p', { class: 'key small' }, h('span', { class: 'swatch pos' }), 'blue: positive ', h('span', { class: 'swatch neg' }), 'orange: negative; the stronger, the larger ', h('span', { class: 'swatch grad' }), 'plum: gradients of the loss ', h('span', { class: 'swatch open' }), 'green frame: what you are looking at');
      main.append(h('section', { class: 'network', 'aria-label': 'The network' }, h(level(2), {}, 'The network, step by step'),
        h('div', { class: 'controls' },
          h('div', { class: 'steps', role: 'group', 'aria-label': 'Steps' },
            phases().map((phase, i) => button(`${i + 1} ${phase}`, phase, () => toPhase(['Forward', 'Loss', 'Backward', 'Update'].indexOf(phase)), i + 1)), button('All', null, () => setStep(null), 0),
            button('←', undefined, backwards, 'ArrowLeft'), button('→', undefined, forwards, 'ArrowRight')),
          rows.length ? h('label', { class: 'pick' }, 'Sample ', select) : null),
        parts.sentence, parts.drawing, key));
      const arrows = main.querySelectorAll('.steps button');
      arrows[arrows.length - 2].setAttribute('aria-label', 'One step back');
      arrows[arrows.length - 1].setAttribute('aria-label', 'One step further');

      main.append(h('section', { 'aria-label': 'Layers' }, h(level(2), {}, 'Layer by layer'), data.layers.filter(layer => layer.path || layer.leaf).map(layerSection)));
      if (data.loss) main.append(lossSection());
      const parameters = parameterSection();
      if (parameters) main.append(parameters);
      root.replaceChildren(main, parts.panel, parts.status);
      bind(redraw);
      setStep(step);
    }

    const shapeOf = of => JSON.stringify([of.title, of.samples, of.mode, of.loss?.text, of.learningRate, of.layers.map(l => [l.path, l.text, l.depth, l.leaf, l.input, l.output, l.parameters]),
      Object.entries(of.quantities).map(([a, q]) => [a, q.rows, q.columns, q.frozen, q.shownRows, q.shownColumns, !!q.heat])]);

    // ---- what people do ----

    const on = (target, type, act, capture) => target.addEventListener(type, act, { signal, ...capture });
    let dragged = null, suppress = false;

    function ask(element, keyboard) {
      const { a, r, c } = element.dataset;
      if (parts.main.contains(element)) origin = element;
      go(a, +r, +c);
      if (keyboard || parts.panel.contains(element)) parts.panel.querySelector('h1, h2, h3, h4, h5, h6')?.focus();
    }

    on(root, 'click', event => {
      if (suppress) { suppress = false; event.preventDefault(); return; }
      const { target } = event;
      if (target.closest('input')) return;
      const crumb = target.closest('[data-back]'), close_ = target.closest('.close'), to = target.closest('a.to'), element = target.closest('[data-a]');
      if (crumb) { event.preventDefault(); history.go(-crumb.dataset.back); }
      else if (close_) close();
      else if (element) { event.preventDefault(); if (element.matches('td')) rove(element); ask(element, event.detail === 0); }
      else if (to) {
        event.preventDefault();
        const found = parse(decodeURIComponent(to.getAttribute('href').slice(1)), data);
        if (found && !found.whole) go(found.address, 0, 0);
        else if (found) showFigure(found.address);
      }
    });

    function rove(cell) {
      const table = cell.closest('table');
      table.querySelectorAll('[tabindex="0"]').forEach(other => { other.tabIndex = -1; });
      cell.tabIndex = 0;
      cell.focus();
    }

    function edit(cell) {
      const { a, r, c } = cell.dataset, input = h('input', { type: 'number', step: 'any', value: cell.dataset.value, 'aria-label': `New value of ${nameOf(a, +r, +c)}` });
      let done = false;
      const finish = keep => {
        if (done) return;
        done = true;
        const value = +input.value, changed = keep && input.value !== '' && Number.isFinite(value) && value !== +cell.dataset.value;
        input.remove();
        bindings.forEach(refresh => refresh());
        cell.focus();
        if (changed) options.onEdit(a, +r, +c, value);
      };
      input.addEventListener('keydown', event => { event.stopPropagation(); if (event.key === 'Enter') finish(true); else if (event.key === 'Escape') finish(false); });
      input.addEventListener('blur', () => finish(true));
      cell.replaceChildren(input);
      input.select();
    }

    on(root, 'dblclick', event => { const cell = event.target.closest('td[data-edit]'); if (cell && !cell.querySelector('input')) edit(cell); });

    // Dragging a number to the right makes it larger.
    on(root, 'pointerdown', event => {
      const element = event.target.closest('[data-edit]');
      if (element && element.dataset.a !== undefined && event.button === 0 && !event.target.closest('input')) dragged = { ...element.dataset, x: event.clientX, from: +element.dataset.value, moved: false };
    });
    on(window, 'pointermove', event => {
      if (!dragged) return;
      const distance = event.clientX - dragged.x;
      if (!dragged.moved && Math.abs(distance) < 5) return;
      dragged.moved = true;
      event.preventDefault();
      options.onEdit(dragged.a, +dragged.r, +dragged.c, Number((dragged.from + distance * 0.01).toPrecision(6)));
    });
    const drop = event => { if (dragged?.moved) { suppress = event.type === 'pointerup'; setTimeout(() => { suppress = false; }); } dragged = null; };
    on(window, 'pointerup', drop);
    on(window, 'pointercancel', drop);

    on(root, 'keydown', event => {
      const cell = event.target.closest?.('[role=gridcell]'), plainKey = !event.altKey && !event.metaKey;
      if (event.target.matches?.('mn[data-a]') && event.key === 'Enter') { event.preventDefault(); ask(event.target, true); return; }
      if (!cell || !plainKey || event.target !== cell) return;
      const rows = [...cell.closest('tbody').rows].map(row => [...row.querySelectorAll('[role=gridcell]')]), i = rows.findIndex(row => row.includes(cell)), j = rows[i].indexOf(cell);
      let to;
      switch (event.key) {
        case 'ArrowLeft': to = rows[i][j - 1]; break;
        case 'ArrowRight': to = rows[i][j + 1]; break;
        case 'ArrowUp': to = rows[i - 1]?.[j]; break;
        case 'ArrowDown': to = rows[i + 1]?.[j]; break;
        case 'Home': to = (event.ctrlKey ? rows[0] : rows[i])[0]; break;
        case 'End': to = (event.ctrlKey ? rows.at(-1) : rows[i]).at(-1); break;
        case 'Enter': case ' ': if (cell.dataset.a !== undefined) ask(cell, true); break;
        case 'F2': if (cell.dataset.edit !== undefined) edit(cell); break;
        default: return;
      }
      event.preventDefault();
      if (to) rove(to);
    });

    on(document, 'keydown', event => {
      if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || !root.isConnected || event.target.closest?.('input, select, textarea, [contenteditable]')) return;
      switch (event.key) {
        case '0': case '1': case '2': case '3': case '4': toPhase(event.key - 1); break;
        case 'ArrowRight': case 'n': if (event.target.closest?.('.drawing') && event.key !== 'n' && parts.drawing.scrollWidth > parts.drawing.clientWidth) return; forwards(); break;
        case 'ArrowLeft': case 'p': if (event.target.closest?.('.drawing') && event.key !== 'p' && parts.drawing.scrollWidth > parts.drawing.clientWidth) return; backwards(); break;
        case 'Escape': case 'Backspace': if (!root.classList.contains('asked')) return; back(); break;
        default: return;
      }
      event.preventDefault();
    });

    // What is pointed at lights up wherever it stands.
    const point = event => {
      root.querySelectorAll('.hover').forEach(element => element.classList.remove('hover'));
      const element = event.type === 'pointerout' || event.type === 'focusout' ? null : event.target.closest?.('[data-a]');
      if (element && !parts.main.contains(element)) standing(element.dataset.a, element.dataset.r, element.dataset.c).forEach(other => other.classList.add('hover'));
    };
    for (const type of ['pointerover', 'pointerout', 'focusin', 'focusout']) on(root, type, point);

    on(window, 'popstate', () => {
      const inside = parts.panel.contains(document.activeElement);
      if (follow()) { if (inside || document.activeElement === document.body) parts.panel.querySelector('h1, h2, h3, h4, h5, h6')?.focus({ preventScroll: true }); }
      else if (!location.hash) start();
    });

    function start() {
      const found = parse(options.start ?? data.first ?? '', data);
      open = found && !found.whole ? found : null;
      renderPanel();
      if (matchMedia('(max-width: 68rem)').matches) root.classList.remove('asked');
    }

    render();
    if (!follow()) start();

    return {
      update(next) {
        data = next;
        const focused = document.activeElement, key = root.contains(focused) ? { ...focused.dataset } : null;
        if (shapeOf(data) === shape) {
          bindings.forEach(refresh => refresh());
          setStep(step, true);
        } else {
          const asked = root.classList.contains('asked');
          if (open && !quantity(open.address)) open = null;
          render();
          root.classList.toggle('asked', asked);
          if (key?.a !== undefined) standing(key.a, key.r, key.c)[0]?.focus?.();
        }
        if (open && parts.panel.contains(document.activeElement) && document.activeElement.matches('input')) return;
        const asked = root.classList.contains('asked');
        renderPanel();
        if (!asked) root.classList.remove('asked');
      },
      open(address, row = 0, column = 0) { go(address, row, column); },
      step(n, layer = 0) {
        toPhase(n == null ? null : n - 1);
        for (let i = 0; i < layer; i++) forwards();
      },
    };
  }

  globalThis.Explain = { mount };
})();
