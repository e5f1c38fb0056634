// Before and after on one canvas: a divider, zoom and pan to the single pixel.

const FARTHEST = 32;

export class Viewer {
  constructor({ canvas, divider, onZoom }) {
    this.canvas = canvas;
    this.divider = divider;
    this.onZoom = onZoom;
    this.layers = { source: null, before: null, after: null };
    this.size = { width: 1, height: 1 };  // of the result, in its pixels
    this.split = 0.5;                     // of the canvas
    this.pixels = false;                  // show the source's own pixels instead of the bicubic
    this.zoom = 1;                        // screen pixels for a result's pixel
    this.centre = { x: 0.5, y: 0.5 };     // of the view, as a fraction of the picture
    this.fitted = true;
    this.pointers = new Map();
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.listen();
  }

  // A picture of which the result will have this size; keeps the view where the size stays.
  show(layers, size, { keep = false } = {}) {
    this.layers = layers;
    this.size = size;
    if (!keep) {
      this.centre = { x: 0.5, y: 0.5 };
      this.fitted = true;
    }
    this.resize();
  }

  resize() {
    const ratio = devicePixelRatio;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    if (this.fitted) this.zoom = this.fitting();
    this.draw();
  }

  fitting() {
    return Math.min(this.canvas.width / this.size.width, this.canvas.height / this.size.height);
  }

  fit() {
    this.fitted = true;
    this.zoom = this.fitting();
    this.centre = { x: 0.5, y: 0.5 };
    this.draw();
  }

  // Zoom so that the picture's point under (x, y), in canvas pixels, stays there.
  zoomTo(zoom, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    const smallest = Math.min(1, this.fitting());
    zoom = Math.min(FARTHEST, Math.max(smallest, zoom));
    const shift = 1 / this.zoom - 1 / zoom;
    this.centre.x += ((x - this.canvas.width / 2) * shift) / this.size.width;
    this.centre.y += ((y - this.canvas.height / 2) * shift) / this.size.height;
    this.zoom = zoom;
    this.fitted = Math.abs(zoom - this.fitting()) < 1e-6;
    this.draw();
  }

  pan(dx, dy) {
    this.centre.x -= dx / this.zoom / this.size.width;
    this.centre.y -= dy / this.zoom / this.size.height;
    this.draw();
  }

  setSplit(split) {
    this.split = Math.min(1, Math.max(0, split));
    this.draw();
  }

  // The picture's place on the canvas; at a whole zoom its pixels meet the screen's.
  place() {
    const { width: w, height: h } = this.canvas;
    const width = this.size.width * this.zoom, height = this.size.height * this.zoom;
    const bound = (centre, view, picture) => {
      const half = Math.min(0.5, view / picture / 2);
      return Math.min(1 - half, Math.max(half, centre));
    };
    this.centre.x = bound(this.centre.x, w, width);
    this.centre.y = bound(this.centre.y, h, height);
    return { x: Math.round(w / 2 - this.centre.x * width), y: Math.round(h / 2 - this.centre.y * height), width, height };
  }

  draw() {
    if (this.scheduled) return;
    this.scheduled = requestAnimationFrame(() => {
      this.scheduled = 0;
      this.paint();
    });
  }

  paint() {
    const pen = this.canvas.getContext('2d');
    const { width, height } = this.canvas;
    const at = this.place();
    pen.clearRect(0, 0, width, height);
    const { source, before, after } = this.layers;
    const line = after ? this.split * width : width;
    this.layer(pen, this.pixels ? source : before ?? source, at, 0, line, this.pixels);
    if (after) this.layer(pen, after, at, line, width, false);
    this.divider.style.left = `${this.split * 100}%`;
    this.divider.setAttribute('aria-valuenow', Math.round(this.split * 100));
    this.onZoom?.(this.zoom);
  }

  layer(pen, bitmap, at, from, to, blocks) {
    if (!bitmap || to <= from) return;
    pen.save();
    pen.beginPath();
    pen.rect(from, 0, to - from, this.canvas.height);
    pen.clip();
    pen.imageSmoothingEnabled = !blocks && (this.zoom < 1 || bitmap.width < this.size.width);
    pen.imageSmoothingQuality = 'high';
    pen.drawImage(bitmap, at.x, at.y, at.width, at.height);
    pen.restore();
  }

  listen() {
    const { canvas, divider } = this;
    const local = (event) => {
      const box = canvas.getBoundingClientRect();
      return { x: (event.clientX - box.left) * devicePixelRatio, y: (event.clientY - box.top) * devicePixelRatio };
    };
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      const step = event.deltaMode ? event.deltaY * 30 : event.deltaY;
      const { x, y } = local(event);
      this.zoomTo(this.zoom * Math.exp(-Math.max(-240, Math.min(240, step)) / 320), x, y);
    }, { passive: false });

    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, local(event));
    });
    canvas.addEventListener('pointermove', (event) => {
      const last = this.pointers.get(event.pointerId);
      if (!last) return;
      const now = local(event);
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const spread = (p) => Math.hypot(p.x - other.x, p.y - other.y);
        this.zoomTo(this.zoom * spread(now) / Math.max(1, spread(last)), (now.x + other.x) / 2, (now.y + other.y) / 2);
        this.pan((now.x - last.x) / 2, (now.y - last.y) / 2);
      } else {
        this.pan(now.x - last.x, now.y - last.y);
      }
      this.pointers.set(event.pointerId, now);
    });
    for (const kind of ['pointerup', 'pointercancel']) {
      canvas.addEventListener(kind, (event) => this.pointers.delete(event.pointerId));
    }
    canvas.addEventListener('dblclick', (event) => {
      if (!this.fitted) return this.fit();
      const { x, y } = local(event);
      this.zoomTo(Math.max(1, this.fitting() * 2), x, y);
    });

    divider.addEventListener('pointerdown', (event) => divider.setPointerCapture(event.pointerId));
    divider.addEventListener('pointermove', (event) => {
      if (divider.hasPointerCapture(event.pointerId)) this.setSplit(local(event).x / canvas.width);
    });
    divider.addEventListener('wheel', (event) => canvas.dispatchEvent(new WheelEvent('wheel', event)), { passive: true });
    divider.addEventListener('keydown', (event) => {
      const step = event.shiftKey ? 0.1 : 0.02;
      const to = { ArrowLeft: this.split - step, ArrowDown: this.split - step, ArrowRight: this.split + step, ArrowUp: this.split + step, Home: 0, End: 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.setSplit(to);
    });
  }
}
