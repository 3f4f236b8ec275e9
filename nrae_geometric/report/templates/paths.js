// Ways between two places: straight in latent space, and along the neighbor graph.

function adjacency(page) {
  if (page.neighbors) return page.neighbors;
  const lists = Array.from({ length: page.content.num_points }, () => []);
  const { edges } = page.arrays, length = page.arrays["edge length"], mark = page.arrays["edge mark"];
  if (edges) {
    for (let e = 0; e < length.length; e++) {
      const [a, b] = [edges[2 * e], edges[2 * e + 1]];
      lists[a].push([b, length[e], mark[e]]);
      lists[b].push([a, length[e], mark[e]]);
    }
    lists.forEach((list) => list.sort((p, q) => p[1] - q[1]));
  }
  return (page.neighbors = lists);
}

// Dijkstra's shortest path, which leaves suspected shortcuts out.
function graphPath(page, from, to) {
  const lists = adjacency(page), distance = new Float64Array(lists.length).fill(Infinity);
  const before = new Int32Array(lists.length).fill(-1), heap = [[0, from]];
  distance[from] = 0;
  const swap = (i, j) => { [heap[i], heap[j]] = [heap[j], heap[i]]; };
  while (heap.length) {
    const [far, node] = heap[0], end = heap.pop();
    if (heap.length) {
      heap[0] = end;
      for (let i = 0; ;) {
        let child = 2 * i + 1;
        if (child + 1 < heap.length && heap[child + 1][0] < heap[child][0]) child++;
        if (child >= heap.length || heap[i][0] <= heap[child][0]) break;
        swap(i, child);
        i = child;
      }
    }
    if (node === to) break;
    if (far > distance[node]) continue;
    for (const [next, step, mark] of lists[node]) {
      if (mark === 1 || far + step >= distance[next]) continue;
      distance[next] = far + step;
      before[next] = node;
      heap.push([distance[next], next]);
      for (let i = heap.length - 1; i > 0 && heap[(i - 1) >> 1][0] > heap[i][0]; i = (i - 1) >> 1) swap(i, (i - 1) >> 1);
    }
  }
  if (!Number.isFinite(distance[to])) return null;
  const path = [to];
  while (path[0] !== from) path.unshift(before[path[0]]);
  return path;
}

// A place at a share of the way along latents in turn.
function alongWay(way, share) {
  const ends = [0];
  for (let i = 1; i < way.length; i++) {
    ends.push(ends[i - 1] + Math.hypot(...way[i].map((each, j) => each - way[i - 1][j])));
  }
  const goal = share * ends[ends.length - 1];
  let i = 1;
  while (i < way.length - 1 && ends[i] < goal) i++;
  if (way.length < 2) return way[0];
  const part = Math.min(1, (goal - ends[i - 1]) / (ends[i] - ends[i - 1] || 1));
  return way[i].map((each, j) => way[i - 1][j] + part * (each - way[i - 1][j]));
}

function nearestPoint(page, z) {
  const { dim } = page.content, all = page.arrays.z;
  let best = 0, least = Infinity;
  for (let i = 0; i < page.content.num_points; i++) {
    let sum = 0;
    for (let j = 0; j < dim; j++) sum += (all[i * dim + j] - z[j]) ** 2;
    if (sum < least) { least = sum; best = i; }
  }
  return best;
}

// The curve that was decoded behind each epoch, in place of the one that was learned at the end.
function showEpochs(page) {
  const { epochs } = page.content, size = page.arrays.frames.length / epochs.length, learned = page.line;
  const input = make("input", { type: "range", min: 0, max: epochs.length - 1, step: 1, value: epochs.length - 1, id: "epoch" });
  const value = make("output", { className: "number", textContent: epochs[epochs.length - 1] });
  input.addEventListener("input", () => {
    const frame = page.arrays.frames.subarray(input.value * size, (Number(input.value) + 1) * size);
    const curve = Array.from({ length: size / 2 }, (_, i) => frame.subarray(2 * i, 2 * i + 2));
    page.line = Number(input.value) === epochs.length - 1 ? learned : curve;
    value.textContent = epochs[input.value];
    page.redraws.forEach((each) => each());
  });
  document.getElementById("sliders").append(make("div", { className: "slider wide" },
    make("label", { htmlFor: input.id, textContent: "epoch" }), input, value));
}

const latentOf = (page, row) => Array.from(page.arrays.z.subarray(row * page.content.dim, (row + 1) * page.content.dim));

function decodedLength(page, way) {
  const { scale } = page.arrays, unit = (j) => (scale.length > 1 ? scale[j] : 1);
  let sum = 0, last = null;
  for (let i = 0; i <= 100; i++) {
    const x = page.decode(alongWay(way, i / 100));
    if (last) sum += Math.sqrt(x.reduce((total, value, j) => total + ((value - last[j]) / unit(j)) ** 2, 0));
    last = x;
  }
  return sum;
}

function showPath(page, from, to) {
  const find = (id) => document.getElementById(id);
  const rows = [nearestPoint(page, from), nearestPoint(page, to)];
  const nodes = graphPath(page, ...rows);
  page.ways = { straight: [from, to], geodesic: nodes && [from, ...nodes.map((row) => latentOf(page, row)), to] };
  find("path").hidden = false;
  const views = {};
  for (const [name, way] of Object.entries(page.ways)) {
    const host = find(name), strip = find(`${name}-strip`);
    host.replaceChildren();
    strip.replaceChildren();
    if (!way) {
      host.append(make("p", { textContent: "No edges lead from one to the other." }));
      continue;
    }
    views[name] = pointView(host, page, name === "straight" ? "Decoded on the straight way" : "Decoded on the way along the graph");
    if (views[name].showWay) views[name].showWay(Array.from({ length: 101 }, (_, i) => page.decode(alongWay(way, i / 100))));
    if (page.content.kind === "image") {
      for (let i = 0; i < 9; i++) {
        imageView(strip, page, `${Math.round((100 * i) / 8)} % of the way`, "tile").show(page.decode(alongWay(way, i / 8)));
      }
    }
  }
  const move = () => {
    const share = Number(find("along").value);
    for (const [name, view] of Object.entries(views)) view.show(page.decode(alongWay(page.ways[name], share)));
    page.marks = Object.keys(views).map((name) => alongWay(page.ways[name], share));
    page.drawOverlay();
  };
  const lengths = Object.keys(views).map((name) => decodedLength(page, page.ways[name]));
  find("path-note").textContent = lengths.length < 2 ? "" :
    `In the space of the data${page.arrays.scale.length > 1 ? ", each column by its standard deviation," : ""} the straight way is ${tidy(lengths[0])} long, that along the graph ${tidy(lengths[1])}, over ${nodes.length} points. A shorter way is not a better one where it leaves the data.`;
  find("along").oninput = move;
  find("play").onclick = () => {
    let share = 0;
    clearInterval(page.playing);
    page.playing = setInterval(() => {
      find("along").value = share = Math.min(1, share + 0.01);
      move();
      if (share >= 1) clearInterval(page.playing);
    }, 40);
  };
  move();
}
