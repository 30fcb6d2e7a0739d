/** Compiles the WebAssembly kernels where they are older than their sources. */
export function buildKernels(): Promise<void>;
