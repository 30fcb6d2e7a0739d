import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'workers/**/*.test.ts'],
    // WebGPU devices of several workers at once would share two cores.
    fileParallelism: true,
  },
});
