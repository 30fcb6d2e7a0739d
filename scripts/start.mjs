/**
 * `npm start`: the demo on localhost, and one search in the terminal through the same engine. Needs no build; everything
 * runs from source by way of Vite.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createServer, runnerImport } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));
const QUERY = 'Wann fährt der Zug zum Flughafen?';

// The mode's own root is demo/.
const server = await createServer({
  configFile: `${root}vite.config.ts`,
  mode: 'demo',
  logLevel: 'error',
});
await server.listen();
console.log(`\n  The demo runs at ${server.resolvedUrls.local[0]}\n`);

const { Embedder, SemanticIndex } = (
  await runnerImport(`${root}src/node/index.ts`, { root, configFile: false, logLevel: 'error' })
).module;
const corpus = JSON.parse(readFileSync(`${root}demo/corpus/corpus.json`, 'utf8'));
const languages = new Set(corpus.map(({ lang }) => lang));
console.log(
  `  Meanwhile, one search here: ${corpus.length} passages in ${languages.size} languages, the model "nano".`,
);

const embedder = await Embedder.create();
const index = await SemanticIndex.open({ embedder });
await index.add(
  corpus.map(({ id, lang, text }) => ({ id, text, metadata: { lang } })),
  {
    onProgress({ done, total }) {
      if (process.stdout.isTTY)
        process.stdout.write(`\r  ${done} of ${total} indexed on ${embedder.report.device}`);
    },
  },
);
const start = performance.now();
const hits = await index.search(QUERY, { k: 4 });
const milliseconds = Math.round(performance.now() - start);
console.log(`\n\n  ${QUERY}   (${milliseconds} ms on ${embedder.report.device})\n`);
for (const { score, passage, document } of hits) {
  console.log(`    ${score.toFixed(3)}  ${document.metadata.lang}  ${passage}`);
}
await index.dispose();
await embedder.dispose();
console.log(`\n  Stop with Ctrl+C. The demo: ${server.resolvedUrls.local[0]}\n`);
