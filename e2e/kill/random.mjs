/** Numbers that are the same for the same seed (mulberry32). */
export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  /** From 0 to below 1. */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `from` to below `to`. */
  between(from, to) {
    return from + Math.floor(this.next() * (to - from));
  }

  /** `count` of a list, each at most once. */
  some(list, count) {
    const rest = [...list];
    const chosen = [];
    while (chosen.length < count && rest.length > 0)
      chosen.push(...rest.splice(this.between(0, rest.length), 1));
    return chosen;
  }

  /** A key of `{ key: weight }`. */
  weighted(weights) {
    let at = this.next() * Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    for (const [key, weight] of Object.entries(weights)) {
      at -= weight;
      if (at < 0) return key;
    }
    return Object.keys(weights)[0];
  }
}
