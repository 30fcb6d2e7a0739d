import { expect, type Page, test } from '@playwright/test';

/** Lanes that every machine has. */
const ENGINES = ['sterna wasm f32', 'sterna wasm q8', 'onnxruntime wasm f32', 'onnxruntime wasm int8'];

/** Opens the page, and notes what it asks of whom. */
async function open(page: Page, address: string): Promise<string[]> {
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(address);
  await expect(page.locator('#status')).toHaveText('Ready.');
  return requests;
}

test.describe('the race of engines', () => {
  test('shows a bar with tokens/s for each engine, and × onnxruntime’s best beside ours', async ({
    page,
  }) => {
    const requests = await open(page, '/race.html?shapes=1x16&rounds=1');
    expect(
      requests.filter((url) => /ort|onnx|safetensors/.test(url)),
      'downloaded before Start',
    ).toEqual([]);

    await page.getByRole('button', { name: 'Start' }).click();
    await expect(page.locator('#status')).toHaveText(/^Finished/);
    await expect(page.locator('.heat')).toHaveCount(1);
    await expect(page.locator('.lane.failed')).toHaveCount(0);
    for (const engine of ENGINES) {
      const lane = page.locator(`.lane[data-engine="${engine}"]`).first();
      await expect(lane.locator('.speed')).toHaveText(/^[\d,.]+ tokens\/s$/);
      const speed = (await lane.locator('.speed').innerText()).replaceAll(',', '');
      expect(Number.parseFloat(speed), engine).toBeGreaterThan(0);
      const { width } = (await lane.locator('.bar span').boundingBox())!;
      expect(width, engine).toBeGreaterThan(0);
      await expect(lane.locator('.ratio')).toHaveText(
        engine.startsWith('sterna') ? /^[\d.]+× onnxruntime’s best$/ : '',
      );
    }
    expect(
      requests.filter((url) => !/^(http:\/\/localhost:\d+\/|data:|blob:)/.test(url)),
      'asked of strangers',
    ).toEqual([]);
  });

  test('copies its results as a table and as JSON', async ({ page, context }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await open(page, '/race.html?shapes=1x16&rounds=1');
    await expect(page.getByRole('button', { name: 'Copy results' })).toBeDisabled();
    await page.getByRole('button', { name: 'Start' }).click();
    await expect(page.locator('#status')).toHaveText(/^Finished/);
    await page.getByRole('button', { name: 'Copy results' }).click();
    await expect(page.locator('#copied')).toHaveText('Copied.');
    const text = await page.evaluate(() => navigator.clipboard.readText());
    expect(text).toContain('| model | shape | engine | threads | ms | tokens/s |');
    const { machine, rows, ratios } = JSON.parse(/```json\n(.+)\n```/s.exec(text)![1]);
    expect(machine.isolated).toBe(true);
    const engines = rows.map(({ engine }: { engine: string }) => engine);
    expect(engines).toEqual(expect.arrayContaining(ENGINES));
    for (const row of rows) expect(row).toMatchObject({ model: 'nano', shape: '1x16' });
    for (const precision of ['f32', 'q8']) {
      const name = `^nano 1x16: sterna wasm ${precision} \\(\\d+\\) / their best, onnxruntime wasm `;
      expect(ratios).toContainEqual(expect.objectContaining({ name: expect.stringMatching(name) }));
    }
    for (const { ratio, low, high } of ratios) expect(ratio > 0 && low <= high).toBe(true);
  });

  test('goes on without a lane that fails, and says why', async ({ page, context }) => {
    await context.route(/ort-wasm.*\.wasm$/, (route) => route.abort());
    await open(page, '/race.html?shapes=1x16&rounds=1');
    await page.getByRole('button', { name: 'Start' }).click();
    await expect(page.locator('#status')).toHaveText(/^Finished/);
    for (const lane of await page.locator('.lane[data-engine^="onnxruntime"]').all()) {
      await expect(lane.locator('.speed')).toHaveText('out');
      await expect(lane.locator('.detail')).toHaveText(/wasm/i);
    }
    for (const lane of await page.locator('.lane[data-engine^="sterna"]').all()) {
      await expect(lane.locator('.speed')).toHaveText(/tokens\/s$/);
      await expect(lane.locator('.ratio')).toHaveText('');
    }
  });

  test('ends on Stop, by keyboard alone, and can be started again', async ({ page }) => {
    await open(page, '/race.html?shapes=1x16&rounds=1000');
    const start = page.getByRole('button', { name: 'Start' });
    const stop = page.getByRole('button', { name: 'Stop' });
    await start.focus();
    await page.keyboard.press('Enter');
    await expect(stop).toBeFocused();
    await expect(page.locator('#status')).toHaveText(/round \d+ of 1000/);
    await page.keyboard.press('Enter');
    await expect(page.locator('#status')).toHaveText('Stopped.');
    await expect(start).toBeFocused();
    await expect(stop).toBeDisabled();
    await expect(page.locator('.lane.failed')).toHaveCount(0);
    await page.keyboard.press('Enter');
    await expect(page.locator('#status')).toHaveText(/^Loading/);
    await stop.click();
    await expect(page.locator('#status')).toHaveText('Stopped.');
  });

  test('fits a phone without scrolling sideways', async ({ page }) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await open(page, '/race.html?shapes=1x16&rounds=1000');
    await page.getByRole('button', { name: 'Start' }).click();
    await expect(page.locator('#status')).toHaveText(/round 2 of 1000/);
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overflow).toBeLessThanOrEqual(0);
  });
});
