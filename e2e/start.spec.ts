import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';

const script = fileURLToPath(new URL('../scripts/start.mjs', import.meta.url));

test.describe('npm start', () => {
  let child: ChildProcess;
  const printed: string[] = [];

  test.beforeAll(() => {
    child = spawn(process.execPath, [script]);
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (data) => printed.push(String(data)));
  });

  test.afterAll(() => {
    child.kill();
  });

  test('prints an address where the demo answers', async ({ page }) => {
    await expect.poll(() => printed.join('')).toMatch(/http:\/\/localhost:\d+\//);
    await page.goto(/http:\/\/localhost:\d+\//.exec(printed.join(''))![0]);
    await page.fill('#query', 'Wann fährt der Zug zum Flughafen?');
    await expect(page.locator('.hit[data-id="airport-train-en"]')).toBeVisible();
  });

  test('prints the hits of one search, and goes on serving', async () => {
    await expect
      .poll(() => printed.join(''))
      .toContain('en  The train to the airport leaves every twenty minutes.');
    expect(child.exitCode).toBeNull();
  });
});
