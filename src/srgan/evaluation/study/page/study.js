// A rater's way through a study: examples, pictures in an order of the rater's own, a file.
'use strict';
(() => {
const $ = (id) => document.getElementById(id);
const data = JSON.parse($('data').textContent);
const WORDS = ['bad', 'poor', 'fair', 'good', 'excellent'];
const BLANK_MS = 350;      // grey between two pictures, so that they are not compared by flicker
const SECONDS_EACH = 5;    // for the estimate at the start
const PREFIX = `ratings:${data.study}:`;
const sizes = new Map([...data.items, ...data.calibration].map(([id, width, height]) => [id, { width, height }]));
const meant = new Map(data.calibration.map(([id, , , score]) => [id, score]));

let session = null;        // what is kept: rater, score by step, ...
let steps = [];            // { id, part: 'example' | 'practice' | 'rating', showing }
let at = 0;
let shownSince = 0;        // when the picture appeared; 0 while none can be rated
let visits = 0;

// The order: Fisher and Yates, xorshift32, FNV-1a. evaluation/study/plan.py has the same.

function shuffled(ids, seed) {
  let state = 2166136261;
  for (const byte of new TextEncoder().encode(seed)) state = Math.imul(state ^ byte, 16777619) >>> 0;
  state = state || 1;
  const result = [...ids];
  for (let attempt = 0; attempt < 100; attempt++) {
    for (let i = result.length - 1; i > 0; i--) {
      state = (state ^ (state << 13)) >>> 0;
      state = (state ^ (state >>> 17)) >>> 0;
      state = (state ^ (state << 5)) >>> 0;
      const j = state % (i + 1);
      [result[i], result[j]] = [result[j], result[i]];
    }
    if (result.every((id, i) => id !== result[i + 1])) break;
  }
  return result;
}

const nameOf = (text) => text.normalize('NFC').trim();

function plan(rater) {
  const seed = `${data.study}\n${rater}`, seen = new Set();
  const calibration = shuffled(data.calibration.map(([id]) => id), `${seed}\ncalibration`);
  // One of each score is shown with its score; the others are rated for practice.
  const examples = [1, 5].map((score) => calibration.find((id) => meant.get(id) === score)).filter(Boolean);
  const practice = calibration.filter((id) => !examples.includes(id));
  const ids = shuffled([...data.items.map(([id]) => id), ...data.retest], seed);
  return [
    ...examples.map((id) => ({ id, part: 'example', showing: 1 })),
    ...practice.map((id) => ({ id, part: 'practice', showing: 1 })),
    ...ids.map((id) => {
      const showing = seen.has(id) ? 2 : 1;
      seen.add(id);
      return { id, part: 'rating', showing };
    }),
  ];
}

// Progress that outlives the tab

function storage(work) {
  try {
    return work(localStorage);
  } catch {
    $('no-storage').hidden = false;
    return null;
  }
}

function keep() {
  storage((store) => store.setItem(PREFIX + session.rater, JSON.stringify(session)));
}

function kept(rater) {
  const text = storage((store) => store.getItem(PREFIX + rater));
  try {
    const found = JSON.parse(text);
    return found && found.rater === rater && found.answers ? found : null;
  } catch {
    return null;
  }
}

function listKept() {
  const names = storage((store) => Object.keys(store).filter((key) => key.startsWith(PREFIX))) || [];
  const list = $('saved-list');
  list.replaceChildren();
  for (const key of names.sort()) {
    const found = kept(key.slice(PREFIX.length));
    if (!found) continue;
    const all = plan(found.rater);
    const done = all.filter((step, i) => step.part === 'rating' && found.answers[i]).length;
    const total = all.filter((step) => step.part === 'rating').length;
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'outline';
    button.textContent = `${found.rater}: ${done} of ${total} rated`;
    button.addEventListener('click', () => start(found.rater));
    list.append(document.createElement('li'));
    list.lastChild.append(button);
  }
  $('saved').hidden = !list.children.length;
}

// The way

function view(id) {
  for (const section of ['welcome', 'rate', 'end']) $(section).hidden = section !== id;
}

function welcome() {
  session = null;
  shownSince = 0;
  const count = data.items.length + data.retest.length;
  $('count').textContent = count;
  $('first').hidden = !data.calibration.length;
  $('minutes').textContent = Math.max(1, Math.ceil(((count + data.calibration.length) * SECONDS_EACH) / 60));
  storage((store) => { store.setItem(PREFIX, ''); store.removeItem(PREFIX); });
  listKept();
  view('welcome');
}

function start(rater) {
  session = kept(rater) || { rater, started: new Date().toISOString(), answers: {} };
  steps = plan(rater);
  const open = steps.findIndex((_, i) => !session.answers[i]);
  keep();
  if (open < 0) finish();
  else show(open);
}

// The largest whole number of screen pixels for a picture's pixel that is no larger than the
// screen's ratio and lets the picture fit: whole multiples alone are shown without resampling.
function zoomFor({ width, height }) {
  const ratio = devicePixelRatio || 1, stage = $('stage');
  let zoom = Math.max(1, Math.floor(ratio + 0.01));
  while (zoom > 1 && (width * zoom > stage.clientWidth * ratio || height * zoom > stage.clientHeight * ratio)) zoom--;
  return zoom;
}

function fit() {
  if (!session || $('rate').hidden) return;
  const size = sizes.get(steps[at].id), ratio = devicePixelRatio || 1, zoom = zoomFor(size);
  $('picture').style.width = `${(size.width * zoom) / ratio}px`;
  $('picture').style.height = `${(size.height * zoom) / ratio}px`;
  const stage = $('stage');
  $('larger').hidden = stage.scrollWidth <= stage.clientWidth && stage.scrollHeight <= stage.clientHeight;
  return zoom;
}

// A window that moves to another screen keeps its size in CSS pixels: there is no resize event.
function watchRatio() {
  const changed = () => {
    fit();
    watchRatio();
  };
  matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener('change', changed, { once: true });
}

async function show(index) {
  const visit = ++visits, step = steps[index], answer = session.answers[index];
  at = index;
  shownSince = 0;
  view('rate');
  const first = steps.findIndex((s) => s.part === 'rating');
  const rating = step.part === 'rating';
  $('heading').textContent = rating ? `Picture ${index - first + 1} of ${steps.length - first}` : `Example ${index + 1} of ${first}`;
  const done = Math.round((100 * index) / steps.length);
  $('bar').firstElementChild.style.width = `${done}%`;
  $('bar').ariaValueNow = done;
  $('back').setAttribute('aria-disabled', index === 0);
  $('failed').hidden = $('larger').hidden = true;
  $('question').textContent = step.part === 'example' ? '' : 'How good does this picture look?';
  press(answer ? answer.score : 0);
  enable(false);
  $('next').hidden = !answer;
  $('stage').dataset.blank = '';
  const image = $('picture'), address = `pictures/${step.id}.png`;
  const pause = new Promise((resolve) => setTimeout(resolve, BLANK_MS));
  image.src = address;
  try {
    await Promise.all([image.decode(), pause]);
  } catch {
    if (visit !== visits) return;
    $('failed').textContent = `The picture ${address} is not beside this page. Tell the person who gave it to you.`;
    $('failed').hidden = false;
    return;
  }
  if (visit !== visits) return;
  fit();
  $('stage').scrollTo(0, 0);
  delete $('stage').dataset.blank;
  shownSince = performance.now();
  if (steps[index + 1]) new Image().src = `pictures/${steps[index + 1].id}.png`;
  if (step.part === 'example') {
    learn(step, 'This is an example of');
  } else {
    enable(true);
    if (step.part === 'practice' && answer) learn(step, 'This was meant as');
  }
  $('live').textContent = `${$('heading').textContent}. ${$('question').textContent}`;
}

function learn(step, words) {
  const score = meant.get(step.id);
  $('question').textContent = `${words} ${score}: ${WORDS[score - 1]}.`;
  if (step.part === 'example') press(score);
  $('next').hidden = false;
}

function press(score) {
  [...$('scores').children].forEach((button, i) => button.setAttribute('aria-pressed', i + 1 === score));
}

function enable(on) {
  for (const button of $('scores').children) button.setAttribute('aria-disabled', !on);
}

function rate(score) {
  const step = steps[at];
  if (!shownSince || step.part === 'example') return;
  const seconds = Math.round((performance.now() - shownSince) / 10) / 100;
  const old = session.answers[at];
  // In the calibration the first score counts: the second is known from the page.
  if (!(old && step.part === 'practice')) session.answers[at] = { score, seconds, zoom: fit() };
  keep();
  press(session.answers[at].score);
  if (step.part === 'practice') {
    learn(step, 'This was meant as');
    $('live').textContent = $('question').textContent;
    return;
  }
  forward();
}

function forward() {
  if (!session || $('rate').hidden) return;
  if (steps[at].part === 'example' && shownSince) session.answers[at] = { score: 0 };
  if (!session.answers[at]) return;
  keep();
  if (at + 1 < steps.length) show(at + 1);
  else finish();
}

function back() {
  if (at > 0) show(at - 1);
}

// The end

function result() {
  const of = (part) => steps.flatMap((step, i) => (step.part === part && session.answers[i] ? [{ step, ...session.answers[i] }] : []));
  return {
    format: 'picture-ratings',
    format_version: 1,
    study: data.study,
    rater: session.rater,
    simulated: false,
    started: session.started,
    saved: new Date().toISOString(),
    screen: { width: screen.width, height: screen.height, pixel_ratio: devicePixelRatio },
    calibration: of('practice').map(({ step, score, seconds, zoom }) => ({ item: step.id, score, seconds, zoom })),
    ratings: of('rating').map(({ step, score, seconds, zoom }) => ({ item: step.id, showing: step.showing, score, seconds, zoom })),
  };
}

function finish() {
  shownSince = 0;
  visits++;
  const total = steps.filter((step) => step.part === 'rating').length, found = result();
  const left = total - found.ratings.length;
  $('end-title').textContent = left ? 'Not done yet' : 'Thank you';
  $('end-text').textContent = left
    ? `${found.ratings.length} of ${total} pictures are rated. They are kept in this browser; if you do not come back, save the file and hand it in as it is.`
    : `All ${total} pictures are rated. Save the file and hand it in.`;
  $('result').value = JSON.stringify(found);
  view('end');
  $('end-title').focus();
  $('live').textContent = $('end-text').textContent;
}

function download() {
  const link = document.createElement('a');
  const name = session.rater.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '') || 'rater';
  link.href = URL.createObjectURL(new Blob([$('result').value + '\n'], { type: 'application/json' }));
  link.download = `ratings-${name}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function copy() {
  $('result').select();
  try {
    await navigator.clipboard.writeText($('result').value);
  } catch {
    document.execCommand('copy');
  }
  $('live').textContent = 'Copied.';
}

WORDS.forEach((word, i) => {
  const button = document.createElement('button');
  button.type = 'button';
  button.innerHTML = `<b>${i + 1}</b><span>${word}</span>`;
  button.addEventListener('click', () => rate(i + 1));
  $('scores').append(button);
});
$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const rater = nameOf($('name').value);
  if (rater) start(rater);
});
$('back').addEventListener('click', back);
$('next').addEventListener('click', forward);
$('stop').addEventListener('click', finish);
$('download').addEventListener('click', download);
$('copy').addEventListener('click', copy);
$('resume').addEventListener('click', () => {
  const open = steps.findIndex((_, i) => !session.answers[i]);
  show(open < 0 ? steps.length - 1 : open);
});
$('another').addEventListener('click', () => {
  $('name').value = '';
  welcome();
});
addEventListener('resize', fit);
watchRatio();
addEventListener('keydown', (event) => {
  if (!session || $('rate').hidden || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  const scrolls = document.activeElement === $('stage') && $('stage').scrollWidth > $('stage').clientWidth;
  if (scrolls && event.key.startsWith('Arrow')) return;
  if (event.key >= '1' && event.key <= '5' && event.key.length === 1) rate(Number(event.key));
  else if (event.key === 'ArrowLeft' || event.key === 'Backspace') back();
  else if (event.key === 'ArrowRight') forward();
  else return;
  event.preventDefault();
});
welcome();
})();
