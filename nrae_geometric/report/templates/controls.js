// What pointer, keyboard and buttons do; the rows of a selection as a table and as a file.

function rowValues(page) {
  const { content, arrays } = page, { dim } = content, columns = content.points.columns || [];
  const blocks = content.colors.filter((color) => color.block);
  const names = ["row", ...Array.from({ length: dim }, (_, i) => `z${i + 1}`), ...blocks.map((color) => color.name),
    ...columns.map((column) => content.points.names[column])];
  const values = (row) => [row, ...latentOf(page, row),
    ...blocks.map((color) => (color.kind === "classes" ? color.classes[arrays[color.block][row]] : arrays[color.block][row])),
    ...columns.map((_, place) => arrays.values[row * columns.length + place])];
  return { names, values };
}

function rowTable(page, rows) {
  const { names, values } = rowValues(page), shown = 14;
  const cell = (value) => make("td", { textContent: typeof value === "number" ? (Number.isFinite(value) ? tidy(value) : "none") : value });
  const head = make("tr", {}, ...names.slice(0, shown).map((name) => make("th", { scope: "col", textContent: name })));
  return make("table", {}, make("thead", {}, head),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...values(row).slice(0, shown).map(cell)))));
}

function asCSV(page, rows) {
  const { names, values } = rowValues(page);
  const field = (value) => {
    if (typeof value === "number") return !Number.isFinite(value) ? "" : String(Number(value.toPrecision(8)));
    // A text that begins like a formula would be one in a spreadsheet.
    const text = /^[=+\-@\t\r]/.test(value) && Number.isNaN(Number(value)) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [names, ...rows.map(values)].map((line) => line.map(field).join(",")).join("\r\n");
}

function inside(polygon, x, y) {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[i], [bx, by] = polygon[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

function edgesInWords({ num_edges, num_shown, num_shortcuts, num_torn, most_searched }) {
  const many = (number, text) => `${grouped(number)} ${number === 1 ? "edge" : "edges"}, in ${text}.`;
  return [
    num_shown < num_edges ? `The shortest ${grouped(num_shown)} of ${grouped(num_edges)} edges, in gray.` : many(num_edges, "gray"),
    num_shortcuts ? many(num_shortcuts, "red above the points, seem to be shortcuts through the space around the manifold")
      : most_searched ? `Shortcuts are looked for in up to ${grouped(most_searched)} points, not here.` : "None seems to be a shortcut.",
    num_torn ? many(num_torn, "amber, are torn apart in latent space") : "None is torn apart in latent space.",
  ].join(" ");
}

function attachControls(page, parts) {
  const { box, view, colors, recolor, placePoints, placeEdges, showAll, draw, drawMoving, move, hover, select, bounds } = parts;
  const { dim, num_points: count } = page.content, hints = {
    walk: dim === 1 ? "Drag, or use the arrow keys, to move the decoded place. How high a point lies is what it is colored by." : "Drag, or use the arrow keys, to move the decoded place.",
    path: "Click two places, or press Enter at two places, to see the ways between them.",
    lasso: "Draw around points to list them below.", pan: "Drag to move the map; pinch, + and − zoom.",
  };
  const place = (event) => { const edge = box.getBoundingClientRect(); return [event.clientX - edge.left - box.clientLeft, event.clientY - edge.top - box.clientTop]; };
  const latentAt = (x, y) => {
    const plane = view.toPlane(x, y), z = [...page.z];
    z[page.axes[0]] = plane[0];
    if (dim > 1) z[page.axes[1]] = plane[1];
    return z.map((each, i) => Math.min(bounds[i][1], Math.max(bounds[i][0], each)));
  };
  const end = (z) => {
    if (page.ends.length === 2) { page.ends = []; page.ways = null; page.marks = []; }
    page.ends.push(z);
    if (page.ends.length === 2 && page.decode) showPath(page, ...page.ends);
    page.drawOverlay();
  };
  const inPlot = (test) => {
    const rows = [];
    for (let i = 0; i < count; i++) if (test(...view.toScreen(page.places[2 * i], page.places[2 * i + 1]))) rows.push(i);
    return rows;
  };
  find("hint").textContent = hints.walk;
  const fingers = new Map();
  box.addEventListener("pointerdown", (event) => {
    box.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, place(event));
    const [x, y] = place(event);
    if (fingers.size > 1) { page.lasso = null; return; }
    if (page.tool === "walk" && page.decode) move(latentAt(x, y));
    if (page.tool === "lasso") page.lasso = [[x, y]];
    if (page.tool === "path") end(latentAt(x, y));
  });
  box.addEventListener("pointermove", (event) => {
    const [x, y] = place(event), before = fingers.get(event.pointerId);
    if (!before) return hover(view.nearest(page.places, x, y, 14));
    if (fingers.size === 2) {
      const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, where]) => where);
      const spread = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]);
      view.zoom(spread([x, y]) / (spread(before) || 1), (x + other[0]) / 2, (y + other[1]) / 2);
      drawMoving();
    } else if (page.tool === "walk" && page.decode) {
      move(latentAt(x, y));
      hover(view.nearest(page.places, x, y, 14));
    } else if (page.tool === "lasso" && page.lasso) {
      page.lasso.push([x, y]);
      page.drawOverlay();
    } else if (page.tool === "pan") {
      view.middle = [view.middle[0] - (x - before[0]) / view.pixels[0], view.middle[1] + (y - before[1]) / view.pixels[1]];
      drawMoving();
    }
    fingers.set(event.pointerId, [x, y]);
  });
  const lift = (event) => {
    fingers.delete(event.pointerId);
    if (page.lasso && page.lasso.length > 2) select(inPlot((x, y) => inside(page.lasso, x, y)));
    page.lasso = null;
    if (page.tool !== "lasso") hover(view.nearest(page.places, ...place(event), 14));
    page.drawOverlay();
  };
  box.addEventListener("pointerup", lift);
  box.addEventListener("pointercancel", lift);
  box.addEventListener("wheel", (event) => {
    if (document.activeElement !== box && !event.ctrlKey) return; // the page scrolls until the map is used
    event.preventDefault();
    view.zoom(Math.exp(-event.deltaY / 400), ...place(event));
    drawMoving();
  }, { passive: false });
  const zoom = (factor) => { view.zoom(factor, box.clientWidth / 2, box.clientHeight / 2); drawMoving(); };
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (step && page.decode) {
      const z = [...page.z], factor = event.shiftKey ? 10 : 1;
      page.axes.slice(0, Math.min(2, dim)).forEach((axis, i) => {
        const [low, high] = bounds[axis];
        z[axis] = Math.min(high, Math.max(low, z[axis] + (step[i] * factor * (high - low)) / 100));
      });
      move(z);
      hover(nearestPoint(page, z));
    } else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "Enter") end([...page.z]);
    else return;
    event.preventDefault();
  });
  find("closer").onclick = () => zoom(1.4);
  find("farther").onclick = () => zoom(1 / 1.4);
  find("whole").onclick = showAll;
  document.querySelectorAll("[name=tool]").forEach((radio) => radio.addEventListener("change", () => {
    page.tool = radio.value;
    find("hint").textContent = hints[page.tool];
    page.drawOverlay();
  }));
  find("color").append(...colors.map((color, i) => make("option", { value: i, textContent: color.name })));
  find("color").onchange = () => {
    page.color = Number(find("color").value);
    page.chosen = -1;
    recolor();
    if (dim === 1) { placePoints(); showAll(); } else draw();
  };
  if (dim > 2) {
    ["across", "up"].forEach((id, axis) => {
      find(`${id}-label`).hidden = false;
      find(id).append(...bounds.map((_, i) => make("option", { value: i, textContent: `z${i + 1}`, selected: i === page.axes[axis] })));
      find(id).onchange = () => { page.axes[axis] = Number(find(id).value); placePoints(); showAll(); };
    });
  }
  const { graph } = page.content, marked = find("edge-legend");
  if (find("edges")) {
    find("edges").onchange = () => { placeEdges(); marked.hidden = !find("edges").checked; draw(); };
    marked.textContent = edgesInWords(graph);
  }
  find("select-view").onclick = () => select(inPlot((x, y) => x >= 0 && y >= 0 && x <= box.clientWidth && y <= box.clientHeight));
  find("select-none").onclick = () => { select([]); find("select-view").focus(); };
  find("download").onclick = () => {
    const link = make("a", { href: URL.createObjectURL(new Blob([asCSV(page, page.selected)], { type: "text/csv" })), download: "selected.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const theme = () => {
    document.documentElement.dataset.theme = page.theme;
    find("theme").textContent = page.theme === "dark" ? "Light" : "Dark";
    find("theme").setAttribute("aria-label", `Switch to ${page.theme === "dark" ? "light" : "dark"} colors`);
  };
  theme();
  find("theme").onclick = () => {
    page.theme = page.theme === "dark" ? "light" : "dark";
    theme();
    recolor();
    placeEdges();
  };
  window.addEventListener("resize", () => { showAll(); page.redraws.forEach((each) => each()); });
}
