/** The browser of the benches, and its pages. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';
import { findChromium } from '../../scripts/chromium.mjs';

const PORT = 4180;
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where files of the project are. */
export const addressOf = (path) => `http://localhost:${PORT}/package/${path.replace(/\/$/, '')}`;

/**
 * Starts a server and a browser, and ends both when `run` is done.
 *
 * @param run - gets the browser and a function that opens a page of an engine.
 */
export async function withBrowser(run) {
  const args = [
    '--no-sandbox',
    '--enable-unsafe-webgpu',
    '--disable-background-networking',
    '--enable-features=Vulkan',
  ];
  // A machine with a GPU races on it; others on a processor that plays one.
  if (!process.env.STERNA_BENCH_GPU) args.push('--use-webgpu-adapter=swiftshader');
  return withServer(async () => {
    const browser = await chromium.launch({ executablePath: findChromium(), args });
    try {
      return await run(browser);
    } finally {
      await browser.close();
    }
  });
}

/** Starts the server of the pages, and ends it when `run` is done. */
export async function withServer(run) {
  const server = spawn(process.execPath, ['e2e/server.mjs', String(PORT)], { cwd: root, stdio: 'inherit' });
  try {
    while (!(await isThere())) await sleep(50);
    return await run();
  } finally {
    server.kill();
  }
}

function isThere() {
  return fetch(addressOf('package.json')).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** A page in a process of its own, with an engine loaded in it. @returns the page and how long that took. */
export async function openEngine(browser, folder, settings) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on('pageerror', (error) => console.error(`${settings.name}: ${error.message}`));
  await page.goto(addressOf('bench/pages/engines.html'));
  await page.waitForFunction(() => document.title === 'ready');
  const loaded = await page.evaluate((options) => globalThis.load(options), {
    ...settings,
    model: addressOf(folder),
  });
  return { page, loaded, close: () => context.close() };
}

/** Processes that show pages, where the system tells (Linux). */
export function renderers() {
  try {
    return readdirSync('/proc').filter(
      (pid) => /^\d+$/.test(pid) && readFileOr(`/proc/${pid}/cmdline`).includes('--type=renderer'),
    );
  } catch {
    return [];
  }
}

/** The most memory that a process has had, in megabytes. */
export function peakMemory(pid) {
  const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileOr(`/proc/${pid}/status`))?.[1];
  return kilobytes ? Number(kilobytes) / 1024 : Number.NaN;
}

function readFileOr(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
