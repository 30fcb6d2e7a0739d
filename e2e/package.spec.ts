import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, type Page, test } from '@playwright/test';
import { build, createServer, preview } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The complete example of the README, as it stands there. */
const EXAMPLE = /```ts\n(import [\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))![1];

/** Opens a page and waits for the first hit that the example prints. */
async function firstHit(page: Page, address: string): Promise<string> {
  const printed = page.waitForEvent('console', { predicate: (message) => /^\d\.\d\d /.test(message.text()) });
  await page.goto(address);
  return (await printed).text();
}

test.describe('the packed package, with the README’s example as an empty Vite app', () => {
  let app: string;

  test.beforeAll(() => {
    app = mkdtempSync(join(tmpdir(), 'sterna-app-'));
    // dist/ is there already: it is what these tests are about.
    execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', app], {
      cwd: root,
      stdio: 'pipe',
    });
    const tarball = readdirSync(app).find((name) => name.endsWith('.tgz'))!;
    writeFileSync(join(app, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }');
    writeFileSync(
      join(app, 'index.html'),
      '<!doctype html><title>loading</title><script type="module" src="/main.ts"></script>',
    );
    writeFileSync(join(app, 'main.ts'), EXAMPLE);
    const options = ['--no-audit', '--no-fund', '--prefer-offline'];
    execFileSync('npm', ['install', ...options, `./${tarball}`], { cwd: app, stdio: 'pipe' });
  });

  test.afterAll(() => {
    rmSync(app, { recursive: true, force: true });
  });

  test('bundles and runs with no configuration', async ({ page }) => {
    await build({ root: app, configFile: false, logLevel: 'error' });
    const server = await preview({ root: app, configFile: false, logLevel: 'error', preview: { port: 0 } });
    try {
      expect(await firstHit(page, server.resolvedUrls!.local[0])).toContain('fr Le dernier train');
    } finally {
      await server.close();
    }
  });

  test('has exact types without a setting', () => {
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const wrong = `import { Embedder, VectorIndex } from 'sterna';
import { VectorIndex as Alone } from 'sterna/index';
import { Tokenizer } from 'sterna/tokenizer';
const embedder = await Embedder.create();
const { embeddings } = await embedder.embed('x', { output: 'int8' });
const bytes: Int8Array = embeddings[0].values;
// @ts-expect-error int8 vectors are no float vectors
const floats: Float32Array = embeddings[0].values;
new VectorIndex({ dimensions: 256 }).add('id', bytes);
new Alone({ dimensions: 256 });
const ids: Uint32Array = Tokenizer.fromJSON('{}').encode('x').ids;
export { floats, ids };
`;
    writeFileSync(join(app, 'types.ts'), wrong);
    const options = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022,esnext.disposable,dom'];
    const modules = ['--module', 'esnext', '--moduleResolution', 'bundler', '--types', ''];
    const check = () =>
      execFileSync(process.execPath, [compiler, ...options, ...modules, 'types.ts', 'main.ts'], {
        cwd: app,
        stdio: 'pipe',
      });
    try {
      check();
    } catch (error) {
      throw new Error((error as { stdout: Buffer }).stdout.toString());
    }
  });

  test('runs in Vite’s development server with no configuration', async ({ page }) => {
    const development = await createServer({
      root: app,
      configFile: false,
      logLevel: 'error',
      server: { port: 0 },
    });
    try {
      await development.listen();
      expect(await firstHit(page, development.resolvedUrls!.local[0])).toContain('fr Le dernier train');
    } finally {
      await development.close();
    }
  });

  test('can be imported in Node, where nothing runs by itself', () => {
    const code = `const { SemanticIndex, VectorIndex, Embedder } = await import('sterna');
      const { VectorIndex: Alone } = await import('sterna/index');
      const sizes = [new VectorIndex({ dimensions: 2 }).size, new Alone({ dimensions: 2 }).size];
      console.log(JSON.stringify([typeof Embedder.create, typeof SemanticIndex, ...sizes]));`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: app });
    expect(JSON.parse(output.toString())).toEqual(['function', 'function', 0, 0]);
  });

  test('brings the command line', () => {
    const lines = '{"id":1,"text":"The bus stops here."}\n{"id":"b","text":""}\n';
    const args = ['sterna', 'embed', '--device', 'reference', '--dimensions', '64', '--quiet'];
    const output = execFileSync('npx', args, { cwd: app, input: lines });
    const [first, second] = output
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(first).toMatchObject({ id: 1, truncated: false });
    expect(first.embedding).toHaveLength(64);
    expect(second).toMatchObject({ id: 'b', tokens: 2 });
  });
});
