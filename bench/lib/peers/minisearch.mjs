/** MiniSearch with its defaults: words of a text by spaces and punctuation, BM25+. */
import MiniSearch from 'minisearch';

const settings = { fields: ['text'], idField: 'row' };

export default () => ({
  build(texts) {
    const index = new MiniSearch(settings);
    index.addAll(texts.map((text, row) => ({ row, text })));
    return index;
  },
  toBytes: (index) => Buffer.from(JSON.stringify(index)),
  open: (bytes) => MiniSearch.loadJSON(bytes.toString(), settings),
  search: (index, query, k) =>
    index
      .search(query)
      .slice(0, k)
      .map(({ id }) => id),
});
