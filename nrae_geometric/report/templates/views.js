// How a point looks: an image, a place among the data, or bars with names.

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const tidy = (value) => {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return "not finite";
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
};

// The name of a column without its unit, and a value of it with that.
const nameOf = ({ names, units }, column) => (units[column] ? units[column][0] : names[column]);
const withUnit = ({ units }, column, value) => (units[column] ? `${tidy(value)} ${units[column][1]}` : tidy(value));

const grouped = (number) => number.toLocaleString("en");

const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function paintImage(canvas, shape, gray) {
  const [channels, height, width] = shape.length === 3 ? shape : [1, ...shape];
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d"), picture = context.createImageData(width, height);
  const size = width * height;
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) {
      picture.data[4 * i + c] = Math.round(255 * gray((channels === 3 ? c : 0) * size + i));
    }
    picture.data[4 * i + 3] = 255;
  }
  context.putImageData(picture, 0, 0);
}

function imageView(host, page, label, kind = "image") {
  const canvas = make("canvas", { className: kind });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  host.append(canvas);
  const [low, high] = page.content.points.range, { shape } = page.content;
  const gray = (x) => (i) => Math.min(1, Math.max(0, (x[i] - low) / (high - low || 1)));
  return { show: (x) => paintImage(canvas, shape, gray(x)) };
}

function thumbnail(page, row, kind = "tile") {
  const { channels, height, width, levels } = page.content.points.thumbnail;
  const size = channels * height * width, pixels = page.arrays.thumbnails;
  const canvas = make("canvas", { className: kind });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Row ${row}`);
  paintImage(canvas, [channels, height, width], (i) => pixels[row * size + i] / levels);
  return canvas;
}

function barsView(host, page, label) {
  const { points } = page.content, { names, bars } = points, { low, high } = page.arrays;
  const box = make("div", { className: "bars", tabIndex: 0 });
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", label);
  const cells = bars.map((column) => {
    const fill = make("div", { className: "fill" }), value = make("div", { className: "value" });
    const name = make("div", { className: "name", textContent: nameOf(points, column), title: names[column] });
    box.append(name, make("div", { className: "track" }, fill), value);
    return { column, fill, value };
  });
  host.append(box);
  if (bars.length < names.length) {
    host.append(make("p", { className: "quiet", textContent:
      `The ${bars.length} of ${names.length} columns that vary most; a bar is full at the largest value in the data.` }));
  } else {
    host.append(make("p", { className: "quiet", textContent: "A bar is empty at the smallest and full at the largest value in the data." }));
  }
  return {
    show(x) {
      for (const { column, fill, value } of cells) {
        const share = (x[column] - low[column]) / (high[column] - low[column] || 1);
        fill.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
        value.textContent = withUnit(points, column, x[column]);
      }
    },
  };
}

// The data in the plane or in space, and a decoded point, or a way of them, among it.
function dataView(host, page, label) {
  const canvas = make("canvas", { className: "data", tabIndex: 0 });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  host.append(canvas);
  const { names, columns } = page.content.points, dim = names.length, { values, low, high } = page.arrays;
  host.append(make("p", { className: "quiet", textContent: dim === 3
    ? `${names.join(", ")}; drag or use the arrow keys to turn` : `${names[0]} across, ${names[1]} up` }));
  const count = page.content.num_points, step = Math.max(1, Math.ceil(count / 6000));
  const middle = Array.from({ length: dim }, (_, i) => (low[i] + high[i]) / 2);
  const reach = Math.max(...middle.map((_, i) => high[i] - low[i])) / 2 || 1;
  let turn = [0.6, 0.35], last = null, way = null;
  const project = (x) => {
    const p = middle.map((each, i) => (x[i] - each) / reach);
    if (dim === 2) return [p[0], p[1]];
    const [a, b] = turn;
    const side = p[0] * Math.cos(a) - p[1] * Math.sin(a), deep = p[0] * Math.sin(a) + p[1] * Math.cos(a);
    return [side, p[2] * Math.cos(b) + deep * Math.sin(b)];
  };
  const draw = () => {
    const ratio = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
    canvas.width = w * ratio;
    canvas.height = h * ratio;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const wide = (axis, length) => (0.9 * length * reach) / (high[axis] - low[axis] || reach);
    const zoom = dim === 2 ? Math.min(wide(0, w), wide(1, h)) : 0.36 * Math.min(w, h);
    const side = Math.min(5, Math.max(2, 40 / Math.sqrt(count)));
    const at = (x) => { const [a, b] = project(x); return [w / 2 + a * zoom, h / 2 - b * zoom]; };
    context.fillStyle = ink("--quiet");
    context.globalAlpha = count > 1500 ? 0.6 : 0.8;
    if (columns.length === dim) {
      for (let i = 0; i < count; i += step) {
        const [x, y] = at(values.subarray(i * dim, i * dim + dim));
        if (page.tints) context.fillStyle = `rgb(${page.tints.subarray(4 * i, 4 * i + 3)})`;
        context.fillRect(x - side / 2, y - side / 2, side, side);
      }
    }
    context.globalAlpha = 1;
    const path = way || page.line;
    if (path) {
      context.strokeStyle = way ? ink("--cursor") : ink("--accent");
      context.lineWidth = 1.8;
      context.beginPath();
      path.forEach((x, i) => (i ? context.lineTo(...at(x)) : context.moveTo(...at(x))));
      context.stroke();
    }
    if (!last) return;
    const [x, y] = at(last);
    context.beginPath();
    context.arc(x, y, 6, 0, 7);
    context.fillStyle = ink("--cursor");
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = ink("--plot");
    context.stroke();
  };
  const rotate = (dx, dy) => { turn = [turn[0] + dx, turn[1] + dy]; draw(); };
  if (dim === 3) {
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons) rotate(event.movementX / 120, event.movementY / 120);
    });
    canvas.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
      if (move) { rotate(...move); event.preventDefault(); }
    });
  }
  page.redraws.push(draw);
  return { show: (x) => { last = x; draw(); }, showWay: (points) => { way = points; } };
}

function pointView(host, page, label) {
  const { kind } = page.content;
  if (kind === "image") return imageView(host, page, label);
  return kind === "bars" ? barsView(host, page, label) : dataView(host, page, label);
}
