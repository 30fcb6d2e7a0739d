import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin, UserConfig } from 'vite';
import { defineConfig } from 'vitest/config';
import { buildKernels } from './scripts/kernels.mjs';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * Files that the library finds beside itself, as `new URL(…, import.meta.url)`: the expression must come through the build
 * unchanged but for its path, so that the bundler of the page that uses the library sees it and takes the file along.
 */
const FILES_BESIDE: Readonly<Record<string, string>> = {
  '../workers/engine.worker.ts': './worker.js',
  '../../workers/index.worker.ts': './index-worker.js',
  '../../models/nano/': '../models/nano/',
};

function keepUrls(): Plugin {
  const marker = '__sternaFileBeside__';
  return {
    name: 'sterna:keep-urls',
    enforce: 'pre',
    transform(code, id) {
      if (!id.includes('/src/')) return;
      let kept = code;
      for (const [from, to] of Object.entries(FILES_BESIDE)) {
        kept = kept.replaceAll(`new URL('${from}`, `${marker}('${to}`);
      }
      // `__sternaFileBeside__('./worker.js', import.meta.url)` is no pattern of Vite's.
      return kept === code ? undefined : { code: kept, map: null };
    },
    renderChunk(code) {
      return { code: code.replaceAll(marker, 'new URL'), map: null };
    },
  };
}

/** Takes comments and indentation out of shaders: they are for readers of the source. */
function slimShaders(): Plugin {
  return {
    name: 'slim-shaders',
    enforce: 'pre',
    load(id) {
      const path = /^(.+\.wgsl)\?raw$/.exec(id)?.[1];
      if (!path) return undefined;
      const lines = readFileSync(path, 'utf8').split('\n');
      const slim = lines.map((line) => line.replace(/\/\/.*$/, '').trim()).filter((line) => line !== '');
      return `export default ${JSON.stringify(`${slim.join('\n')}\n`)};`;
    },
  };
}

/** Isolated pages have shared memory, and so threads. */
const isolated = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Packages of files for other databases: whoever exchanges files with one installs its own. */
const EXCHANGE_PACKAGES = ['apache-arrow', 'hyparquet', 'hyparquet-writer'];

/** A worker is one file, so that it can be served from anywhere. */
function workerBuild(name: string, source: string): UserConfig {
  return {
    plugins: [slimShaders()],
    build: {
      emptyOutDir: false,
      minify: true,
      sourcemap: true,
      target: 'es2022',
      lib: { entry: { [name]: here(source) }, formats: ['es'] },
      // Nobody shakes this tree any more, so its white space can go, too.
      rolldownOptions: { output: { minify: true } },
    },
  };
}

/** What each mode of `vite build` makes. All but the demo go into dist/. */
const builds: Record<string, UserConfig> = {
  library: {
    plugins: [keepUrls()],
    build: {
      emptyOutDir: false,
      minify: true,
      sourcemap: true,
      target: 'es2022',
      lib: {
        entry: {
          index: here('src/index.ts'),
          'vector-index': here('src/index/index.ts'),
          shards: here('src/shards/index.ts'),
          tokenizer: here('src/text/index.ts'),
          'exchange-parquet': here('src/exchange/parquet.ts'),
          'exchange-arrow': here('src/exchange/arrow.ts'),
        },
        formats: ['es'],
      },
      rolldownOptions: {
        external: ['comlink', ...EXCHANGE_PACKAGES],
        output: { chunkFileNames: '[name].js' },
      },
    },
  },
  worker: workerBuild('worker', 'workers/engine.worker.ts'),
  'index-worker': workerBuild('index-worker', 'workers/index.worker.ts'),
  node: {
    plugins: [keepUrls()],
    build: {
      emptyOutDir: false,
      minify: false,
      target: 'node20',
      ssr: true,
      lib: { entry: { node: here('src/node/index.ts'), cli: here('src/node/cli.ts') }, formats: ['es'] },
      rolldownOptions: {
        external: ['comlink', 'webgpu', ...EXCHANGE_PACKAGES],
        output: { chunkFileNames: 'node-[name].js' },
      },
    },
  },
  demo: {
    root: here('demo'),
    base: './',
    build: {
      outDir: here('dist-demo'),
      emptyOutDir: true,
      target: 'es2022',
      rolldownOptions: { input: [here('demo/index.html'), here('demo/race.html')] },
    },
    server: { headers: isolated },
    preview: { headers: isolated },
    worker: { format: 'es' },
  },
};

export default defineConfig(async ({ mode }) => {
  await buildKernels();
  return {
    ...builds[mode],
    test: {
      include: ['src/**/*.test.ts', 'workers/**/*.test.ts'],
      // Encoders run on a processor that plays a GPU.
      testTimeout: 120_000,
      hookTimeout: 120_000,
    },
  };
});
