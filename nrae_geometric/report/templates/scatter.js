// Points and edges on a canvas by WebGL, by the plain canvas where there is none.

const POINT_SHADER = `
attribute vec2 place; attribute vec4 color; attribute float shape;
uniform vec2 scale, shift; uniform float size;
varying vec4 tint; varying float form;
void main() {
  gl_Position = vec4(place * scale + shift, 0.0, 1.0);
  gl_PointSize = size; tint = color; form = shape;
}`;
const POINT_PIXEL = `
precision mediump float; varying vec4 tint; varying float form;
void main() {
  vec2 p = gl_PointCoord * 2.0 - 1.0;
  if (form < 0.5) { if (dot(p, p) > 1.0) discard; }
  else if (form < 1.5) { if (max(abs(p.x), abs(p.y)) > 0.82) discard; }
  else if (abs(p.x) * 1.7 > (p.y + 0.95) || p.y > 0.8) discard;
  gl_FragColor = vec4(tint.rgb * tint.a, tint.a);
}`;
const LINE_SHADER = `
attribute vec2 place; uniform vec2 scale, shift;
void main() { gl_Position = vec4(place * scale + shift, 0.0, 1.0); }`;
const LINE_PIXEL = `precision mediump float; uniform vec4 tint;
void main() { gl_FragColor = vec4(tint.rgb * tint.a, tint.a); }`;

const MOST_MOVING_EDGES = 4000;

function program(gl, vertex, pixel) {
  const made = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, pixel]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  return made;
}

class Scatter {
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl", { premultipliedAlpha: true, antialias: true });
    this.context = this.gl ? null : canvas.getContext("2d");
    this.count = 0;
    this.lines = [];
    if (!this.gl) return;
    this.points = program(this.gl, POINT_SHADER, POINT_PIXEL);
    this.strokes = program(this.gl, LINE_SHADER, LINE_PIXEL);
    this.buffers = {};
  }

  upload(name, values) {
    this[name] = values;
    if (!this.gl) return;
    this.buffers[name] ??= this.gl.createBuffer();
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.buffers[name]);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, values, this.gl.STATIC_DRAW);
  }

  setPlaces(places) { this.count = places.length / 2; this.upload("places", places); }
  setColors(colors, shapes) { this.upload("colors", colors); this.upload("shapes", shapes); }
  setLines(lines) {
    this.lines = lines;
    lines.forEach((line, i) => this.upload(`line${i}`, line.ends));
  }

  attribute(of, name, buffer, size, type, normalized) {
    const gl = this.gl, at = gl.getAttribLocation(of, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[buffer]);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, type, normalized, 0, 0);
    return at;
  }

  // While it moves, a part of the edges is drawn, since all of many take longer than a frame.
  draw(view, size, moving) {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(this.canvas.clientWidth * ratio);
    const height = Math.round(this.canvas.clientHeight * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const drawn = (line) => (moving ? Math.min(line.ends.length, 4 * MOST_MOVING_EDGES) : line.ends.length);
    if (!this.gl) return this.drawPlain(view, size, ratio, drawn);
    const gl = this.gl;
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const [sx, sy, tx, ty] = view.clip();
    const place = (of) => {
      gl.useProgram(of);
      gl.uniform2f(gl.getUniformLocation(of, "scale"), sx, sy);
      gl.uniform2f(gl.getUniformLocation(of, "shift"), tx, ty);
    };
    const strokes = (above) => this.lines.forEach((line, i) => {
      if (line.above !== above) return;
      place(this.strokes);
      gl.uniform4fv(gl.getUniformLocation(this.strokes, "tint"), line.color);
      const at = this.attribute(this.strokes, "place", `line${i}`, 2, gl.FLOAT, false);
      gl.drawArrays(gl.LINES, 0, drawn(line) / 2);
      gl.disableVertexAttribArray(at);
    });
    strokes(false);
    place(this.points);
    gl.uniform1f(gl.getUniformLocation(this.points, "size"), size * ratio);
    const used = [
      this.attribute(this.points, "place", "places", 2, gl.FLOAT, false),
      this.attribute(this.points, "color", "colors", 4, gl.UNSIGNED_BYTE, true),
      this.attribute(this.points, "shape", "shapes", 1, gl.UNSIGNED_BYTE, false),
    ];
    gl.drawArrays(gl.POINTS, 0, this.count);
    used.forEach((at) => gl.disableVertexAttribArray(at));
    strokes(true);
  }

  drawPlain(view, size, ratio, drawn) {
    const { context, places, colors } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
    for (const line of this.lines) {
      const [r, g, b, a] = line.color;
      context.strokeStyle = `rgba(${r * 255},${g * 255},${b * 255},${a})`;
      context.beginPath();
      for (let i = 0; i < drawn(line); i += 4) {
        context.moveTo(...view.toScreen(line.ends[i], line.ends[i + 1]));
        context.lineTo(...view.toScreen(line.ends[i + 2], line.ends[i + 3]));
      }
      context.stroke();
    }
    for (let i = 0; i < this.count; i++) {
      const [x, y] = view.toScreen(places[2 * i], places[2 * i + 1]);
      context.fillStyle = `rgba(${colors[4 * i]},${colors[4 * i + 1]},${colors[4 * i + 2]},${colors[4 * i + 3] / 255})`;
      context.fillRect(x - size / 2, y - size / 2, size, size);
    }
  }
}

// The part of the plane that is seen: its middle, and pixels for a unit along each axis.
class View {
  constructor(element) { this.element = element; }

  fit(places, equal) {
    let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < places.length; i += 2) {
      x0 = Math.min(x0, places[i]); x1 = Math.max(x1, places[i]);
      y0 = Math.min(y0, places[i + 1]); y1 = Math.max(y1, places[i + 1]);
    }
    this.middle = [(x0 + x1) / 2, (y0 + y1) / 2];
    const { clientWidth: w, clientHeight: h } = this.element;
    const zoom = [(0.92 * w) / (x1 - x0 || 1), (0.9 * h) / (y1 - y0 || 1)];
    const least = Math.min(...zoom);
    this.pixels = equal ? [least, least] : zoom;
    this.size = [w, h];
  }

  clip() {
    const { clientWidth: w, clientHeight: h } = this.element;
    const s = [(2 * this.pixels[0]) / w, (2 * this.pixels[1]) / h];
    return [...s, -this.middle[0] * s[0], -this.middle[1] * s[1]];
  }

  toScreen(x, y) {
    const { clientWidth: w, clientHeight: h } = this.element;
    return [w / 2 + (x - this.middle[0]) * this.pixels[0], h / 2 - (y - this.middle[1]) * this.pixels[1]];
  }

  toPlane(x, y) {
    const { clientWidth: w, clientHeight: h } = this.element;
    return [this.middle[0] + (x - w / 2) / this.pixels[0], this.middle[1] - (y - h / 2) / this.pixels[1]];
  }

  zoom(factor, x, y) {
    const [px, py] = this.toPlane(x, y);
    this.pixels = this.pixels.map((each) => each * factor);
    const [qx, qy] = this.toPlane(x, y);
    this.middle = [this.middle[0] + px - qx, this.middle[1] + py - qy];
  }

  nearest(places, x, y, within) {
    let best = -1, least = within * within;
    for (let i = 0; i < places.length / 2; i++) {
      const dx = (places[2 * i] - this.middle[0]) * this.pixels[0] + this.element.clientWidth / 2 - x;
      const dy = this.element.clientHeight / 2 - (places[2 * i + 1] - this.middle[1]) * this.pixels[1] - y;
      const distance = dx * dx + dy * dy;
      if (distance < least) { least = distance; best = i; }
    }
    return best;
  }
}
