// Which part of the map is seen, and how the pointer moves it.

const MOST = 200; // times magnified

export class Camera {
  constructor() {
    this.reset();
    this.width = this.height = 1;
  }

  reset() {
    this.centre = [0, 0];
    this.zoom = 1;
  }

  // Clip coordinates per unit of the map, so that the whole map fits with a margin.
  get scale() {
    const fit = (0.94 * Math.min(this.width, this.height)) * this.zoom;
    return [fit / this.width, fit / this.height];
  }

  // Pixels of the frame -> the map.
  place(x, y) {
    const [across, up] = this.scale;
    return [this.centre[0] + ((2 * x) / this.width - 1) / across, this.centre[1] + (1 - (2 * y) / this.height) / up];
  }

  // The map -> pixels of the frame.
  pixel(x, y) {
    const [across, up] = this.scale;
    return [(((x - this.centre[0]) * across + 1) * this.width) / 2, ((1 - (y - this.centre[1]) * up) * this.height) / 2];
  }

  // One pixel, in units of the map.
  get unit() {
    return 2 / (this.scale[0] * this.width);
  }

  pan(dx, dy) {
    this.centre = [this.centre[0] - dx * this.unit, this.centre[1] + dy * this.unit].map((value) => Math.min(1, Math.max(-1, value)));
  }

  // What is under (x, y) stays there.
  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const before = this.place(x, y);
    this.zoom = Math.min(MOST, Math.max(1, this.zoom * factor));
    const after = this.place(x, y);
    this.centre = [this.centre[0] + before[0] - after[0], this.centre[1] + before[1] - after[1]];
    this.pan(0, 0);
  }
}
