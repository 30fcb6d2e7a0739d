/** The library's source as it is, bundled for Node without its types, so that no build is needed ahead of a bench. */
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { buildKernels } from '../../../scripts/kernels.mjs';

const root = new URL('../../../', import.meta.url);
/** Processes that a bench starts find by this what it has bundled. */
process.env.STERNA_BENCH_SOURCE ??= `source-${process.pid}`;
const folder = new URL(`.cache/bench-index/${process.env.STERNA_BENCH_SOURCE}/`, root);

/** What benches look at: the name of a bundle, and its file in src/. */
const ENTRIES = {
  'vector-index': 'index/vector-index.ts',
  'index-file': 'index/index-file.ts',
  funnel: 'index/funnel.ts',
  scanner: 'index/scan/scanner.ts',
  'vector-column': 'index/vectors/vector-column.ts',
  mean: 'index/vectors/mean.ts',
  lexical: 'index/lexical/index.ts',
  tokenizer: 'text/tokenizer.ts',
  threads: 'node/threads.ts',
  node: 'node/index.ts',
};

/** Bundles all of them anew. */
export async function bundleSource() {
  await buildKernels();
  const input = Object.entries(ENTRIES).map(([name, path]) => [
    name,
    fileURLToPath(new URL(`src/${path}`, root)),
  ]);
  await build({
    root: fileURLToPath(root),
    configFile: false,
    logLevel: 'error',
    build: {
      outDir: fileURLToPath(folder),
      emptyOutDir: true,
      minify: false,
      target: 'node20',
      ssr: true,
      rolldownOptions: {
        input: Object.fromEntries(input),
        external: ['comlink', 'webgpu', 'apache-arrow', 'hyparquet', 'hyparquet-writer'],
        preserveEntrySignatures: 'strict',
        output: { entryFileNames: '[name].js' },
      },
    },
  });
}

/** Takes away what {@link bundleSource} made. */
export const removeSource = () => rmSync(folder, { recursive: true, force: true });

/** @param name - of {@link ENTRIES}. @returns what that module exports. */
export const source = (name) => import(new URL(`${name}.js`, folder));
