/**
 * SHA-256 (FIPS 180-4) of bytes that come piece by piece: the platform's own takes them all at once, and a model is larger than
 * memory. Its state can be saved, so that a download that goes on after a reload is still checked as a whole.
 */
export class Sha256 {
  private readonly hash = Int32Array.from(INITIAL);
  private readonly block = new Uint8Array(64);
  private readonly schedule = new Int32Array(64);
  /** Bytes taken so far. */
  length = 0;

  /** Goes on from a state that {@link save} gave. @returns nothing where it is none. */
  static restore(saved: string): Sha256 | undefined {
    const [length, words, rest = ''] = saved.split(' ');
    const sha = new Sha256();
    sha.length = Number(length);
    if (!/^[\da-f]{64}$/.test(words) || !Number.isSafeInteger(sha.length)) return undefined;
    if (rest.length !== 2 * (sha.length % 64) || !/^[\da-f]*$/.test(rest)) return undefined;
    for (let i = 0; i < 8; i++) sha.hash[i] = Number.parseInt(words.slice(8 * i, 8 * i + 8), 16) | 0;
    sha.block.set(bytesOfHex(rest));
    return sha;
  }

  update(bytes: Uint8Array): this {
    let at = 0;
    const filled = this.length % 64;
    if (filled > 0) {
      at = Math.min(64 - filled, bytes.length);
      this.block.set(bytes.subarray(0, at), filled);
      if (filled + at === 64) this.compress(this.block, 0);
    }
    for (; at + 64 <= bytes.length; at += 64) this.compress(bytes, at);
    if (at < bytes.length) this.block.set(bytes.subarray(at), 0);
    this.length += bytes.length;
    return this;
  }

  /** The hash as 64 hexadecimal digits. It ends the calculation. */
  digest(): string {
    const { length } = this;
    const padding = new Uint8Array(((119 - (length % 64)) % 64) + 9);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(length / 2 ** 29));
    view.setUint32(padding.length - 4, (length * 8) >>> 0);
    this.update(padding);
    return hexOfWords(this.hash);
  }

  /** The state as a text, for {@link restore}. */
  save(): string {
    const rest = hexOfBytes(this.block.subarray(0, this.length % 64));
    return `${this.length} ${hexOfWords(this.hash)} ${rest}`.trimEnd();
  }

  private compress(bytes: Uint8Array, at: number): void {
    const { hash, schedule: w } = this;
    for (let i = 0, from = at; i < 16; i++, from += 4) {
      w[i] = (bytes[from] << 24) | (bytes[from + 1] << 16) | (bytes[from + 2] << 8) | bytes[from + 3];
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15];
      const y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    let a = hash[0];
    let b = hash[1];
    let c = hash[2];
    let d = hash[3];
    let e = hash[4];
    let f = hash[5];
    let g = hash[6];
    let h = hash[7];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    hash[0] += a;
    hash[1] += b;
    hash[2] += c;
    hash[3] += d;
    hash[4] += e;
    hash[5] += f;
    hash[6] += g;
    hash[7] += h;
  }
}

/** The first primes, as many as there are rounds. */
const PRIMES = Array.from({ length: 312 }, (_, i) => i).filter(
  (n) => n > 1 && !Array.from({ length: n }, (_, d) => d).some((d) => d > 1 && n % d === 0),
);
/** The first 32 bits of the fractions of their square roots and cube roots. */
const fraction = (root: number) => Math.floor((root - Math.floor(root)) * 2 ** 32) | 0;
const INITIAL = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const ROUNDS = Int32Array.from(PRIMES.slice(0, 64), (prime) => fraction(Math.cbrt(prime)));

function hexOfWords(words: Int32Array): string {
  return Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

export function hexOfBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  );
}
