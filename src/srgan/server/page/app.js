// The page: a queue of pictures, one of them on the stage, and the settings beside it.

import * as api from './api.js';
import { startHero } from './hero.js';
import { Viewer } from './viewer.js';

const $ = (id) => document.getElementById(id);
const BEFORE_PIXELS = 24e6;   // a larger bicubic picture is left to the canvas
const AT_ONCE = 2;            // jobs that this page keeps at the server
const SCALES = [2, 3, 4, 8];

const viewer = new Viewer({ canvas: $('view'), divider: $('divider'), onZoom: showZoom });
const items = [];
let current = null;
let offer = null;             // what /v1/models says
let numbers = 0;

// Pictures in

function add(files) {
  const fresh = [...files].map((file) => ({
    number: ++numbers, file, name: file.name || 'pasted.png', state: 'waiting', progress: 0,
    settings: null, size: null, job: null, blob: null, error: null, source: null, before: null, after: null,
  }));
  if (!fresh.length) return;
  items.push(...fresh);
  document.body.dataset.state = 'work';
  for (const item of fresh) {
    item.settings = settings();
    item.ready = open(item);
  }
  select(fresh[0]);
  pump();
}

// The browser's own decoder gives the preview at once; formats that it cannot show come later, from the server.
async function open(item) {
  try {
    item.source = await createImageBitmap(item.file, { imageOrientation: 'from-image' });
    measure(item, item.source.width, item.source.height);
  } catch {
    item.source = null;
  }
  thumb(item);
  render(item);
}

// A scale whose result the server would refuse gives way to the largest that it takes.
function measure(item, width, height) {
  item.size = { width, height };
  const taken = SCALES.filter((scale) => scale <= item.settings.scale && fits(item.size, scale));
  if (!taken.length) return;
  item.settings.scale = taken.at(-1);
  if (item === current) showScale(item);
}

function fits({ width, height }, scale) {
  return width * height * scale ** 2 <= (offer ? offer.limits.max_output_mp * 1e6 : Infinity);
}

function target(item) {
  const { width, height } = item.size;
  return { width: Math.ceil(width * item.settings.scale), height: Math.ceil(height * item.settings.scale) };
}

// Work

function pump() {
  const active = items.filter((i) => ['sending', 'queued', 'running'].includes(i.state)).length;
  items.filter((i) => i.state === 'waiting').slice(0, Math.max(0, AT_ONCE - active)).forEach(run);
  if (current) renderPanel(current);
}

async function run(item) {
  item.state = 'sending';
  item.abort = new AbortController();
  Object.assign(item, { progress: 0, error: null, blob: null, left: null, saved: false });
  dropAfter(item);
  render(item);
  try {
    await item.ready;
    item.job = await send(item);
    if (!item.source) {
      measure(item, item.job.input.width, item.job.input.height);
      api.input(item.job).then(createImageBitmap).then((bitmap) => {
        item.source = bitmap;
        thumb(item);
        render(item);
      }).catch(() => {});
    }
    for await (const job of api.follow(item.job, item.abort.signal)) {
      Object.assign(item, { job, state: job.state === 'done' ? 'fetching' : job.state, progress: job.progress, left: job.seconds_left });
      render(item);
      if (job.problem) throw new api.ApiError(job.problem);
    }
    if (item.state !== 'fetching') throw new api.ApiError({ code: 'offline', detail: 'the server ended the connection' });
    item.blob = await api.result(item.job, { format: 'png' }, item.abort.signal);
    item.state = 'done';
    say(`${item.name} is enlarged`);
  } catch (error) {
    const cancelled = error.name === 'AbortError';
    item.state = cancelled ? 'cancelled' : 'failed';
    item.error = cancelled ? null : error;
    say(cancelled ? `${item.name}: cancelled` : `${item.name}: ${words(error)}`);
  }
  render(item);
  pump();
}

async function send(item) {
  for (;;) {
    try {
      return await api.submit(item.file, item.settings, item.abort.signal);
    } catch (error) {
      if (!['queue_full', 'too_many_jobs', 'not_started'].includes(error.code)) throw error;
      item.state = 'queued';
      item.left = null;
      render(item);
      await pause(Math.min(10, error.retryAfter || 1) * 1000, item.abort.signal);
    }
  }
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new DOMException('cancelled', 'AbortError'));
    });
  });
}

function cancel(item) {
  if (item.state === 'waiting') item.state = 'cancelled';  // there is nothing yet to abort
  item.abort?.abort();
  forget(item);
  render(item);
}

function forget(item) {
  if (item.job) api.remove(item.job);
  item.job = null;
}

function discard(item) {
  item.abort?.abort();
  forget(item);
  const at = items.indexOf(item);
  items.splice(at, 1);
  item.node?.remove();
  for (const bitmap of [item.source, item.before, item.after]) bitmap?.close?.();
  if (!items.length) {
    current = null;
    document.body.dataset.state = 'empty';
    startHero($('hero'), isDark);
    $('choose').focus();
  } else if (item === current) {
    select(items[Math.min(at, items.length - 1)]);
  }
  pump();
}

function dropAfter(item) {
  item.before?.close?.();
  item.after?.close?.();
  item.before = item.after = null;
}

// In words

function words(error) {
  const message = error.message.replace(/^is /, 'it is ');
  const detail = message.charAt(0).toUpperCase() + message.slice(1).replace(/\.?$/, '.');
  return {
    unauthorized: 'The server wants a token. Open the page with the whole address that it printed at its start.',
    offline: 'The server does not answer. Is it still running?',
    job_unknown: 'The server has removed this picture after a while. Enlarge it again.',
  }[error.code] ?? detail;
}

function duration(seconds) {
  if (seconds < 1.5) return 'a moment';
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return `${Math.round(seconds / 60)} min`;
}

function status(item) {
  const place = item.job?.position;
  if (item.state === 'sending') return 'Sending';
  if (item.state === 'waiting' || (item.state === 'queued' && !place)) return 'Waiting';
  if (item.state === 'queued') return `${place} ${place === 1 ? 'picture' : 'pictures'} before this one`;
  if (item.state === 'fetching') return 'Fetching the result';
  const left = item.progress > 0.02 && item.left !== null ? ` · ${duration(item.left)} left` : '';
  return `${Math.floor(item.progress * 100)} %${left}`;
}

const say = (text) => { $('live').textContent = text; };

// The stage and the panel

function select(item) {
  const last = current;
  current = item;
  if (last && last !== item) dropAfter(last);
  showScale(item);
  $('model').value = item.settings.model;
  if (item.settings.realism !== null) $('realism').value = item.settings.realism;
  viewer.shown = null;
  renderAll();
}

// Not by a click: what the picture before was too large for is still disabled.
function showScale(item) {
  for (const input of $('scales').querySelectorAll('input')) input.checked = Number(input.value) === item.settings.scale;
}

function render(item) {
  renderThumb(item);
  if (item === current) renderAll();
}

const busy = (item) => ['waiting', 'sending', 'queued', 'running', 'fetching'].includes(item.state);

function renderAll() {
  const item = current;
  if (!item) return;
  items.forEach(renderThumb);
  const failed = item.state === 'failed';
  document.querySelector('.stage').dataset.view = failed ? 'refused' : item.after ? 'both' : item.source ? 'before' : 'nothing';
  $('refusal').hidden = !failed;
  if (failed) {
    $('refusal-title').textContent = item.error.code === 'image_refused' ? 'This file cannot be read' : 'This did not work';
    $('refusal-text').textContent = words(item.error);
  }
  $('retry').hidden = ['image_refused', 'upload_too_large', 'picture_too_large', 'unauthorized'].includes(item.error?.code);
  $('progress').hidden = !busy(item);
  $('progress-text').textContent = status(item);
  const bar = $('progress-bar');
  bar.classList.toggle('unknown', item.state !== 'running' || item.progress === 0);
  bar.firstElementChild.style.width = `${item.progress * 100}%`;
  bar.setAttribute('aria-valuenow', Math.round(item.progress * 100));
  renderPanel(item);
  stage(item);
}

function renderPanel(item) {
  const wanted = settings();
  $('file-name').textContent = $('file-name').title = item.name;
  $('sizes').replaceChildren();
  if (item.size) {
    const to = { width: Math.ceil(item.size.width * wanted.scale), height: Math.ceil(item.size.height * wanted.scale) };
    const bold = document.createElement('b');
    bold.textContent = `${to.width} × ${to.height}`;
    $('sizes').append(`${item.size.width} × ${item.size.height} → `, bold);
  }
  const inputs = [...$('scales').querySelectorAll('input')];
  for (const input of inputs) input.disabled = item.size !== null && !fits(item.size, input.value);
  $('scales-note').textContent = inputs.some((input) => input.disabled)
    ? `This server makes pictures of up to ${offer.limits.max_output_mp} MP.` : '';
  const chosen = offer?.models.find((m) => m.name === wanted.model);
  $('model-note').textContent = chosen ? chosen.summary.charAt(0).toUpperCase() + chosen.summary.slice(1).replace(/\.?$/, '.') : '';
  $('dial').hidden = !chosen?.realism;
  $('realism-text').textContent = `${Math.round($('realism').value * 100)} %`;
  const changed = JSON.stringify(wanted) !== JSON.stringify(item.settings);
  $('again').hidden = busy(item) || !(changed || item.state === 'cancelled');
  const done = items.filter((i) => i.state === 'done').length;
  $('download-all').hidden = done < 2;
  $('download-all').textContent = `Download all ${done}`;
  $('save').hidden = item.state === 'failed' && done < 2;
  $('download').hidden = item.state === 'failed';
  $('download').disabled = item.state !== 'done';
  $('notices').textContent = (item.job?.notices ?? []).join(' ');
  $('quality-field').hidden = $('format').value === 'png';
  $('tag-after').textContent = item.job ? item.job.model : 'Result';
  $('tag-before').textContent = viewer.pixels ? 'Original pixels' : 'Bicubic';
}

// Put the picture on the stage; the bicubic and the result follow when they are there.
async function stage(item) {
  if (!item.source) {
    if (viewer.shown !== item.number) viewer.show({}, { width: 1, height: 1 });
    return;
  }
  const size = target(item);
  const layers = () => ({ source: item.source, before: item.before, after: item.after });
  const key = `${item.number} ${size.width} ${item.blob ? 'result' : ''}`;
  if (viewer.shown === key) return;
  const keep = viewer.shown?.startsWith(`${item.number} `) ?? false;
  viewer.shown = key;
  viewer.show(layers(), size, { keep });
  if (!item.before && size.width * size.height <= BEFORE_PIXELS) {
    const before = await bicubic(item.source, size);
    if (item !== current || item.before) return before.close();
    item.before = before;
    viewer.show(layers(), size, { keep: true });
  }
  if (item.blob && !item.after) {
    const after = await createImageBitmap(item.blob);
    if (item !== current || !item.blob) return after.close();
    item.after = after;
    viewer.show(layers(), size, { keep: true });
    renderAll();
  }
}

const worker = new Worker('/page/bicubic.js');
const asked = new Map();
worker.onmessage = ({ data }) => {
  asked.get(data.id)?.(data.result);
  asked.delete(data.id);
};

async function bicubic(source, size) {
  const bitmap = await createImageBitmap(source);
  const id = ++numbers;
  return new Promise((resolve) => {
    asked.set(id, resolve);
    worker.postMessage({ id, bitmap, ...size }, [bitmap]);
  });
}

function showZoom(zoom) {
  $('zoom-text').textContent = `${zoom < 0.1 ? (zoom * 100).toFixed(1) : Math.round(zoom * 100)} %`;
}

// The queue

function renderThumb(item) {
  if (!item.node) {
    item.node = document.createElement('li');
    item.node.innerHTML = '<button type="button" class="thumb"><canvas width="168" height="128"></canvas><span class="mark"></span></button>'
      + '<button type="button" class="remove">✕</button>';
    item.node.querySelector('.thumb').onclick = () => select(item);
    item.node.querySelector('.remove').onclick = () => discard(item);
    $('queue').append(item.node);
  }
  const button = item.node.querySelector('.thumb');
  const said = busy(item) ? status(item) : { done: 'enlarged', failed: 'refused', cancelled: 'cancelled' }[item.state];
  button.setAttribute('aria-label', `${item.name}: ${said}`);
  button.setAttribute('aria-current', item === current);
  button.title = item.name;
  button.dataset.state = item.state;
  item.node.querySelector('.remove').setAttribute('aria-label', `Remove ${item.name}`);
  const around = 2 * Math.PI * 8;
  const marks = {
    done: '<path d="M5 12.5l4.5 4.5L19 7.5"/>',
    failed: '<path d="M12 6v7M12 17.5v.5"/>',
    cancelled: '<path d="M7 12h10"/>',
  };
  const ring = `<circle class="ring" cx="12" cy="12" r="8" stroke-dasharray="${around}" stroke-dashoffset="${around * (1 - Math.max(0.06, item.progress))}"/>`;
  const drawn = marks[item.state] ?? ring;
  if (item.drawn !== drawn) {
    item.drawn = drawn;
    item.node.querySelector('.mark').innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true">${drawn}</svg>`;
  }
}

function thumb(item) {
  renderThumb(item);
  if (!item.source) return;
  const canvas = item.node.querySelector('canvas'), pen = canvas.getContext('2d');
  const { width, height } = item.source;
  const scale = Math.max(canvas.width / width, canvas.height / height);
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(item.source, (canvas.width - width * scale) / 2, (canvas.height - height * scale) / 2, width * scale, height * scale);
}

// Settings

function settings() {
  const model = $('model').value || offer?.default || '';
  const dial = offer?.models.find((m) => m.name === model)?.realism;
  return {
    model,
    scale: Number(document.querySelector('#scales input:checked')?.value ?? 4),
    realism: dial ? Number($('realism').value) : null,
  };
}

function fillSettings() {
  const labels = { network: 'Networks', dictionary: 'Dictionaries', filter: 'Filters' };
  for (const kind of new Set(offer.models.map((m) => m.kind))) {
    const group = document.createElement('optgroup');
    group.label = labels[kind] ?? kind;
    for (const model of offer.models.filter((m) => m.kind === kind)) {
      group.append(new Option(model.name, model.name, false, model.name === offer.default));
    }
    $('model').append(group);
  }
  for (const scale of SCALES) {
    const label = document.createElement('label');
    label.innerHTML = `<input type="radio" name="scale" value="${scale}"${scale === 4 ? ' checked' : ''}><span>${scale}×</span>`;
    $('scales').append(label);
  }
}

async function download(item) {
  const format = $('format').value;
  try {
    $('download').disabled = true;
    const quality = format === 'png' ? null : Math.min(100, Math.max(1, Math.round($('quality').value) || 92));
    const blob = format === 'png' ? item.blob : await api.result(item.job, { format, quality });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = item.job.file_name.replace(/png$/, { png: 'png', webp: 'webp', jpeg: 'jpg' }[format]);
    link.click();
    item.saved = true;
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  } catch (error) {
    $('notices').textContent = words(error);
    say(words(error));
  } finally {
    $('download').disabled = current?.state !== 'done';
  }
}

// One after the other: browsers drop downloads that come all at once.
async function downloadAll() {
  $('download-all').disabled = true;
  for (const item of items.filter((i) => i.state === 'done')) {
    if (item.job) await download(item);  // it may be removed meanwhile
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  $('download-all').disabled = false;
}

// Events

const isDark = () => (document.documentElement.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';

function listen() {
  for (const id of ['add', 'choose']) $(id).onclick = () => $('files').click();
  $('files').onchange = ({ target: input }) => {
    add(input.files);
    input.value = '';
  };
  addEventListener('paste', (event) => add(event.clipboardData?.files ?? []));
  let depth = 0;
  const dragging = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle('dragging', depth > 0);
  };
  addEventListener('dragenter', () => dragging(1));
  addEventListener('dragleave', () => dragging(-1));
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    dragging(-depth);
    add(event.dataTransfer?.files ?? []);
  });

  $('theme').onclick = () => {
    localStorage.setItem('theme', document.documentElement.dataset.theme = isDark() ? 'light' : 'dark');
  };
  $('settings').addEventListener('input', () => current && renderPanel(current));
  $('settings').onsubmit = (event) => {
    event.preventDefault();
    again();
  };
  $('retry').onclick = again;
  $('cancel').onclick = () => current && cancel(current);
  $('download').onclick = () => download(current);
  $('download-all').onclick = downloadAll;
  $('zoom-in').onclick = () => viewer.zoomTo(viewer.zoom * 1.5);
  $('zoom-out').onclick = () => viewer.zoomTo(viewer.zoom / 1.5);
  $('zoom-now').onclick = () => viewer.zoomTo(1);
  $('zoom-fit').onclick = () => viewer.fit();
  $('compare').onclick = () => {
    viewer.pixels = !viewer.pixels;
    $('compare').setAttribute('aria-pressed', viewer.pixels);
    if (current) renderPanel(current);
    viewer.draw();
  };
  addEventListener('keydown', (event) => {
    if (!current || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, select')) return;
    const step = 60 * devicePixelRatio;
    const act = {
      '+': () => viewer.zoomTo(viewer.zoom * 1.5), '=': () => viewer.zoomTo(viewer.zoom * 1.5), '-': () => viewer.zoomTo(viewer.zoom / 1.5),
      0: () => viewer.fit(), 1: () => viewer.zoomTo(1),
      ArrowLeft: () => viewer.pan(step, 0), ArrowRight: () => viewer.pan(-step, 0), ArrowUp: () => viewer.pan(0, step), ArrowDown: () => viewer.pan(0, -step),
      Escape: () => busy(current) && cancel(current),
    }[event.key];
    if (!act || (event.target.closest('[role="slider"]') && event.key.startsWith('Arrow'))) return;
    event.preventDefault();
    act();
  });
  addEventListener('beforeunload', (event) => {
    if (items.some((item) => busy(item) || (item.state === 'done' && !item.saved))) event.preventDefault();
  });
  // Nobody will fetch what is still waiting when the page goes.
  addEventListener('pagehide', () => items.filter((i) => i.job).forEach((i) => api.remove(i.job)));
}

function again() {
  const item = current;
  if (!item || busy(item)) return;
  forget(item);
  item.settings = settings();
  item.state = 'waiting';
  render(item);
  pump();
}

async function start() {
  document.documentElement.dataset.theme = localStorage.getItem('theme') ?? '';
  if (!localStorage.getItem('theme')) delete document.documentElement.dataset.theme;
  startHero($('hero'), isDark);
  listen();
  try {
    offer = await api.models();
    fillSettings();
  } catch (error) {
    document.querySelector('.welcome p').textContent = words(error);
    $('choose').disabled = true;
  }
}

start();
