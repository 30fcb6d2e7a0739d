const DISK_PAGE = 4096;

/** Ways in which what a disk gives back is not what was written. */
export type Damage = 'a torn end' | 'a flipped bit' | 'a page of zeros';

/** Damages a copy of bytes at a random place, so that it differs from them. */
export const DAMAGES: Readonly<Record<Damage, (bytes: Uint8Array, random: () => number) => Uint8Array>> = {
  'a torn end': (bytes, random) => bytes.slice(0, below(bytes.length, random)),
  'a flipped bit': flipBit,
  'a page of zeros': (bytes, random) => {
    const copy = bytes.slice();
    const page = DISK_PAGE * below(Math.ceil(bytes.length / DISK_PAGE), random);
    copy.fill(0, page, page + DISK_PAGE);
    // A page that was all zeros is not damaged by it.
    return copy.some((byte, i) => byte !== bytes[i]) ? copy : flipBit(bytes, random);
  },
};

function flipBit(bytes: Uint8Array, random: () => number): Uint8Array {
  const copy = bytes.slice();
  copy[below(bytes.length, random)] ^= 1 << below(8, random);
  return copy;
}

function below(count: number, random: () => number): number {
  return Math.floor(random() * count);
}
