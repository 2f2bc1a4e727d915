// The page around the explained network. Nothing is computed here: what was done goes to C#, and what came of it is drawn.
import { dotnet } from './_framework/dotnet.js';
import { inSight } from './sight.js';
import { plane, curve, digitsOf, digits } from './plot.js';

const $ = id => document.getElementById(id);
const started = performance.now();
const runtime = await dotnet.withApplicationArguments().create();
const { Backprop: { Playground: { Interop: cs } } } = await runtime.getAssemblyExports('Backprop.Playground');

let state = null, explained = null, playing = false;
const numbers = { lastDrag: 0, rate: 0 };   // how long what was done took, for whoever measures
globalThis.playground = { cs, numbers, edit: (...entry) => edit(...entry), get state() { return state; }, get range() { return picture.range; } };

const option = (value, text) => { const element = document.createElement('option'); element.value = value; element.textContent = text ?? value; return element; };
const catalogue = JSON.parse(cs.Catalogue());
$('word').append(...catalogue.layers.map(word => option(word)));
$('lossWord').append(...catalogue.losses.map(word => option(word)));
$('data').append(...catalogue.data.map(([name, title]) => option(name, title)), option('points', 'points of your own'));
$('optimizer').append(...catalogue.optimizers.map(([name, title]) => option(name, title)));

// ---- what is done ----

// Whatever is done answers with the state, and an error where it could not be done.
function take(json, { where = $('message'), reveal } = {}) {
  const before = performance.now();
  state = JSON.parse(json);
  for (const box of [$('message'), $('textError')]) box.hidden = true;
  if (state.error) {
    where.textContent = state.error;
    where.hidden = false;
    if (playing) stop();
  }
  $('note').hidden = !state.note;
  if (state.note) $('note').textContent = state.note;
  show(reveal);
  numbers.lastDrag = performance.now() - before;
  return !state.error;
}

const measured = act => (...args) => { const before = performance.now(), result = act(...args); numbers.lastDrag = performance.now() - before; return result; };
const edit = measured((address, row, column, value) => take(cs.SetEntry(address, row, column, value)));

// A drag sends more than can be drawn: one change a frame, the last of each.
const waiting = new Map();
function soon(key, act) {
  if (!waiting.size) requestAnimationFrame(() => { const acts = [...waiting.values()]; waiting.clear(); acts.forEach(next => next()); });
  waiting.set(key, act);
}

const picture = plane($('surface'), $('axes'), {
  add: (a, b) => take(cs.AddPoint(a, b, +$('brushClass').value || 0)),
  move: (row, a, b) => soon('point' + row, measured(() => take(cs.MovePoint(row, a, b)))),
  remove: row => take(cs.RemovePoint(row)),
});

// ---- what is shown ----

// While it trains, what takes long to draw is drawn less often, so that most of the time is the training's.
const drawings = { plot: { at: 0, took: 0 }, explanation: { at: 0, took: 0 } };
function draw(drawing, act) {
  const before = performance.now();
  if (playing && before - drawing.at < 4 * drawing.took) return;
  act();
  drawing.at = performance.now();
  drawing.took = drawing.at - before;
}

function show(reveal) {
  drawTools();
  draw(drawings.plot, () => drawPlot(held ? 8 : 16));
  draw(drawings.explanation, () => drawExplanation(reveal));
  clearTimeout(finer);
  if (state.features === 2 && !playing) finer = setTimeout(refine, 200);
}

let finer = 0, held = false;     // held: a pointer is down, and more will come
for (const type of ['pointerdown', 'pointerup', 'pointercancel']) addEventListener(type, () => { held = type === 'pointerdown'; }, true);

// It takes long: first all numbers are to be right.
function refine() {
  if ($('root').hasAttribute('data-behind')) finer = setTimeout(refine, 50);
  else drawPlot(64);
}

function drawExplanation(reveal) {
  const data = JSON.parse(cs.Explanation()), entries = cs.Entries();
  for (const quantity of Object.values(data.quantities)) {
    const { values: from, columns, shownColumns, rows, shownRows } = quantity, width = shownColumns?.length ?? columns;
    quantity.values = Array.from({ length: shownRows?.length ?? rows }, (_, i) => entries.slice(from + i * width, from + (i + 1) * width));
  }
  if (!explained) {
    explained = globalThis.Explain.mount($('root'), data, {
      level: 2,
      refresher: inSight($('root')),
      ask: (address, row, column) => JSON.parse(cs.Ask(address, row, column) ?? 'null'),
      onEdit: (address, row, column, value) => soon(`${address} ${row} ${column}`, () => edit(address, row, column, value)),
    });
  } else explained.update(data);
  if (reveal !== undefined) explained.step(reveal);
}

function drawPlot(cellsAcross) {
  const points = cs.Points(), columns = state.features + 1, flat = state.features <= 2;
  $('plot').querySelector('.plane').hidden = !flat;
  $('samples').hidden = flat;
  $('pointTools').hidden = !flat;
  if (!flat) {
    digitsOf($('samples'), points, cs.Predictions(), columns);
  } else {
    picture.fit(points, columns);
    const [from, to] = picture.range, line = state.features === 1 ? cs.Curve(from, to, 121) : [], cells = state.features === 2 ? cs.Surface(from, to, cellsAcross) : [];
    const ready = line.length > 0 && Array.from(line, (y, i) => [from + (to - from) / 120 * i, Math.max(-1e3, Math.min(1e3, y))]);
    picture.draw(points, columns, state.classes, ready, cells);
  }
  $('plotText').textContent = state.features === 1 ? 'Each point is an x and its target y; the curve is what the network makes of x. Drag a point, or click beside it to add one.'
    : flat ? 'Blue points are of class 0, orange ones of class 1; behind them, what the network makes of each place. Drag a point, or click beside it to add one.'
    : 'Some of the digits, and what the network takes them for.';
  curve($('curve'), Array.from(cs.History(400)), state.steps);
}

function set(input, value) { if (document.activeElement !== input) input.value = value; }

function drawTools() {
  const stage = state.stage, rate = numbers.rate ? `, ${Math.round(numbers.rate)} steps a second` : '';
  [$('forward'), $('lossStep'), $('backward'), $('update')].forEach((button, i) => button.classList.toggle('next', i === stage));
  $('progress').textContent = `${state.steps} step${state.steps === 1 ? '' : 's'}${playing ? rate : ''}. ` + (state.lossValue !== null ? `Loss ${digits(Number(state.lossValue))}` : state.lastLoss !== null ? `Loss before the last step ${digits(Number(state.lastLoss))}` : 'The loss is not computed yet')
    + (state.accuracy === null ? '.' : `; ${digits(state.accuracy * 100)} % of the points in their class.`);
  $('play').textContent = playing ? 'Pause' : 'Train';
  $('play').setAttribute('aria-pressed', playing);
  set($('lr'), state.optimizer.lr);
  set($('lrSlide'), state.optimizer.lr > 0 ? Math.log10(state.optimizer.lr) : -4);
  $('optimizer').value = state.optimizer.name;
  drawSettings();
  drawParameters();
  drawNotebook();
  set($('text'), state.network);
  drawLayers();
  $('lossWord').value = /^[a-z0-9]+/.exec(state.loss)[0];
  $('data').value = state.data;
  $('data').querySelector('[value=points]').hidden = state.data !== 'points';
  set($('seed'), state.seed);
  $('brush').hidden = state.classes === 0 || state.features > 2;
  if ($('brushClass').length !== state.classes) $('brushClass').replaceChildren(...Array.from({ length: state.classes }, (_, k) => option(k)));
  $('copy').disabled = state.query === null;
  if (state.query !== null) {
    const url = location.pathname + state.query + location.hash;
    if (url !== location.pathname + location.search + location.hash) soon('address', () => history.replaceState(history.state, '', url));
  }
}

// Built anew where the list changed; else only its numbers, so that the one in use stays.
function listed(box, key, build, refresh) {
  if (box.dataset.key !== key) {
    box.dataset.key = key;
    box.replaceChildren(...build());
  }
  refresh();
}

const element = (tag, attributes, ...children) => { const made = document.createElement(tag); for (const name in attributes) made.setAttribute(name, attributes[name]); made.append(...children); return made; };
const words = { momentum: 'momentum μ', nesterov: 'Nesterov', decay: 'weight decay λ', beta1: 'β₁', beta2: 'β₂', alpha: 'α' };

function drawSettings() {
  const { name, settings } = state.optimizer;
  listed($('settings'), name, () => Object.keys(settings).map(setting => {
    const flag = setting === 'nesterov', input = element('input', flag ? { type: 'checkbox', 'data-setting': setting } : { type: 'number', step: 'any', min: 0, 'data-setting': setting });
    input.addEventListener('change', () => { if (flag || input.value !== '') take(cs.SetSetting(setting, flag ? +input.checked : +input.value)); });
    return element('label', { class: 'check' }, words[setting] + ' ', input);
  }), () => {
    for (const input of $('settings').querySelectorAll('[data-setting]')) input.type === 'checkbox' ? input.checked = settings[input.dataset.setting] !== 0 : set(input, settings[input.dataset.setting]);
  });
}

function drawParameters() {
  $('parameterSection').hidden = !state.parameters.length;
  const named = state.parameters.map(([name, row, column, , vector]) => vector ? `${name}[${column}]` : `${name}[${row}, ${column}]`);
  listed($('parameters'), JSON.stringify(named), () => state.parameters.flatMap(([name, row, column], i) => {
    const number = element('input', { type: 'number', step: 'any', id: 'parameter' + i, 'data-i': i }), slide = element('input', { type: 'range', min: -5, max: 5, step: 0.01, 'aria-label': named[i] + ', as a slider', 'data-i': i });
    number.addEventListener('change', () => { if (number.value !== '') edit(name, row, column, +number.value); });
    slide.addEventListener('input', () => { const value = +slide.value; soon(named[i], () => edit(name, row, column, value)); });
    return [element('label', { for: 'parameter' + i }, named[i]), slide, number];
  }), () => {
    for (const input of $('parameters').querySelectorAll('[data-i]')) set(input, state.parameters[input.dataset.i][3]);
  });
}

function drawNotebook() {
  $('hiddenSection').hidden = !state.notebook;
  if (!state.notebook) return;
  const [weight, bias, wrongWeight, wrongBias] = state.notebook.map(Number), cell = (tag, text, kind = '') => element(tag, kind ? { class: kind } : {}, text), differ = (a, b) => Math.abs(a - b) > 1e-9 * Math.abs(a) ? 'missed' : '';
  const find = name => state.parameters.find(parameter => parameter[0] === name)?.[3];
  $('hide').checked = find('hidden.weight') !== find('output.weight');
  const row = (name, right, wrong) => element('tr', {}, element('th', { scope: 'row' }, name), cell('td', digits(right), 'grad'), cell('td', digits(wrong), differ(right, wrong)));
  $('hidden').replaceChildren(
    element('thead', {}, element('tr', {}, element('td', {}), element('th', { scope: 'col' }, 'by the chain rule'), element('th', { scope: 'col' }, 'in the notebook'))),
    element('tbody', {}, row('hidden.weight.grad', weight, wrongWeight), row('hidden.bias.grad', bias, wrongBias)));
  $('hiddenText').textContent = differ(weight, wrongWeight) ? `The notebook’s gradient is ${digits(wrongWeight / weight)} times the right one: the hidden weight over the output weight.${wrongWeight * weight < 0 ? ' Even its sign is wrong: the hidden layer would walk uphill.' : ''}` : 'With equal weights nothing can tell the two apart.';
}

function drawLayers() {
  listed($('layers'), JSON.stringify([state.layers, state.widths]), () => {
    $('place').replaceChildren(...state.layers.map((layer, i) => option(i, `${i + 1}: ${layer}`)), option(state.layers.length, 'the loss'));
    $('place').value = Math.max(0, state.layers.length - 1);
    return state.layers.map((layer, i) => {
      const name = element('span', {}, state.widths[i] === null ? layer : layer.replace(/linear\(\d+/, 'linear(').replace(/\(\)$|\(, /, match => match === '()' ? '' : '(')), remove = element('button', { type: 'button', 'aria-label': `Remove layer ${i + 1}, ${layer}`, title: 'Remove' }, '×'), parts = [name];
      remove.addEventListener('click', () => take(cs.RemoveLayer(i)));
      if (state.widths[i] !== null) {
        const width = element('input', { type: 'number', min: 1, max: 1000, 'aria-label': `Width of layer ${i + 1}`, value: state.widths[i] });
        width.addEventListener('change', () => { if (+width.value >= 1) take(cs.SetWidth(i, +width.value)); });
        parts.push(width);
      }
      return element('li', {}, ...parts, remove);
    });
  }, () => {});
}

// ---- controls ----

const click = (id, act) => $(id).addEventListener('click', act), change = (id, act) => $(id).addEventListener('change', act);
click('forward', () => take(cs.Forward(), { reveal: 1 }));
click('lossStep', () => take(cs.Loss(), { reveal: 2 }));
click('backward', () => take(cs.Backward(), { reveal: 3 }));
click('update', () => take(cs.Update(), { reveal: 0 }));
click('reset', () => { stop(); take(cs.Reset(), { reveal: 0 }); });
click('play', () => playing ? stop() : play());
click('addPoint', () => { const at = () => Math.round((Math.random() * 2 - 1) * 100) / 100; take(cs.AddPoint(at(), at(), +$('brushClass').value || 0)); });
click('removePoint', () => take(cs.RemovePoint(picture.chosen)));
click('add', () => take(cs.InsertLayer(+$('place').value, $('word').value), { where: $('textError') }));
click('newSeed', () => take(cs.SetSeed(+state.seed + 1)));
change('lr', () => { if ($('lr').value !== '') take(cs.SetSetting('lr', +$('lr').value)); });
$('lrSlide').addEventListener('input', () => soon('lr', () => take(cs.SetSetting('lr', +(10 ** +$('lrSlide').value).toPrecision(2)))));
change('optimizer', () => take(cs.SetOptimizer($('optimizer').value)));
change('hide', () => take(cs.ShowHidden($('hide').checked)));
change('lossWord', () => take(cs.SetLoss($('lossWord').value), { where: $('textError') }));
change('seed', () => { if ($('seed').value !== '') take(cs.SetSeed(+$('seed').value)); });
change('data', async () => {
  const name = $('data').value;
  if (name === 'points') return;
  if (name === 'digits' && !await loadDigits('data=digits')) return;
  take(cs.SetData(name));
});
$('textForm').addEventListener('submit', event => {
  event.preventDefault();
  if (take(cs.SetNetwork($('text').value), { where: $('textError') })) $('text').value = state.network;
});

async function loadDigits(query) {
  if (!cs.NeedsDigits(query)) return true;
  try {
    const answer = await fetch('digits.csv.gz');
    if (!answer.ok) throw new Error(`the server said ${answer.status}`);
    cs.LoadDigits(await unzipped(await answer.blob()));
    return true;
  } catch (problem) {
    $('message').textContent = `The digits could not be loaded: ${problem.message}`;
    $('message').hidden = false;
    $('data').value = state?.data ?? 'line';
    return false;
  }
}

// Some servers unpack what ends in .gz on the way, others do not.
async function unzipped(blob) {
  const head = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  return head[0] === 0x1f && head[1] === 0x8b ? new Response(blob.stream().pipeThrough(new DecompressionStream('gzip'))).text() : blob.text();
}

click('save', () => {
  const link = element('a', { href: URL.createObjectURL(new Blob([cs.Save()], { type: 'application/octet-stream' })), download: 'network.safetensors' });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  $('fileText').textContent = `Saved for the network ${state.network}.`;
});
change('file', async () => {
  const [file] = $('file').files;
  if (!file) return;
  const taken = file.size < 50e6 && take(cs.Load(new Uint8Array(await file.arrayBuffer())));
  $('fileText').textContent = taken ? `Opened ${file.name}.` : `${file.name} was not opened.`;
  $('file').value = '';
});
click('copy', async () => {
  const address = location.origin + location.pathname + state.query;
  try { await navigator.clipboard.writeText(address); $('fileText').textContent = 'The address is copied.'; } catch { $('fileText').textContent = address; }
});

// ---- training ----

let timer = 0, owed = 0, since = 0;
function play() {
  playing = true;
  [owed, since, numbers.rate] = [0, performance.now(), 0];
  explained?.step(0);
  tick();
}

function stop() {
  playing = false;
  cancelAnimationFrame(timer);
  if (state) show();
}

// What a frame has time for, and no more than the speed says. Many steps in a call: a call costs more than a step of a small network.
function tick() {
  if (!playing) return;
  const now = performance.now(), speed = +$('speed').value, elapsed = now - since, before = state.steps;
  since = now;
  let json = null;
  if (speed) {
    owed = Math.min(owed + elapsed / 1000 * speed, speed);
    const steps = Math.floor(owed);
    if (steps > 0) json = cs.Train(steps);
    owed -= steps;
  } else {
    const until = now + 60;
    let chunk = 4;
    do {
      const from = performance.now();
      json = cs.Train(chunk);
      const took = performance.now() - from;
      if (took < 15) chunk *= 2;
    } while (performance.now() < until && !JSON.parse(json).error);
  }
  if (json && take(json)) {
    const rate = (state.steps - before) / Math.max(1e-3, (performance.now() - now) / 1000);
    if (!speed && elapsed < 2000) numbers.rate = numbers.rate ? 0.8 * numbers.rate + 0.2 * (state.steps - before) / (Math.max(1, elapsed) / 1000) : rate;
  }
  if (playing) timer = requestAnimationFrame(tick);
}

// ---- the beginning ----

await loadDigits(location.search);
$('loading').hidden = true;
$('panels').hidden = false;
take(cs.Start(location.search));
numbers.started = performance.now() - started;
numbers.sinceNavigation = performance.now();
document.documentElement.dataset.ready = 'yes';
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => show());
