/** Finds a Chromium for the tests, or gets one. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chromium } from '@playwright/test';

/** Where systems put a full Chromium or Chrome; Playwright's headless shell has no WebGPU. */
const PLACES = [
  process.env.STERNA_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/opt/google/chrome/chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
];

/** The path of an executable: one that is there, else Playwright's download, else Debian's package. */
export function findChromium() {
  return present() ?? downloaded() ?? installed();
}

function present() {
  return [...PLACES, chromium.executablePath()].find((path) => path && existsSync(path) && runs(path));
}

function downloaded() {
  console.log('No Chromium found; trying Playwright’s download.');
  const { status } = spawnSync('npx', ['playwright', 'install', 'chromium', '--no-shell'], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
    timeout: 5 * 60_000,
  });
  const path = chromium.executablePath();
  return status === 0 && existsSync(path) && runs(path) ? path : undefined;
}

function installed() {
  if (process.platform !== 'linux' || spawnSync('apt-get', ['--version']).status !== 0) return undefined;
  const root = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  console.log('Trying the package chromium of apt-get.');
  for (const step of [
    ['update', '-q'],
    ['install', '-qy', '--no-install-recommends', 'chromium'],
  ]) {
    const [command, ...args] = [...root, 'apt-get', ...step];
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    if (spawnSync(command, args, { stdio: 'ignore', env: environment }).status !== 0) return undefined;
  }
  return present();
}

/** Whether it starts at all: a download may lack libraries of the system. */
function runs(path) {
  if (process.platform === 'win32') return true;
  try {
    execFileSync(path, ['--version'], { stdio: 'ignore', timeout: 30_000 });
    return true;
  } catch {
    return false;
  }
}
