// Paints the points by WebGL 2, all of them in one call.

import { CLASSES } from "./marks.js";

const VERTEX = `#version 300 es
precision highp float;
in vec2 place;
in float rank;
in float label;
in float selected;
uniform vec2 centre, scale;
uniform float size, large;
uniform bool byLabel, anySelected;
uniform vec3 low, middle, high, none, labels[${CLASSES.length}];
out vec3 colour;
out float opacity;
flat out int kind;
void main() {
  gl_Position = vec4((place - centre) * scale, 0.0, 1.0);
  kind = int(label + 0.5);
  gl_PointSize = kind > 0 ? large : byLabel ? size : size * (0.8 + 0.6 * rank);
  vec3 byRank = rank == 0.0 ? none : rank < 0.5 ? mix(low, middle, 2.0 * rank) : mix(middle, high, 2.0 * rank - 1.0);
  colour = !byLabel ? byRank : kind > 0 ? labels[kind - 1] : none;
  opacity = (anySelected && selected < 0.5) ? 0.12 : kind > 0 ? 1.0 : 0.8;
}`;

// A disc, or the shape of the label with an outline: triangle, disc, diamond, cross.
const FRAGMENT = `#version 300 es
precision highp float;
in vec3 colour;
in float opacity;
flat in int kind;
uniform vec3 outline;
out vec4 painted;
void main() {
  vec2 at = 2.0 * gl_PointCoord - 1.0;
  float beyond = kind == 1 ? max(abs(at.x) * 0.87 - at.y * 0.5, at.y) * 2.0
    : kind == 3 ? abs(at.x) + abs(at.y)
    : kind == 4 ? max(min(abs(at.x - at.y), abs(at.x + at.y)) * 2.2, max(abs(at.x), abs(at.y))) : length(at);
  float soft = max(fwidth(beyond), 0.01);
  float cover = 1.0 - smoothstep(1.0 - soft, 1.0, beyond);
  if (cover <= 0.0) discard;
  float rim = kind > 0 ? smoothstep(0.8 - soft, 0.8, beyond) : 0.0;
  float alpha = opacity * cover;
  painted = vec4(mix(colour, outline, rim) * alpha, alpha);
}`;

export class GlPainter {
  // Gives null where the browser has no WebGL 2.
  static on(canvas) {
    const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true });
    return gl && new GlPainter(gl);
  }

  constructor(gl) {
    this.gl = gl;
    this.points = null;
    this.onRestored = null; // called when a lost context has come back
    this.prepare();
    this.lost = (event) => event.preventDefault(); // or else the browser would not give it back
    this.restored = () => {
      this.prepare();
      if (this.points) this.load(this.points);
      this.onRestored?.();
    };
    gl.canvas.addEventListener("webglcontextlost", this.lost);
    gl.canvas.addEventListener("webglcontextrestored", this.restored);
  }

  prepare() {
    const { gl } = this;
    this.program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`the map's shaders do not link: ${gl.getProgramInfoLog(this.program)}`);
    }
    gl.useProgram(this.program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.buffers = Object.fromEntries(["place", "rank", "label", "selected", "order"].map((name) => [name, gl.createBuffer()]));
    this.attribute("place", 2, gl.FLOAT, false);
    this.attribute("rank", 1, gl.UNSIGNED_BYTE, true);
    this.attribute("label", 1, gl.UNSIGNED_BYTE, false);
    this.attribute("selected", 1, gl.UNSIGNED_BYTE, false);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers.order);
  }

  attribute(name, size, type, normalised) {
    const { gl } = this;
    const location = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, size, type, normalised, 0, 0);
  }

  load(points) {
    const { gl } = this;
    this.points = points;
    const values = { place: points.places, rank: points.ranks, label: points.labels, selected: points.selected };
    for (const [name, array] of Object.entries(values)) {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
      gl.bufferData(gl.ARRAY_BUFFER, array, gl.DYNAMIC_DRAW);
    }
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, points.order, gl.DYNAMIC_DRAW);
  }

  paint({ centre, scale, size, large, byLabel, palette }) {
    const { gl, points } = this;
    gl.viewport(0, 0, gl.canvas.width, gl.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!points) return;
    const uniform = (name) => gl.getUniformLocation(this.program, name);
    gl.uniform2f(uniform("centre"), ...centre);
    gl.uniform2f(uniform("scale"), ...scale);
    gl.uniform1f(uniform("size"), size);
    gl.uniform1f(uniform("large"), large);
    gl.uniform1i(uniform("byLabel"), byLabel ? 1 : 0);
    gl.uniform1i(uniform("anySelected"), points.selectedCount ? 1 : 0);
    const colours = { low: "map-low", middle: "map-middle", high: "map-high", none: "map-none", outline: "map-outline" };
    for (const [name, variable] of Object.entries(colours)) gl.uniform3f(uniform(name), ...palette[variable]);
    gl.uniform3fv(uniform("labels"), CLASSES.flatMap(({ name }) => palette[name]));
    gl.drawElements(gl.POINTS, points.count, gl.UNSIGNED_INT, 0);
  }

  close() {
    this.gl.canvas.removeEventListener("webglcontextlost", this.lost);
    this.gl.canvas.removeEventListener("webglcontextrestored", this.restored);
    this.gl.getExtension("WEBGL_lose_context")?.loseContext(); // browsers keep sixteen at most
  }
}
