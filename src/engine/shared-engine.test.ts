import { afterEach, expect, test, vi } from 'vitest';
import type { LoadRequest } from '../../workers/protocol.ts';
import { FakeBrowser } from '../tabs/testing/fake-browser.ts';
import type { EngineLink } from './link.ts';
import { type LoadEngine, sharedEngine } from './shared-engine.ts';
import { FakeEngine, vectorsOf } from './testing/fake-engine.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

const request = { model: 'https://example.org/model/', device: 'auto', batchTokens: 2048 } as LoadRequest;

/** Loads fake engines in a tab, and keeps what they were asked for. */
function loader() {
  const asked: LoadRequest[] = [];
  const engines: FakeEngine[] = [];
  const load: LoadEngine = async (request) => {
    asked.push(request);
    engines.push(new FakeEngine(new FakeBrowser().tab(), engines.length));
    return engines.at(-1) as EngineLink;
  };
  return { load, asked, engines };
}

test('without locks or channels a tab has an engine of its own', async () => {
  for (const missing of ['navigator', 'BroadcastChannel']) {
    vi.stubGlobal(missing, undefined);
    const { load, engines } = loader();
    expect(await sharedEngine(request, load, {})).toBe(engines[0]);
    vi.unstubAllGlobals();
  }
});

test('an engine after another one is asked for the device and precision that the first had', async () => {
  const { locks } = new FakeBrowser().tab().meeting;
  vi.stubGlobal('navigator', { locks });
  const { load, asked } = loader();
  const first = await sharedEngine(request, load, {});
  const second = await sharedEngine(request, load, {});
  first.dispose();
  const texts = await second.embed(['tern'], {
    task: 'document',
    dimensions: 1,
    output: 'float32',
    truncate: 'end',
    specialTokens: 'parse',
    priority: 'interactive',
  });
  expect(texts).toEqual(vectorsOf(['tern']));
  second.dispose();
  expect(asked).toEqual([request, { ...request, device: 'reference', precision: 'f32' }]);
});
