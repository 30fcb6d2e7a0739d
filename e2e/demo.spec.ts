import { expect, type Page, test } from '@playwright/test';

/** Questions whose answers the corpus has in English and not in the language of the question. */
const QUESTIONS = [
  { language: 'German', query: 'Wann fährt der Zug zum Flughafen?', answer: 'airport-train-en' },
  { language: 'Japanese', query: 'ドアに鍵をかけるのを忘れないで', answer: 'lock-door-en' },
  { language: 'Arabic', query: 'لا تنس أن تقفل الباب', answer: 'lock-door-en' },
];

async function open(page: Page, device: string): Promise<void> {
  await page.goto(`/?device=${device}`);
  await expect(page.locator('#status')).toHaveText(/texts indexed\.$/);
}

/** Ids of the hits shown, best first. */
function hits(page: Page): Promise<string[]> {
  return page.locator('.hit').evaluateAll((items) => items.map((item) => (item as HTMLElement).dataset.id!));
}

test.describe('the demo on WebGPU', () => {
  let page: Page;
  const statuses: string[] = [];

  test.beforeAll(async ({ browser }) => {
    page = await browser.newPage();
    await page.addInitScript(() => {
      const seen = new Set<string>();
      (globalThis as unknown as { statuses: Set<string> }).statuses = seen;
      new MutationObserver(() => {
        const text = document.getElementById('status')?.textContent;
        if (text) seen.add(text.replace(/\d+/g, '#'));
      }).observe(document, { subtree: true, childList: true, characterData: true });
    });
    await open(page, 'webgpu');
    const seen = await page.evaluate(() => [
      ...(globalThis as unknown as { statuses: Set<string> }).statuses,
    ]);
    statuses.push(...seen);
  });

  test.afterAll(() => page.close());

  test('shows each phase of loading and then the indexing', () => {
    const all = statuses.join('\n');
    for (const phase of [
      'Downloading model.safetensors',
      'Checking nano',
      'Compiling kernels',
      'Loading weights',
      'Ready on',
      'Indexing',
    ]) {
      expect(all).toContain(phase);
    }
  });

  test('says which device, precision and model are in use', async () => {
    await expect(page.locator('#device')).toHaveText(/^webgpu \(.+\)$/);
    await expect(page.locator('#precision')).toHaveText('f32');
    await expect(page.locator('#model')).toHaveText('nano, 4 layers');
    await expect(page.locator('#speed')).toHaveText(/^\d+ tokens\/s$/);
  });

  for (const { language, query, answer } of QUESTIONS) {
    test(`finds the English passage for a question in ${language}`, async () => {
      await page.fill('#query', query);
      await expect(page.locator(`.hit[data-id="${answer}"]`)).toBeVisible();
      expect((await hits(page)).slice(0, 3)).toContain(answer);
      await expect(page.locator('#latency')).toHaveText(/ms$/);
    });
  }

  test('keeps the answer with vectors of 64 dimensions, a quarter of the bytes', async () => {
    await page.fill('#query', QUESTIONS[0].query);
    await page.getByRole('radio', { name: '64' }).check({ force: true });
    await expect(page.locator('#quality')).toContainText('256 bytes');
    await expect(page.locator(`.hit[data-id="${QUESTIONS[0].answer}"]`)).toBeVisible();
    await page.getByRole('radio', { name: '256' }).check({ force: true });
    await expect(page.locator('#quality')).toContainText('1,024 bytes');
  });

  test('can be used by keyboard alone', async () => {
    await page.fill('#query', QUESTIONS[0].query);
    await expect(page.locator('.hit').first()).toBeVisible();
    await page.focus('#query');
    await page.keyboard.press('ArrowDown');
    await expect(page.locator('.hit').first()).toBeFocused();
    await page.keyboard.press('ArrowUp');
    await expect(page.locator('#query')).toBeFocused();
    await page.keyboard.press('Escape');
    await expect(page.locator('#query')).toHaveValue('');
    await expect(page.locator('.hit')).toHaveCount(0);
  });

  test('indexes pasted text and marks the passage that answers', async () => {
    const story = 'He forgot his hat in the restaurant. ';
    const filler = 'Nothing happened on that long day by the sea, and nobody said a word. '.repeat(12);
    await page.fill('#paste', filler + story + filler);
    await page.click('#add');
    await expect(page.locator('#status')).toHaveText('281 texts indexed.');
    await page.fill('#query', 'Er hat seinen Hut im Restaurant vergessen.');
    await expect(page.locator('.hit[data-id="own-1"] mark')).toBeVisible();
  });

  test('stops indexing on Cancel and keeps what was done', async () => {
    const texts = Array.from({ length: 60 }, (_, i) => ({
      name: `file-${i}.txt`,
      mimeType: 'text/plain',
      buffer: Buffer.from(`Report number ${i}. `.repeat(60)),
    }));
    await page.setInputFiles('#files', texts);
    await page.click('#cancel');
    await expect(page.locator('#status')).toHaveText(/^Cancelled\. \d+ of 60 texts were indexed\.$/);
    await page.fill('#query', QUESTIONS[0].query);
    await expect(page.locator(`.hit[data-id="${QUESTIONS[0].answer}"]`)).toBeVisible();
  });
});

test('finds its answers without WebGPU, on the reference', async ({ page }) => {
  await open(page, 'reference');
  await page.fill('#query', QUESTIONS[0].query);
  await expect(page.locator(`.hit[data-id="${QUESTIONS[0].answer}"]`)).toBeVisible();
});

test('fits a phone without scrolling sideways', async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto('/?device=reference');
  await expect(page.locator('#status')).toHaveText(/Indexing|indexed/);
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow).toBeLessThanOrEqual(0);
});
