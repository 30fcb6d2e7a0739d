/**
 * Compiles the WebAssembly kernels of each folder below, `assembly/` into `kernels.generated.ts` beside it, where they are
 * older than their sources.
 *
 * Each build is a module of few kilobytes that imports its memory, once with relaxed SIMD and once with plain SIMD.
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';

/** Where there are kernels, and how they are written down: compressed, or such that they need no waiting for. */
const SETS = [
  { folder: new URL('../src/backends/wasm/', import.meta.url), write: compressed },
  { folder: new URL('../src/index/scan/', import.meta.url), write: instant },
];

const BUILDS = { relaxed: ['simd', 'relaxed-simd'], simd: ['simd'] };

/** The most that 32-bit addresses reach, in pages of 64 KiB. */
const MOST_PAGES = 65536;

export async function buildKernels() {
  for (const { folder, write } of SETS) await buildSet(folder, write);
}

async function buildSet(folder, write) {
  const sources = new URL('assembly/', folder);
  const target = new URL('kernels.generated.ts', folder);
  const inputs = [fileURLToPath(import.meta.url)];
  for (const name of readdirSync(sources)) inputs.push(fileURLToPath(new URL(name, sources)));
  const newest = Math.max(...inputs.map((path) => statSync(path).mtimeMs));
  if (existsSync(target) && statSync(target).mtimeMs >= newest) return;

  const { default: asc } = await import('assemblyscript/asc');
  const modules = [];
  for (const features of Object.values(BUILDS))
    modules.push(Buffer.from(await compile(asc, sources, features)));
  const up = '../'.repeat(target.pathname.split('/src/').pop().split('/').length - 1);
  writeFileSync(
    target,
    `// Compiled from assembly/ by scripts/kernels.mjs.\n${write(modules, `${up}wasm/module.ts`)}`,
  );
}

/** The modules are nearly alike, so they are compressed together; and before they become text, which compresses badly. */
function compressed(modules, path) {
  const code = deflateRawSync(Buffer.concat(modules), { level: 9 }).toString('base64');
  const lengths = modules.map(({ length }) => length);
  const exports = Object.keys(BUILDS).map((name, i) => {
    const start = lengths.slice(0, i).reduce((sum, length) => sum + length, 0);
    return `export const ${name} = new KernelModule(CODE, ${start}, ${start + lengths[i]});\n`;
  });
  return `import { KernelModule } from '${path}';\n\nconst CODE = '${code}';\n\n${exports.join('')}`;
}

function instant(modules, path) {
  const exports = Object.keys(BUILDS).map(
    (name, i) =>
      `export const ${name} = /* @__PURE__ */ new InstantKernelModule('${modules[i].toString('base64')}');\n`,
  );
  return `import { InstantKernelModule } from '${path}';\n\n${exports.join('')}`;
}

async function compile(asc, sources, features) {
  const options = ['-O3', '--noAssert', '--runtime', 'stub', '--use', 'abort=', '--importMemory'];
  const memory = ['--sharedMemory', '--maximumMemory', String(MOST_PAGES), '--enable', 'threads'];
  const enabled = features.flatMap((feature) => ['--enable', feature]);
  const files = new Map();
  const { error, stderr } = await asc.main(
    ['index.ts', '--outFile', 'kernels.wasm', ...options, ...memory, ...enabled],
    {
      readFile: (name) => {
        const url = new URL(name, sources);
        return existsSync(url) ? readFileSync(url, 'utf8') : null;
      },
      writeFile: (name, contents) => files.set(name, contents),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return files.get('kernels.wasm');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildKernels();
