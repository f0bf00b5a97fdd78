// The points of the map: where they are, how they are coloured, which are selected, and which is near.

export class Points {
  constructor(rows, places) {
    this.rows = rows; // Uint32Array: pool indices
    this.places = places; // Float32Array: x, y of each point in [-1, 1]
    this.count = rows.length;
    this.ranks = new Uint8Array(this.count); // 255 the first place of the ranking, 1 the last, 0 none
    this.labels = new Uint8Array(this.count); // 0 none, 1 anomaly, 2 nominal, 3 unsure
    this.selected = new Uint8Array(this.count); // 0 or 1
    this.selectedCount = 0;
    this.order = Uint32Array.from(this.rows.keys()); // painted last lies on top
  }

  colour(ranks, labels) {
    this.ranks = ranks;
    this.labels = labels;
    this.sort();
  }

  // Mark these pool indices, and no others.
  select(rows) {
    const wanted = new Set(rows);
    this.selectedCount = 0;
    this.rows.forEach((row, index) => {
      this.selected[index] = wanted.has(row) ? 1 : 0;
      this.selectedCount += this.selected[index];
    });
    this.sort();
  }

  // Labelled images lie above others, selected ones above those left out, higher scores above lower.
  sort() {
    const buckets = new Uint32Array(1025);
    const key = (index) => (this.selected[index] << 9) | ((this.labels[index] ? 1 : 0) << 8) | this.ranks[index];
    for (let index = 0; index < this.count; index += 1) buckets[key(index) + 1] += 1;
    for (let bucket = 1; bucket < buckets.length; bucket += 1) buckets[bucket] += buckets[bucket - 1];
    for (let index = 0; index < this.count; index += 1) this.order[buckets[key(index)]++] = index;
  }

  // The point nearest to (x, y), the topmost of several; -1 if none is within `reach`.
  nearest(x, y, reach) {
    let best = -1;
    let least = reach * reach;
    for (const index of this.order) {
      const dx = this.places[2 * index] - x, dy = this.places[2 * index + 1] - y;
      const distance = dx * dx + dy * dy;
      if (distance <= least) {
        least = distance;
        best = index;
      }
    }
    return best;
  }

  // Pool indices of the points within a polygon of [x, y].
  within(polygon) {
    const xs = polygon.map(([x]) => x), ys = polygon.map(([, y]) => y);
    const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    return this.rows.filter((_row, index) => {
      const x = this.places[2 * index], y = this.places[2 * index + 1];
      return x >= left && x <= right && y >= low && y <= high && isInside(x, y, polygon);
    });
  }
}

// Whether a ray to the right crosses the polygon's edge an odd number of times.
export function isInside(x, y, polygon) {
  let inside = false;
  for (let here = 0, before = polygon.length - 1; here < polygon.length; before = here++) {
    const [x1, y1] = polygon[here], [x2, y2] = polygon[before];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}
