// The welcome picture, drawn here: one scene, coarse on the left of a slowly moving line, fine on the right.

const SKY = [['#f7c9a0', '#ee8f63', '#b9546a'], ['#2b2440', '#7a3b57', '#e2794f']];
const HILLS = [['#a65468', '#7d4160', '#553353', '#33263f'], ['#6b3551', '#4b2a48', '#31203a', '#1c1526']];

function scene(pen, width, height, dark) {
  const sky = pen.createLinearGradient(0, 0, 0, height * 0.8);
  SKY[+dark].forEach((colour, i) => sky.addColorStop(i / 2, colour));
  pen.fillStyle = sky;
  pen.fillRect(0, 0, width, height);
  const x = width * 0.6, y = height * 0.42, r = height * 0.13;
  const glow = pen.createRadialGradient(x, y, 0, x, y, r * 4.5);
  glow.addColorStop(0, 'rgb(255 235 200 / .75)');
  glow.addColorStop(1, 'rgb(255 235 200 / 0)');
  pen.fillStyle = glow;
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = '#fff3dc';
  pen.beginPath();
  pen.arc(x, y, r, 0, 7);
  pen.fill();
  HILLS[+dark].forEach((colour, i) => {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.moveTo(0, height);
    for (let u = 0; u <= width; u += Math.max(1, width / 600)) {
      const t = u / width;
      const ridge = Math.sin(t * (4 + 2.1 * i) + 1.9 * i) * 0.5 + Math.sin(t * (11 + 5 * i) + i) * 0.16
        + Math.sin(t * (37 + 13 * i)) * 0.035 + Math.sin(t * (140 + 20 * i)) * 0.012;
      pen.lineTo(u, height * (0.56 + 0.115 * i) - ridge * height * (0.15 - 0.02 * i));
    }
    pen.lineTo(width, height);
    pen.fill();
  });
}

export function startHero(canvas, isDark) {
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const fine = document.createElement('canvas'), coarse = document.createElement('canvas');
  let drawnFor = '';
  function frame(now) {
    if (!canvas.isConnected || !canvas.offsetParent) return;
    const ratio = Math.min(devicePixelRatio, 2);
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    const dark = isDark(), key = `${width}x${height}${dark}`;
    if (key !== drawnFor) {
      drawnFor = key;
      [canvas.width, canvas.height] = [fine.width, fine.height] = [width, height];
      const block = Math.max(10, Math.round(width / 56));
      [coarse.width, coarse.height] = [Math.ceil(width / block), Math.ceil(height / block)];
      scene(fine.getContext('2d'), width, height, dark);
      const small = coarse.getContext('2d');
      small.imageSmoothingQuality = 'high';
      small.drawImage(fine, 0, 0, width, height, 0, 0, width / block, height / block);
    }
    const pen = canvas.getContext('2d');
    const line = Math.round(width * (still ? 0.5 : 0.5 + 0.16 * Math.sin(now / 2600)));
    const block = Math.max(10, Math.round(width / 56));
    pen.imageSmoothingEnabled = false;
    pen.drawImage(fine, 0, 0);
    pen.save();
    pen.beginPath();
    pen.rect(0, 0, line, height);
    pen.clip();
    pen.drawImage(coarse, 0, 0, coarse.width * block, coarse.height * block);
    pen.restore();
    pen.fillStyle = '#fff';
    pen.fillRect(line - ratio, 0, 2 * ratio, height);
    if (!still) requestAnimationFrame(frame);
  }
  requestAnimationFrame(frame);
  if (still) addEventListener('resize', () => requestAnimationFrame(frame));
}
