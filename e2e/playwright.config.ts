import { defineConfig } from '@playwright/test';

const port = 4179;

/** WebGPU on a processor, where there is no GPU. */
const flags = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // What a page says of its memory is said at once, and not at the next collection.
  '--enable-blink-features=ForceEagerMeasureMemory',
];

export default defineConfig({
  testDir: '.',
  outputDir: '../test-results',
  timeout: 180_000,
  expect: { timeout: 120_000 },
  workers: 1,
  reporter: 'list',
  use: {
    baseURL: `http://localhost:${port}`,
    trace: 'off',
    launchOptions: { executablePath: process.env.STERNA_CHROMIUM, args: flags },
  },
  webServer: {
    command: `node e2e/server.mjs ${port}`,
    cwd: '..',
    url: `http://localhost:${port}/`,
    reuseExistingServer: false,
  },
});
