// The scale bar and the compass of a close-up, drawn over the picture in its lower corners.

const MARGIN = 14; // CSS pixels
const LARGEST_BAR = 0.28; // of the picture's width
const ARM = 26; // CSS pixels of the compass
const STEPS = [1, 2, 5];

// The longest length of 1, 2 or 5 times a power of ten that is at most `most`, in seconds of arc.
export function barLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return power * Math.max(...STEPS.filter((step) => step * power <= most * (1 + 1e-9)));
}

// 0.5″, 20″, 2′, 1°
export function writtenLength(arcseconds) {
  if (arcseconds >= 3600) return `${Number((arcseconds / 3600).toPrecision(3))}°`;
  if (arcseconds >= 120) return `${Number((arcseconds / 60).toPrecision(3))}′`;
  return `${Number(arcseconds.toPrecision(3))}″`;
}

// `sky`: {scale, east, north} as the server has it; `perPixel`: pixels of the canvas for one of the image.
export function drawSky(context, { scale, east, north }, perPixel) {
  const ratio = window.devicePixelRatio || 1;
  context.save();
  context.font = `${12 * ratio}px system-ui, sans-serif`;
  context.lineCap = "round";
  context.lineJoin = "round";
  if (scale) drawBar(context, scale, perPixel, ratio);
  if (east && north) drawCompass(context, east, north, ratio);
  context.restore();
}

// Every stroke and letter with a dark edge, so that it shows on any sky.
function stroked(context, ratio, draw) {
  for (const { colour, width } of [{ colour: "rgb(0 0 0 / 80%)", width: 4 }, { colour: "#fff", width: 1.5 }]) {
    context.strokeStyle = colour;
    context.lineWidth = width * ratio;
    context.beginPath();
    draw();
    context.stroke();
  }
}

function written(context, ratio, text, x, y) {
  context.strokeStyle = "rgb(0 0 0 / 80%)";
  context.lineWidth = 3 * ratio;
  context.strokeText(text, x, y);
  context.fillStyle = "#fff";
  context.fillText(text, x, y);
}

function drawBar(context, scale, perPixel, ratio) {
  const { width, height } = context.canvas;
  const length = barLength((LARGEST_BAR * width * scale) / perPixel);
  const [left, y] = [MARGIN * ratio, height - MARGIN * ratio];
  const right = left + (length / scale) * perPixel;
  stroked(context, ratio, () => {
    context.moveTo(left, y - 4 * ratio);
    context.lineTo(left, y);
    context.lineTo(right, y);
    context.lineTo(right, y - 4 * ratio);
  });
  context.textAlign = "center";
  context.textBaseline = "bottom";
  written(context, ratio, writtenLength(length), (left + right) / 2, y - 5 * ratio);
}

function drawCompass(context, east, north, ratio) {
  const { width, height } = context.canvas;
  const arms = [["E", east], ["N", north]].map(([name, [x, y]]) => {
    const long = Math.hypot(x, y) || 1;
    return { name, x: (x / long) * ARM * ratio, y: (y / long) * ARM * ratio };
  });
  // The arms and their letters stay within the corner, wherever they point.
  const reach = (ARM + 12 + MARGIN) * ratio;
  const [x, y] = [width - reach, height - reach];
  stroked(context, ratio, () => {
    for (const arm of arms) {
      context.moveTo(x, y);
      context.lineTo(x + arm.x, y + arm.y);
    }
  });
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const arm of arms) written(context, ratio, arm.name, x + arm.x * 1.38, y + arm.y * 1.38);
}
