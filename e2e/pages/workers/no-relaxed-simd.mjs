/** How WebAssembly writes relaxed SIMD's dot products of bytes: a prefix, and 0x112 or 0x113 as a number of several bytes. */
const isDot = ([prefix, low, high]) => prefix === 0xfd && (low === 0x92 || low === 0x93) && high === 0x02;
const { validate } = WebAssembly;

// As in engines without relaxed SIMD.
WebAssembly.validate = (bytes) =>
  !bytes.some((_, at) => isDot(bytes.subarray(at, at + 3))) && validate(bytes);
