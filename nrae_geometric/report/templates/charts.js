// Colors, legends and the loss curves.

const VIRIDIS = ["#440154", "#482878", "#3e4a89", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];

const channels = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));

function ramp(share, theme) {
  // The lightest end is left out on a light page, the darkest on a dark one.
  const place = (theme === "dark" ? 0.18 + 0.82 * share : 0.9 * share) * (VIRIDIS.length - 1);
  const low = Math.min(VIRIDIS.length - 2, Math.floor(place)), part = place - low;
  const a = channels(VIRIDIS[low]), b = channels(VIRIDIS[low + 1]);
  return a.map((value, i) => Math.round(value + part * (b[i] - value)));
}

function quantiles(values) {
  const sorted = Float32Array.from(values).filter(Number.isFinite).sort();
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  return sorted.length > 100 ? [at(0.01), at(0.99)] : [at(0), at(1)];
}

const faintColor = (theme) => (theme === "dark" ? [70, 78, 88] : [205, 210, 216]);

// Classes behind those that have a color look alike.
function classLook(page, number) {
  const color = page.content.class_colors[page.theme][number];
  return color ? { color: channels(color), shape: number % 3 } : { color: faintColor(page.theme), shape: 0 };
}

// Choosing a class leaves the buttons as they are, so that the focus stays on one of them.
function showLegend(host, page, color, choose) {
  const { values, theme, chosen } = page;
  host.replaceChildren();
  if (color.kind === "classes") {
    const counts = new Array(color.classes.length).fill(0);
    for (const code of values) counts[code]++;
    const numColored = page.content.class_colors[theme].length;
    color.classes.slice(0, 40).forEach((name, number) => {
      if (number === numColored) host.append(make("span", { className: "quiet", textContent: "others:" }));
      const canvas = make("canvas", { width: 24, height: 24 });
      canvas.style.width = canvas.style.height = "12px";
      const context = canvas.getContext("2d"), look = classLook(page, number);
      context.fillStyle = `rgb(${look.color})`;
      context.beginPath();
      if (look.shape === 0) context.arc(12, 12, 10, 0, 7);
      else if (look.shape === 1) context.rect(3, 3, 18, 18);
      else { context.moveTo(12, 2); context.lineTo(23, 21); context.lineTo(1, 21); }
      context.fill();
      const button = make("button", { type: "button", title: `${name}: ${grouped(counts[number])} points` }, canvas,
        make("span", { textContent: name }), make("span", { className: "quiet", textContent: grouped(counts[number]) }));
      button.setAttribute("aria-pressed", String(chosen === number));
      button.addEventListener("click", () => {
        const next = button.getAttribute("aria-pressed") === "true" ? -1 : number;
        host.querySelectorAll("button").forEach((each) => each.setAttribute("aria-pressed", String(each === button && next >= 0)));
        choose(next);
      });
      host.append(button);
    });
    if (color.classes.length > 40) host.append(make("span", { className: "quiet", textContent: `and ${color.classes.length - 40} more` }));
    return;
  }
  const [low, high] = quantiles(values), canvas = make("canvas", { className: "bar", width: 256, height: 1 });
  const context = canvas.getContext("2d");
  for (let i = 0; i < 256; i++) {
    context.fillStyle = `rgb(${ramp(i / 255, theme)})`;
    context.fillRect(i, 0, 1, 1);
  }
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Colors from ${tidy(low)} to ${tidy(high)}`);
  host.append(make("div", { className: "scale" }, canvas,
    make("div", { className: "ends" }, make("span", { textContent: tidy(low) }), make("span", { textContent: tidy(high) }))));
  const numAbsent = values.reduce((sum, value) => sum + !Number.isFinite(value), 0);
  if (numAbsent) host.append(make("p", { className: "quiet", textContent: `${grouped(numAbsent)} ${numAbsent === 1 ? "point" : "points"} in gray: ${color.absence}.` }));
  if (color.reading) host.append(make("p", { className: "quiet", textContent: color.reading }));
}

// Points of other classes than the chosen one, and outside of a selection, are faint.
function colorPoints(page, color, alpha) {
  const { values, theme, chosen, selected } = page;
  const colors = new Uint8Array(4 * values.length), shapes = new Uint8Array(values.length);
  const faint = faintColor(theme);
  const [low, high] = color.kind === "classes" ? [0, 1] : quantiles(values);
  const looks = color.kind === "classes" ? color.classes.map((_, i) => classLook(page, i)) : [];
  if (chosen >= page.content.class_colors[theme].length) looks[chosen].color = channels(ink("--ink"));
  const outside = new Uint8Array(values.length).fill(selected.length ? 1 : 0);
  for (const row of selected) outside[row] = 0;
  for (let i = 0; i < values.length; i++) {
    let rgb = faint;
    if (color.kind === "classes") {
      const look = looks[values[i]];
      rgb = chosen >= 0 && values[i] !== chosen ? faint : look.color;
      shapes[i] = look.shape;
    } else if (Number.isFinite(values[i])) rgb = ramp(Math.min(1, Math.max(0, (values[i] - low) / (high - low || 1))), theme);
    if (outside[i]) rgb = faint;
    colors.set(rgb, 4 * i);
    colors[4 * i + 3] = 255 * alpha;
  }
  return { colors, shapes };
}

function showLoss(host, history) {
  const svg = (tag, attributes, text = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  };
  const curves = Object.entries(history), all = curves.flatMap(([, losses]) => losses);
  const positive = all.every((loss) => loss > 0), log = positive && Math.max(...all) > 20 * Math.min(...all);
  const f = log ? Math.log10 : (x) => x;
  const low = f(Math.min(...all)), high = f(Math.max(...all)), epochs = curves[0][1].length;
  const x = (i) => 64 + (466 * i) / Math.max(1, epochs - 1), y = (loss) => 210 - (190 * (f(loss) - low)) / (high - low || 1);
  const chart = svg("svg", { viewBox: "0 0 540 250", role: "img", "aria-label": curves.map(([name, losses]) =>
    `${name}: loss from ${tidy(losses[0])} in the first to ${tidy(losses[losses.length - 1])} in the last of ${epochs} epochs`).join("; ") });
  for (let i = 0; i <= 3; i++) {
    const value = low + ((high - low) * i) / 3, place = 210 - (190 * i) / 3;
    chart.append(svg("line", { class: "axis", x1: 64, x2: 530, y1: place, y2: place }));
    chart.append(svg("text", { x: 56, y: place + 4, "text-anchor": "end" }, tidy(Number((log ? 10 ** value : value).toPrecision(2)))));
  }
  chart.append(svg("text", { x: 64, y: 232 }, "epoch 1"), svg("text", { x: 530, y: 232, "text-anchor": "end" }, String(epochs)));
  const looks = [["var(--accent)", ""], ["var(--cursor)", "6 4"]];
  curves.forEach(([name, losses], number) => {
    const [stroke, dash] = looks[number];
    const points = losses.map((loss, i) => `${x(i).toFixed(1)},${y(loss).toFixed(1)}`).join(" ");
    chart.append(svg("polyline", { points, fill: "none", stroke, "stroke-width": 2, "stroke-dasharray": dash }));
    if (curves.length > 1) {
      chart.append(svg("line", { x1: 330, x2: 358, y1: 24 + 20 * number, y2: 24 + 20 * number, stroke, "stroke-width": 2, "stroke-dasharray": dash }));
      chart.append(svg("text", { x: 366, y: 28 + 20 * number }, name));
    }
  });
  host.append(chart);
  if (log) host.append(make("p", { className: "quiet", textContent: "The scale is logarithmic." }));
}
