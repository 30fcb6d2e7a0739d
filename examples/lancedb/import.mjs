/**
 * An export of Sterna in LanceDB, for a corpus that has outgrown a tab: the same vectors, so the same results.
 *
 * ```
 * npm install @lancedb/lancedb apache-arrow
 * node examples/lancedb/import.mjs passages.arrow ./lancedb queries.json
 * ```
 *
 * `passages.arrow` is what `toArrow` of `sterna/exchange/arrow` writes; in a page it is saved by `showSaveFilePicker`, say, in Node by
 * `writeFile(path, toArrow(rows, header))`. It goes batch by batch into the table `passages` of the database. Columns are `id`, `passage`, `start`,
 * `end`, `text`, `document`, `metadata` (JSON), `vector`, and one for each metadata field, for filters such as `.where("year >= 2020")`.
 *
 * `queries.json`, if given, is a list of query vectors made by the same model and prefix. For each, one line is printed: the ten nearest passages as
 * JSON, `[{ "id", "passage", "score" }, …]`, best first, where the score is the cosine.
 */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect } from '@lancedb/lancedb';

// LanceDB is CommonJS and takes tables of the Arrow that it loads itself; `import` would load another copy of it.
const { RecordBatchReader, Table } = createRequire(import.meta.url)('apache-arrow');

const [file, folder, queries] = process.argv.slice(2);
if (!file || !folder) {
  console.error('Usage: node examples/lancedb/import.mjs EXPORT.arrow DATABASE [QUERIES.json]');
  process.exit(2);
}

const database = await connect(folder);
const batches = await RecordBatchReader.from(createReadStream(file));
let table;
for await (const batch of batches) {
  const rows = new Table(batch);
  if (table) await table.add(rows);
  else table = await database.createTable('passages', rows, { mode: 'overwrite' });
}
console.error(`${await table.countRows()} passages in ${folder}`);

for (const vector of queries ? JSON.parse(await readFile(queries, 'utf8')) : []) {
  const found = await table
    .query()
    .nearestTo(vector)
    .distanceType('cosine')
    .select(['id', 'passage', '_distance'])
    .limit(10)
    .toArray();
  console.log(
    JSON.stringify(found.map(({ id, passage, _distance }) => ({ id, passage, score: 1 - _distance }))),
  );
}
