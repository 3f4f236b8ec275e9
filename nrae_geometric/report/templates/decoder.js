// The decoder in single precision: layers of a dense network, or a grid between whose nodes
// decoded points are interpolated. Everything returns points in the unit of the data.

function erf(x) {
  // Abramowitz and Stegun 7.1.26, to 1.5e-7.
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const y = 1 - (((((1.061405429 * t - 1.453152027) * t) + 1.421413741) * t - 0.284496736) * t +
    0.254829592) * t * Math.exp(-x * x);
  return x < 0 ? -y : y;
}

const ACTIVATIONS = {
  relu: () => (x) => (x > 0 ? x : 0),
  leakyrelu: ({ slope }) => (x) => (x > 0 ? x : slope * x),
  elu: ({ alpha }) => (x) => (x > 0 ? x : alpha * Math.expm1(x)),
  selu: () => (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
  gelu: () => (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  gelu_tanh: () => (x) => 0.5 * x * (1 + Math.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))),
  silu: () => (x) => x / (1 + Math.exp(-x)),
  sigmoid: () => (x) => 1 / (1 + Math.exp(-x)),
  tanh: () => Math.tanh,
  softplus: () => (x) => (x > 20 ? x : Math.log1p(Math.exp(x))),
  softsign: () => (x) => x / (1 + Math.abs(x)),
  hardtanh: ({ low, high }) => (x) => Math.min(high, Math.max(low, x)),
};

function softmax(values) {
  const most = values.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] = Math.exp(values[i] - most);
  for (let i = 0; i < values.length; i++) values[i] /= sum;
}

function linear(weight, bias, x) {
  const out = new Float32Array(bias.length), width = x.length;
  for (let i = 0, at = 0; i < out.length; i++) {
    let sum = bias[i];
    for (let j = 0; j < width; j++) sum += weight[at++] * x[j];
    out[i] = sum;
  }
  return out;
}

function denseDecoder(layers, arrays) {
  const steps = layers.map((layer) => {
    if (layer.kind === "linear") return (x) => linear(arrays[layer.weight], arrays[layer.bias], x);
    if (layer.kind === "softmax") return (x) => (softmax(x), x);
    const activation = ACTIVATIONS[layer.kind](layer);
    return (x) => {
      for (let i = 0; i < x.length; i++) x[i] = activation(x[i]);
      return x;
    };
  });
  return (z) => steps.reduce((x, step) => step(x), Float32Array.from(z));
}

function gridDecoder({ nodes, low, high, least, unit }, values) {
  const dim = low.length, size = values.length / nodes ** dim;
  return (z) => {
    const floor = [], part = [];
    for (let i = 0; i < dim; i++) {
      const place = ((z[i] - low[i]) / (high[i] - low[i])) * (nodes - 1);
      const inside = Math.min(nodes - 1, Math.max(0, place));
      floor[i] = Math.min(nodes - 2, Math.floor(inside));
      part[i] = inside - floor[i];
    }
    const out = new Float32Array(size);
    for (let corner = 0; corner < 1 << dim; corner++) {
      let weight = 1, node = 0;
      for (let i = 0; i < dim; i++) {
        const upper = (corner >> i) & 1;
        weight *= upper ? part[i] : 1 - part[i];
        node = node * nodes + floor[i] + upper;
      }
      if (weight === 0) continue;
      for (let j = 0, at = node * size; j < size; j++) out[j] += weight * values[at + j];
    }
    for (let j = 0; j < size; j++) out[j] = least + unit * out[j];
    return out;
  };
}

function makeDecoder(description, arrays) {
  if (description.kind === "none") return null;
  const scaled = description.kind === "dense"
    ? denseDecoder(description.layers, arrays) : gridDecoder(description, arrays.grid);
  const { center, scale } = arrays;
  return (z) => {
    const x = scaled(z);
    for (let i = 0; i < x.length; i++) x[i] = x[i] * scale[scale.length > 1 ? i : 0] + center[i];
    return x;
  };
}

async function readArrays(directory, text) {
  const raw = atob(text.trim()), bytes = Uint8Array.from(raw, (c) => c.charCodeAt(0));
  const types = { f32: Float32Array, u8: Uint8Array, u16: Uint16Array, u32: Uint32Array };
  const read = async ([name, { at, size, type }]) => {
    const stream = new Blob([bytes.subarray(at, at + size)]).stream();
    const inflated = stream.pipeThrough(new DecompressionStream("deflate"));
    return [name, new types[type](await new Response(inflated).arrayBuffer())];
  };
  return Object.fromEntries(await Promise.all(Object.entries(directory).map(read)));
}
