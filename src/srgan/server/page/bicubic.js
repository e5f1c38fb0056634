// Keys' cubic (a = -0.5) in a worker: the picture as plain interpolation enlarges it.

function taps(from, to) {
  const ratio = from / to, index = new Int32Array(to * 4), weight = new Float32Array(to * 4);
  for (let i = 0; i < to; i++) {
    const at = (i + 0.5) * ratio - 0.5, left = Math.floor(at) - 1;
    for (let k = 0; k < 4; k++) {
      const x = Math.abs(at - left - k);
      weight[4 * i + k] = x <= 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
      index[4 * i + k] = Math.min(from - 1, Math.max(0, left + k));
    }
  }
  return { index, weight };
}

function enlarge(source, width, height) {
  const { data, width: w, height: h } = source;
  const across = taps(w, width), down = taps(h, height);
  const rows = new Float32Array(width * h * 4);
  for (let y = 0, o = 0; y < h; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 4; c++, o++) {
        let sum = 0;
        for (let k = 4 * x; k < 4 * x + 4; k++) sum += across.weight[k] * data[(y * w + across.index[k]) * 4 + c];
        rows[o] = sum;
      }
    }
  }
  const out = new ImageData(width, height), stride = width * 4;
  for (let y = 0, o = 0; y < height; y++) {
    const [a, b, c, d] = down.weight.subarray(4 * y, 4 * y + 4);
    const [p, q, r, s] = Array.from(down.index.subarray(4 * y, 4 * y + 4), (row) => row * stride);
    for (let x = 0; x < stride; x++, o++) {
      out.data[o] = a * rows[p + x] + b * rows[q + x] + c * rows[r + x] + d * rows[s + x] + 0.5;
    }
  }
  return out;
}

onmessage = async ({ data: { id, bitmap, width, height } }) => {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  pen.drawImage(bitmap, 0, 0);
  const source = pen.getImageData(0, 0, bitmap.width, bitmap.height);
  bitmap.close();
  const result = await createImageBitmap(enlarge(source, width, height));
  postMessage({ id, result }, [result]);
};
