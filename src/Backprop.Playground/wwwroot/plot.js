// Draws the points, the fit or the surface behind them, and the loss: from numbers that C# computed.
const SVG = 'http://www.w3.org/2000/svg';

function s(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const name in attributes) if (attributes[name] != null) element.setAttribute(name, attributes[name]);
  element.append(...children);
  return element;
}

const digits = value => !Number.isFinite(value) ? String(value) : Number(value.toPrecision(4)).toString().replace('-', '−');

// A round number of steps between two ends.
function ticks(from, to, most) {
  const rough = (to - from) / most, power = 10 ** Math.floor(Math.log10(rough)), step = [1, 2, 5, 10].map(n => n * power).find(n => n >= rough);
  const list = [];
  for (let k = Math.ceil(from / step - 1e-9); k * step <= to + step * 1e-9; k++) list.push(Number((k * step).toPrecision(6)));
  return list;
}

// Looked up once for light and once for dark: to ask for a style is to lay out the page.
const colours = new Map(), scheme = matchMedia('(prefers-color-scheme: dark)');
function colour(name) {
  const key = name + scheme.matches;
  if (!colours.has(key)) colours.set(key, getComputedStyle(document.getElementById('tools')).getPropertyValue(name).trim());
  return colours.get(key);
}

const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));

// act: { add(a, b), move(index, a, b), remove(index), choose(index) }
export function plane(canvas, svg, act) {
  let range = [-1.2, 1.2], points = [], width = 2, classes = 0, chosen = 0, dragged = null;
  const size = 400, at = value => (value - range[0]) / (range[1] - range[0]) * size, value = place => range[0] + place / size * (range[1] - range[0]);
  const where = event => { const box = svg.getBoundingClientRect(); return [value((event.clientX - box.left) / box.width * size), value(size - (event.clientY - box.top) / box.height * size)]; };
  const round = number => Number(number.toFixed(3));

  function frame(line) {
    const grid = ticks(range[0], range[1], 5).filter(tick => at(tick) > 14 && at(tick) < size - 14), parts = [];
    for (const tick of grid) {
      parts.push(s('line', { class: 'axis', x1: at(tick), x2: at(tick), y1: 0, y2: size, 'stroke-opacity': tick === 0 ? 1 : 0.45 }), s('line', { class: 'axis', y1: size - at(tick), y2: size - at(tick), x1: 0, x2: size, 'stroke-opacity': tick === 0 ? 1 : 0.45 }));
      parts.push(s('text', { class: 'faint halo', x: at(tick), y: size - 4 }, digits(tick)), s('text', { class: 'faint halo start', x: 3, y: size - at(tick) + 4 }, digits(tick)));
    }
    parts.push(s('rect', { class: 'axis', x: .5, y: .5, width: size - 1, height: size - 1 }));
    if (line) parts.push(s('polyline', { class: 'fit', points: line.map(([a, b]) => `${at(a).toFixed(1)},${(size - at(b)).toFixed(1)}`).join(' ') }));
    return parts;
  }

  const names = row => width === 2 ? `Point ${row + 1}: x ${digits(points[row][0])}, y ${digits(points[row][1])}` : `Point ${row + 1} of class ${points[row][2]}: ${digits(points[row][0])}, ${digits(points[row][1])}`;

  function dot(row) {
    const [a, b, c] = points[row];
    return s('circle', {
      class: `point ${classes && width === 3 ? 'class' + c : 'number'}${row === chosen ? ' chosen' : ''}`, cx: at(a), cy: size - at(b), r: points.length > 40 ? 5 : 7, tabindex: row === chosen ? 0 : -1, role: 'img', 'aria-label': names(row), 'data-row': row,
    });
  }

  function choose(row, focus) {
    chosen = row;
    for (const circle of svg.querySelectorAll('.point')) {
      const is = +circle.dataset.row === row;
      circle.classList.toggle('chosen', is);
      circle.setAttribute('tabindex', is ? 0 : -1);
      if (is && focus) circle.focus();
    }
    act.choose?.(row);
  }

  svg.addEventListener('pointerdown', event => {
    if (event.button !== 0) return;
    const circle = event.target.closest('.point');
    if (circle) {
      dragged = { row: +circle.dataset.row, moved: false };
      choose(dragged.row, true);
      svg.setPointerCapture(event.pointerId);
      event.preventDefault();
    } else act.add(...where(event).map(round));
  });
  svg.addEventListener('pointermove', event => {
    if (!dragged || !event.buttons) return;
    dragged.moved = true;
    act.move(dragged.row, ...where(event).map(round));
  });
  svg.addEventListener('pointerup', () => { dragged = null; });
  svg.addEventListener('keydown', event => {
    const step = (range[1] - range[0]) / (event.shiftKey ? 20 : 100), by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
    if (by) act.move(chosen, round(points[chosen][0] + by[0]), round(points[chosen][1] + by[1]));
    else if (event.key === 'PageDown' || event.key === 'PageUp') choose((chosen + (event.key === 'PageDown' ? 1 : points.length - 1)) % points.length, true);
    else if (event.key === 'Delete') act.remove(chosen);
    else return;
    event.preventDefault();
  });

  return {
    get chosen() { return chosen; },
    get range() { return range; },
    // The plane that all points lie in, a little wider, and square.
    fit(numbers, columns) {
      let most = 1;
      for (let i = 0; i < numbers.length; i++) if (columns === 2 || i % columns < 2) most = Math.max(most, Math.abs(numbers[i]));
      if (!dragged) range = [-1.2 * most, 1.2 * most];
    },
    draw(numbers, columns, classCount, curve, cells) {
      width = columns;
      classes = classCount;
      points = [];
      for (let i = 0; i < numbers.length; i += columns) points.push(Array.from(numbers.slice(i, i + columns)));
      chosen = Math.min(chosen, points.length - 1);
      const focused = svg.contains(document.activeElement);
      svg.replaceChildren(...frame(curve), ...points.map((_, row) => dot(row)));
      if (focused) svg.querySelector('.chosen')?.focus();
      paint(canvas, cells);
    },
  };
}

// 0 in the colour of class 0, 1 in that of class 1, the paper between.
function paint(canvas, cells) {
  const context = canvas.getContext('2d'), n = Math.round(Math.sqrt(cells?.length ?? 0));
  if (!n) { canvas.width = canvas.width; return; }
  canvas.width = canvas.height = n;
  const image = context.createImageData(n, n), paper = rgb(colour('--paper')), low = rgb(colour('--pos')), high = rgb(colour('--neg'));
  for (let i = 0; i < n * n; i++) {
    const part = Math.max(-1, Math.min(1, (cells[i] - 0.5) * 2)), to = part > 0 ? high : low, strength = Math.abs(part) * 0.6;
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = paper[k] + (to[k] - paper[k]) * strength;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// The loss before each step; the axis of the loss is logarithmic where it fell far.
export function curve(svg, losses, steps) {
  const parts = [], finite = losses.filter(Number.isFinite), W = 400, H = 130, left = 44, bottom = 18, top = 8;
  if (finite.length < 2) {
    svg.replaceChildren(s('text', { class: 'faint', x: W / 2, y: H / 2 }, 'The loss of each step will stand here.'));
    return;
  }
  const most = Math.max(...finite), least = Math.min(...finite), log = least > 0 && most / least > 50, f = log ? Math.log10 : x => x;
  const [a, b] = log ? [f(least), f(most)] : [0 < least ? 0 : least, most], y = value => H - bottom - (f(value) - a) / (b - a || 1) * (H - bottom - top), x = i => left + i / (losses.length - 1) * (W - left - 6);
  for (const mark of [most, log ? least : a]) parts.push(s('line', { class: 'axis', x1: left, x2: W - 6, y1: y(mark), y2: y(mark) }), s('text', { class: 'faint', x: left / 2, y: y(mark) + 4 }, digits(mark)));
  parts.push(s('text', { class: 'faint start', x: left, y: H - 4 }, '0'), s('text', { class: 'faint', x: W - 24, y: H - 4 }, `${steps} steps`));
  parts.push(s('polyline', { class: 'loss', points: losses.map((loss, i) => Number.isFinite(loss) ? `${x(i).toFixed(1)},${y(loss).toFixed(1)}` : '').join(' ') }));
  svg.replaceChildren(...parts);
  svg.setAttribute('aria-label', `The loss, step by step: ${digits(losses[0])} at first, ${digits(losses.at(-1))} after ${steps} steps${log ? '; the axis is logarithmic' : ''}`);
}

// Some digits and what they are taken for.
export function digitsOf(box, numbers, predictions, columns) {
  box.replaceChildren(...Array.from({ length: Math.min(48, predictions.length) }, (_, row) => {
    const canvas = document.createElement('canvas'), context = canvas.getContext('2d'), target = numbers[row * columns + columns - 1], cell = document.createElement('span');
    canvas.width = canvas.height = 8;
    const image = context.createImageData(8, 8), ink = rgb(colour('--ink')), paper = rgb(colour('--paper'));
    for (let i = 0; i < 64; i++) {
      for (let k = 0; k < 3; k++) image.data[4 * i + k] = paper[k] + (ink[k] - paper[k]) * numbers[row * columns + i];
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `A ${target}, taken for a ${predictions[row]}`);
    cell.className = predictions[row] === target ? '' : 'missed';
    cell.append(canvas, document.createElement('br'), String(predictions[row]));
    return cell;
  }));
}

export { digits };
