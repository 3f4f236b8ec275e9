// The state of the page, and what each control does to it.

// So many of a point's latents and columns are shown until all are asked for.
const FEW_LATENTS = 6, FEW_COLUMNS = 8;

const find = (id) => document.getElementById(id);
const parse = (id) => JSON.parse(find(id).textContent);

async function start() {
  const content = parse("content"), arrays = await readArrays(parse("arrays").directory, find("data").textContent);
  const { dim, num_points: count } = content;
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  const page = {
    content, arrays, decode: makeDecoder(content.decoder, arrays), redraws: [], axes: [0, Math.min(1, dim - 1)],
    theme: dark ? "dark" : "light", tool: "walk", color: 0, showsAll: false, chosen: -1, selected: [], hovered: -1, lasso: null, ends: [], marks: [],
  };
  window.nraeReport = page;
  const columns = content.points.columns || [];
  const colors = [...content.colors, ...columns.map((column, place) =>
    ({ name: content.points.names[column], kind: "column", place }))];
  const box = find("plot"), scatter = new Scatter(find("points")), view = new View(box), overlay = find("overlay");
  box.classList.toggle("line", dim === 1);

  const valuesOf = (color) => {
    if (color.block) return arrays[color.block];
    const width = color.kind === "latent" ? dim : columns.length, from = color.kind === "latent" ? arrays.z : arrays.values;
    const offset = color.kind === "latent" ? color.index : color.place;
    return Float32Array.from({ length: count }, (_, i) => from[i * width + offset]);
  };
  const noise = (i) => ((Math.imul(i + 1, 2654435761) >>> 0) / 2 ** 32) - 0.5;
  const height = (color, values) => { // on a line, what points are colored by is how high they are
    if (color.kind === "latent") return (i) => noise(i);
    if (color.kind === "classes") return (i) => -values[i] + 0.7 * noise(i);
    const [lowest] = quantiles(values);
    return (i) => (Number.isFinite(values[i]) ? values[i] : lowest || 0);
  };
  const placePoints = () => {
    const places = new Float32Array(2 * count), up = dim === 1 ? height(colors[page.color], page.values) : null;
    for (let i = 0; i < count; i++) {
      places[2 * i] = arrays.z[i * dim + page.axes[0]];
      places[2 * i + 1] = up ? up(i) : arrays.z[i * dim + page.axes[1]];
    }
    page.places = places;
    scatter.setPlaces(places);
    placeEdges();
  };
  const placeEdges = () => {
    const groups = [[], [], []];
    if (find("edges")?.checked) {
      const mark = arrays["edge mark"], stride = 1000003; // a prime, so that the first edges are from everywhere
      for (let i = 0, e = 0; i < mark.length; i++, e = (e + stride) % mark.length) {
        for (const node of [arrays.edges[2 * e], arrays.edges[2 * e + 1]]) groups[mark[e]].push(page.places[2 * node], page.places[2 * node + 1]);
      }
    }
    const [plain, shortcuts, torn] = groups.map((ends) => new Float32Array(ends));
    const rgb = (name) => channels(ink(name)).map((each) => each / 255);
    scatter.setLines([
      { ends: plain, color: [...rgb("--quiet"), plain.length > 100000 ? 0.12 : 0.4], above: false },
      { ends: torn, color: [...rgb("--warn-line"), Math.min(0.6, Math.max(0.08, 600 / torn.length))], above: false },
      { ends: shortcuts, color: [...rgb("--cursor"), 1], above: true },
    ]);
  };
  const size = () => Math.min(12, Math.max(2.2, 220 / Math.sqrt(count)) * Math.min(2, Math.max(1, view.pixels[0] / page.base) ** 0.4));
  let waiting = false, moving = false, rest = 0;
  const draw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; scatter.draw(view, size(), moving); page.drawOverlay(); });
  };
  const drawMoving = () => {
    moving = true;
    clearTimeout(rest);
    rest = setTimeout(() => { moving = false; draw(); }, 200);
    draw();
  };

  const spot = (z) => view.toScreen(z[page.axes[0]], dim === 1 ? view.middle[1] : z[page.axes[1]]);
  page.spot = spot;
  page.drawOverlay = () => {
    const ratio = window.devicePixelRatio || 1, w = box.clientWidth, h = box.clientHeight;
    overlay.width = w * ratio;
    overlay.height = h * ratio;
    const context = overlay.getContext("2d");
    context.scale(ratio, ratio);
    const ring = (x, y, r, fill) => {
      context.beginPath();
      context.arc(x, y, r, 0, 7);
      if (fill) { context.fillStyle = fill; context.fill(); }
      context.stroke();
    };
    find("place-mark").hidden = page.tool !== "walk" || !page.decode;
    find("point-mark").hidden = page.hovered < 0;
    const at = (row) => view.toScreen(page.places[2 * row], page.places[2 * row + 1]);
    context.strokeStyle = ink("--ink");
    context.fillStyle = ink("--ink");
    if (page.hovered >= 0) {
      context.lineWidth = 1.2;
      for (const [other] of adjacency(page)[page.hovered].slice(0, 12)) {
        context.beginPath();
        context.moveTo(...at(page.hovered));
        context.lineTo(...at(other));
        context.stroke();
      }
      ring(...at(page.hovered), size() / 2 + 3);
    }
    if (page.ways) {
      context.strokeStyle = ink("--cursor");
      context.lineWidth = 2;
      Object.values(page.ways).forEach((way, number) => {
        if (!way) return;
        context.setLineDash(number ? [] : [7, 5]);
        context.beginPath();
        way.forEach((z, i) => (i ? context.lineTo(...spot(z)) : context.moveTo(...spot(z))));
        context.stroke();
      });
      context.setLineDash([]);
    }
    context.lineWidth = 2;
    context.strokeStyle = ink("--plot");
    for (const z of [...page.ends, ...page.marks]) ring(...spot(z), 5, ink("--cursor"));
    if (page.lasso) {
      context.strokeStyle = ink("--accent");
      context.beginPath();
      page.lasso.forEach((place, i) => (i ? context.lineTo(...place) : context.moveTo(...place)));
      context.closePath();
      context.stroke();
    }
    if (page.tool === "walk" && page.decode) {
      const [x, y] = spot(page.z);
      context.strokeStyle = ink("--cursor");
      context.globalAlpha = 0.6;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x, 0); context.lineTo(x, h);
      if (dim > 1) { context.moveTo(0, y); context.lineTo(w, y); }
      context.stroke();
      context.globalAlpha = 1;
      context.lineWidth = 2.5;
      context.strokeStyle = ink("--plot");
      ring(x, y, 8, ink("--cursor"));
    }
  };

  const tint = () => {
    const alpha = count > 20000 ? 0.55 : count > 3000 ? 0.75 : 0.9;
    const { colors: tints, shapes } = colorPoints(page, colors[page.color], alpha);
    page.tints = tints;
    scatter.setColors(tints, shapes);
    page.redraws.forEach((each) => each());
    draw();
  };
  const recolor = () => {
    const color = colors[page.color];
    page.values = valuesOf(color);
    tint();
    showLegend(find("legend"), page, color, (number) => { page.chosen = number; tint(); });
  };
  const showAll = () => { view.fit(page.places, dim > 1); page.base = view.pixels[0]; draw(); };

  // The decoded place.
  const sliders = [];
  const decoded = page.decode ? pointView(find("decoded"), page, "Decoded point") : null;
  const move = (z) => {
    page.z = z;
    sliders.forEach(({ input, value }, i) => { input.value = z[i]; value.textContent = tidy(z[i]); });
    if (decoded) decoded.show((page.x = page.decode(z)));
    page.drawOverlay();
  };
  page.move = move;
  const bounds = Array.from({ length: dim }, (_, j) => {
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < count; i++) { low = Math.min(low, arrays.z[i * dim + j]); high = Math.max(high, arrays.z[i * dim + j]); }
    const margin = 0.03 * (high - low);
    return [low - margin, high + margin];
  });
  const note = { dense: "Computed in this page by the decoder itself.",
    grid: "Interpolated between points that the decoder has computed on a grid: this kind of decoder does not run in a page.",
    none: "This decoder has too many latent dimensions for a page; nrae decode decodes any place." };
  find("decoder-note").textContent = note[content.decoder.kind];
  if (page.decode) {
    bounds.forEach(([low, high], i) => {
      const input = make("input", { type: "range", min: low, max: high, step: (high - low) / 1000, id: `z${i + 1}` });
      const value = make("output", { className: "number" });
      value.htmlFor = input.id;
      input.addEventListener("input", () => move(page.z.map((each, j) => (j === i ? Number(input.value) : each))));
      sliders.push({ input, value });
      find("sliders").append(make("div", { className: "slider" }, make("label", { htmlFor: input.id, textContent: `z${i + 1}` }), input, value));
    });
  }

  const facts = (row) => {
    const list = make("dl", { className: "facts" });
    const add = (name, value) => list.append(make("dt", { textContent: name, title: name }), make("dd", { textContent: value, title: value }));
    add("row, counted from 0", row);
    latentOf(page, row).slice(0, page.showsAll ? dim : FEW_LATENTS).forEach((each, i) => add(`z${i + 1}`, tidy(each)));
    for (const color of content.colors.filter((each) => each.block)) {
      const value = arrays[color.block][row];
      add(color.name, color.kind === "classes" ? color.classes[value] : Number.isFinite(value) ? tidy(value) : color.absence);
    }
    columns.slice(0, page.showsAll ? columns.length : FEW_COLUMNS).forEach((column, place) => add(nameOf(content.points, column), withUnit(content.points, column, arrays.values[row * columns.length + place])));
    if (!page.showsAll) return list;
    const scroll = make("div", { className: "scroll", tabIndex: 0 }, list);
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", "Values of the point");
    return scroll;
  };
  const hover = (row) => {
    if (row === page.hovered || row < 0) return;
    page.hovered = row;
    showPoint(row);
    page.drawOverlay();
  };
  const showPoint = (row) => {
    const near = adjacency(page)[row].slice(0, 5).map(([other]) => other), host = find("hovered");
    host.replaceChildren();
    if (content.points.thumbnail) {
      host.append(make("div", { className: "tiles" }, thumbnail(page, row, "image small")));
    }
    host.append(facts(row));
    if (near.length) {
      host.append(make("p", { className: "quiet", textContent: content.points.thumbnail ? "Its neighbors in the graph" : `Its neighbors in the graph: rows ${near.join(", ")}` }));
      if (content.points.thumbnail) host.append(make("div", { className: "tiles" }, ...near.map((each) => thumbnail(page, each))));
    }
    const [all, few, name] = columns.length > FEW_COLUMNS ? [columns.length, FEW_COLUMNS, "values"] : [dim, FEW_LATENTS, "latents"];
    find("all-values").hidden = all <= few;
    find("all-values").textContent = page.showsAll ? `Show ${few} ${name}` : `Show all ${all} ${name}`;
  };
  find("all-values").onclick = () => { page.showsAll = !page.showsAll; showPoint(page.hovered); };
  page.hover = hover;

  const select = (rows) => {
    page.selected = rows;
    find("selection-count").textContent = rows.length ? `${grouped(rows.length)} of ${grouped(count)}` : "None; draw a lasso around some";
    find("download").disabled = !rows.length;
    find("rows").hidden = !rows.length;
    find("rows").replaceChildren(...(rows.length ? [rowTable(page, rows.slice(0, 200))] : []));
    if (rows.length > 200) find("rows").append(make("p", { className: "quiet", textContent: `The first 200 of ${grouped(rows.length)}; the CSV has all.` }));
    find("select-none").hidden = !rows.length;
    tint();
  };
  page.select = select;
  attachControls(page, { box, view, colors, recolor, placePoints, placeEdges, showAll, draw, drawMoving, move, hover, select, bounds });

  document.documentElement.dataset.theme = page.theme;
  recolor();
  placePoints();
  showAll();
  move(latentOf(page, nearestPoint(page, bounds.map(([low, high]) => (low + high) / 2))));
  if (dim === 1 && page.decode && ["plane", "space"].includes(content.kind)) {
    const [low, high] = bounds[0];
    page.line = Array.from({ length: 300 }, (_, i) => page.decode([low + ((high - low) * i) / 299]));
    move(page.z);
  }
  if (content.epochs.length > 1) showEpochs(page);
  if (find("loss")) showLoss(find("loss"), content.history);
  document.documentElement.dataset.ready = "true";
}

start();
