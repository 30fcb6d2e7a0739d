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
      await expect(page.locator('#timing')).toHaveText(
        /^The query embedded in .+ ms, 8 of 280 passages found in .+ ms\.$/,
      );
    });
  }

  test('keeps the answer with vectors of 64 dimensions, a quarter of the bytes', async () => {
    await page.fill('#query', QUESTIONS[0].query);
    await page.getByRole('radio', { name: '64' }).check({ force: true });
    await expect(page.locator('#quality')).toContainText('64 bytes');
    await expect(page.locator(`.hit[data-id="${QUESTIONS[0].answer}"]`)).toBeVisible();
    await page.getByRole('radio', { name: '256' }).check({ force: true });
    await expect(page.locator('#quality')).toContainText('256 bytes');
  });

  test('can be used by keyboard alone', async () => {
    await page.fill('#query', QUESTIONS[0].query);
    await expect(page.locator('.hit').first()).toBeVisible();
    await page.focus('#query');
    await page.keyboard.press('ArrowDown');
    await expect(page.locator('.hit').first()).toBeFocused();
    // Hits that are shown anew, as while something is indexed, take no focus away.
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
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
    const hit = page.locator('.hit').first();
    await expect(hit.locator('.passage')).toContainText(story.trim());
    await expect(hit.locator('.around').last()).toHaveText(/…$/);
    await expect(hit.locator('.language')).toHaveText('yours');
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

test.describe('the demo’s index', () => {
  let page: Page;

  test.beforeAll(async ({ browser }) => {
    page = await (await browser.newContext()).newPage();
    await open(page, 'wasm');
  });

  test.afterAll(() => page.context().close());

  test('finds words, and marks them', async () => {
    await page.getByRole('radio', { name: 'Words' }).check({ force: true });
    await page.fill('#query', 'airport');
    await expect(page.locator('.hit mark').first()).toHaveText('airport');
    await expect(page.locator('.hit').first()).toHaveAttribute('data-id', QUESTIONS[0].answer);
    expect(new Set(await page.locator('.hit .leg').allTextContents())).toEqual(new Set(['words']));
    await expect(page.locator('#timing')).toHaveText(/without the model\.$/);
  });

  test('shows the score of each way of searching where both have found a passage', async () => {
    await page.getByRole('radio', { name: 'Both' }).check({ force: true });
    await page.fill('#query', 'The train to the airport');
    const first = page.locator(`.hit[data-id="${QUESTIONS[0].answer}"]`);
    await expect(first.locator('.leg')).toHaveText(['meaning', 'words']);
    await expect(first.locator('mark').first()).toBeVisible();
  });

  test('searches only the languages that are chosen', async () => {
    await page.getByRole('radio', { name: 'Meaning' }).check({ force: true });
    await page.fill('#query', QUESTIONS[0].query);
    const french = page.getByRole('button', { name: 'French' });
    const korean = page.getByRole('button', { name: 'Korean' });
    await french.click();
    await expect(french).toHaveAttribute('aria-pressed', 'true');
    await expect(page.locator('.hit .language')).toHaveText(Array(8).fill('fr'));
    await korean.click();
    await expect(page.locator('.hit[data-id="airport-train-ko"]')).toBeVisible();
    const shown = new Set(await page.locator('.hit .language').allTextContents());
    expect([...shown].sort()).toEqual(['fr', 'ko']);
    await french.click();
    await korean.click();
    await expect(page.locator(`.hit[data-id="${QUESTIONS[0].answer}"]`)).toBeVisible();
  });

  test('says so where nothing has the words, and searches by meaning instead', async () => {
    await page.getByRole('radio', { name: 'Words' }).check({ force: true });
    await page.fill('#query', '\u{10A60}\u{10A61}');
    await expect(page.locator('#empty-words')).toHaveText('No passage has been found.');
    await expect(page.locator('.hit')).toHaveCount(0);
    await page.getByRole('button', { name: 'Search by meaning' }).click();
    await expect(page.locator('.hit')).toHaveCount(8);
  });

  test('keeps texts of one’s own, and is there at once after a reload', async () => {
    const file = {
      name: 'hat.md',
      mimeType: 'text/markdown',
      buffer: Buffer.from('He forgot his hat in the restaurant.'),
    };
    await page.setInputFiles('#files', file);
    await expect(page.locator('#status')).toHaveText('281 texts indexed.');
    await page.reload();
    await expect(page.locator('#texts')).toHaveText('281');
    await expect(page.locator('#kept')).toHaveText('Kept since your last visit.');
    await expect(page.locator('#location')).toHaveText('this browser');
    await expect(page.locator('#status')).toHaveText('281 texts, kept since your last visit.');
    // Nothing was embedded anew.
    await expect(page.locator('#speed')).toHaveText('–');
    await page.fill('#query', 'Er hat seinen Hut im Restaurant vergessen.');
    await expect(page.locator('.hit').first()).toHaveAttribute('data-id', 'own/file/hat.md');
  });

  test('shows a text to another tab, and there it can be removed', async () => {
    const other = await page.context().newPage();
    await other.goto('/?device=wasm');
    await expect(other.locator('#status')).toHaveText('281 texts, kept since your last visit.');
    await other.getByRole('button', { name: 'Remove hat.md' }).click();
    await expect(other.locator('#texts')).toHaveText('280');
    await other.close();
    await page.reload();
    await expect(page.locator('#status')).toHaveText('280 texts, kept since your last visit.');
    await expect(page.locator('#own li')).toHaveCount(0);
  });

  test('refuses a file that is no text', async () => {
    const file = {
      name: 'tern.png',
      mimeType: 'text/plain',
      buffer: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0]),
    };
    await page.setInputFiles('#files', file);
    await expect(page.locator('#status')).toHaveText('Nothing was added: tern.png is no text.');
    await expect(page.locator('#texts')).toHaveText('280');
  });

  test('says when there is no connection, and goes on searching', async () => {
    await page.context().setOffline(true);
    await expect(page.locator('#offline')).toBeVisible();
    await page.fill('#query', QUESTIONS[0].query);
    await expect(page.locator(`.hit[data-id="${QUESTIONS[0].answer}"]`)).toBeVisible();
    await page.context().setOffline(false);
    await expect(page.locator('#offline')).toBeHidden();
  });

  test('is cleared by a button, and filled again by another', async () => {
    await page.fill('#query', '');
    await page.getByRole('button', { name: 'Clear the index' }).click();
    await expect(page.locator('#texts')).toHaveText('0');
    await expect(page.locator('#bytes')).toHaveText('0 kB');
    await page.getByRole('button', { name: 'Index the demo’s texts' }).click();
    await expect(page.locator('#status')).toHaveText('280 texts indexed.');
  });
});

test('says what is wrong, with its code, and what to do', async ({ page }) => {
  await page.route('**/*.safetensors', (route) => route.abort());
  await page.goto('/?device=wasm');
  await expect(page.locator('#error-code')).toHaveText('network');
  await page.unroute('**/*.safetensors');
  await page.locator('#error-action').click();
  await expect(page.locator('#status')).toHaveText(/texts indexed\.$/);
  await expect(page.locator('#error')).toBeHidden();
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
  await page.getByRole('radio', { name: 'Both' }).check({ force: true });
  await page.fill('#query', 'The train');
  await expect(page.locator('.hit .bar.words').first()).toBeVisible();
  const widest = await page
    .locator('.hit .legs')
    .evaluateAll((legs) => Math.max(...legs.map((one) => one.scrollWidth - one.clientWidth)));
  expect(widest).toBeLessThanOrEqual(0);
});
