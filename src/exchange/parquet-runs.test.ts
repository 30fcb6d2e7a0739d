import { describe, expect, it } from 'vitest';
import { checkDeltas, checkRuns } from './parquet-runs.ts';
import { readThrift } from './thrift.ts';

describe('checkRuns', () => {
  it('takes runs of equal and packed values, and fewer of them where that may be', () => {
    // Five equal values of three bits, then a packed group of eight.
    const bytes = Uint8Array.of(10, 7, 3, 1, 2, 3);
    checkRuns(bytes, 0, 6, 3, 13, true);
    checkRuns(bytes, 0, 6, 3, 11, true);
    checkRuns(bytes, 0, 6, 3, 20, false);
    expect(() => checkRuns(bytes, 0, 6, 3, 14, true)).toThrow('runs of 13 values where 14 are');
  });

  it('refuses a billion values in five bytes', () => {
    const bytes = Uint8Array.of(0xfe, 0xff, 0xff, 0xff, 0x0f, 1);
    expect(() => checkRuns(bytes, 0, 6, 1, 1000, false)).toThrow('a run of 2147483647 values where 1000 are');
    const packed = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 1);
    expect(() => checkRuns(packed, 0, 6, 1, 1000, false)).toThrow('values where 1000 are');
    expect(() => checkRuns(new Uint8Array(20).fill(0x80), 0, 20, 1, 1, false)).toThrow(
      'more than five bytes',
    );
    expect(() => checkRuns(bytes, 0, 7, 1, 1, false)).toThrow('outside of their page');
  });
});

describe('checkDeltas', () => {
  it('walks over blocks to their end', () => {
    // Blocks of 128 in four parts, of 33 values: the first, then a block of parts of 0, 1, 0 and 0 bits.
    const head = [0x80, 0x01, 4, 34, 2, 2, 0, 1, 0, 0];
    expect(checkDeltas(Uint8Array.from([...head, 0, 0, 0, 0]), 0, 34)).toBe(14);
    expect(() => checkDeltas(Uint8Array.from(head), 0, 33)).toThrow('34 differences where 33 values are');
  });

  it('refuses parts of no size', () => {
    expect(() => checkDeltas(Uint8Array.of(0, 0, 1, 0), 0, 9)).toThrow('blocks of 0 differences in 0 parts');
    expect(() => checkDeltas(new Uint8Array(100).fill(0x80), 0, 9)).toThrow('more than five bytes');
  });
});

describe('readThrift', () => {
  it('reads numbers and structures by field', () => {
    // 1: i32 −3, 2: true, 3: { 1: i64 150 }, 4: "ab", 20: list of two i32
    const bytes = Uint8Array.of(
      0x15,
      5,
      0x11,
      0x1c,
      0x16,
      0xac,
      0x02,
      0,
      0x18,
      2,
      97,
      98,
      0x09,
      40,
      0x25,
      2,
      4,
      0,
      9,
    );
    const { fields, end } = readThrift(bytes);
    expect([...fields]).toEqual([
      [1, -3],
      [2, 1],
      [3, new Map([[1, 150]])],
    ]);
    expect(end).toBe(18);
  });

  it('refuses lists and strings longer than the bytes, and nesting without end', () => {
    expect(() => readThrift(Uint8Array.of(0x19, 0xf5, 0xff, 0xff, 0xff, 0x7f, 0))).toThrow(
      'a list of 268435455',
    );
    expect(() => readThrift(Uint8Array.of(0x18, 0x7f, 0))).toThrow('127 bytes of 1');
    expect(() => readThrift(new Uint8Array(1000).fill(0x1c))).toThrow('nested deeper');
    expect(() => readThrift(Uint8Array.from([0x19, ...new Array(1000).fill(0x19)]))).toThrow('nested deeper');
    expect(() => readThrift(Uint8Array.of(0x15))).toThrow('ends too early');
  });
});
