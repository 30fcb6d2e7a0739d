/**
 * `npm test`: the linter and the compiler, the unit tests, and the tests in a real browser, which is fetched where there
 * is none. `--e2e-only` leaves out what comes before the browser.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findChromium } from './chromium.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

function run(command, args, environment = {}) {
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
    env: { ...process.env, ...environment },
  });
  if (status !== 0) process.exit(status ?? 1);
}

// First, as Node's WebGPU also plays on the software driver that comes with it.
const browser = findChromium();
if (!browser) {
  console.error(
    'The tests need Chromium, and neither a present one nor Playwright’s download nor apt-get gave one: install it, or name it in STERNA_CHROMIUM.',
  );
  process.exit(1);
}
if (!process.argv.includes('--e2e-only')) {
  run('npm', ['run', '--silent', 'check']);
  run('npx', ['vitest', 'run']);
}
run('npm', ['run', '--silent', 'build']);
run('npm', ['run', '--silent', 'size']);
run('npm', ['run', '--silent', 'build:demo']);
run('npx', ['playwright', 'test', '--config', 'e2e/playwright.config.ts'], { STERNA_CHROMIUM: browser });
