/** What somebody who types waits for while documents are indexed. */
import { openEngine } from './browser.mjs';
import { raggedTexts } from './inputs.mjs';

/**
 * Times queries one after another, on an idle engine, and then while it embeds documents in the background.
 *
 * @returns a row for each of the two, in milliseconds.
 */
export async function measureLatency(browser, folder, { threads }) {
  const rows = [];
  for (const precision of ['f32', 'q8']) {
    const settings = {
      name: `sterna wasm ${precision}`,
      engine: 'sterna',
      device: 'wasm',
      precision,
      threads,
    };
    const { page, close } = await openEngine(browser, folder, settings);
    const [documents, queries] = [raggedTexts(2000), raggedTexts(50).map((text) => text.slice(0, 40))];
    const result = await page.evaluate((texts) => globalThis.latency(texts.documents, texts.queries), {
      documents,
      queries,
    });
    const of = (when, times) => ({
      model: 'nano',
      engine: settings.name,
      queries: when,
      'p50 ms': quantile(times, 0.5),
      'p95 ms': quantile(times, 0.95),
    });
    const bound = 2 * quantile(result.idle, 0.95) + quantile(result.batches, 0.95);
    rows.push(of('idle', result.idle));
    rows.push(of(`beside ${documents.length} documents`, result.busy));
    rows.push({ ...of('micro-batches of the background', result.batches) });
    console.log(
      `${settings.name}: queries beside indexing, p95 ${quantile(result.busy, 0.95).toFixed(1)} ms; twice the idle one and one micro-batch are ${bound.toFixed(1)} ms.`,
    );
    await close();
  }
  return rows;
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
