/** Documents that there are about; when there are more, more are removed. */
const ABOUT = 120;
/** UTF-16 units of text of which an index says that all or none of it is put in. */
const WHOLE = 15_000;

/** The words of a version of a document, which no other text has. */
export function wordsOf(id, version) {
  return Array.from({ length: 10 + ((version * 37) % 150) }, (_, i) => `${id}v${version}w${i}`);
}

/** The text of a version of a document. */
export function textOf(id, version) {
  return wordsOf(id, version).join(' ');
}

const documentsOf = (changes) => [...changes].map(([id, version]) => ({ id, text: textOf(id, version) }));

/** Calls at random, of one who changes documents whose ids begin with the same letter. */
export class Writer {
  constructor(random, letter, truth) {
    this.random = random;
    this.letter = letter;
    this.truth = truth;
    this.version = 0;
    this.ids = 0;
  }

  /** The next call: its name, what it is called with, what it changes, and whether that is done as a whole. */
  next() {
    const { random, truth } = this;
    const own = truth.settledIds().filter((id) => id.startsWith(this.letter));
    const remove = own.length > ABOUT / 2 ? 12 : 2;
    const kind = own.length < 20 ? 'add' : random.weighted({ add: 4, update: 4, remove });
    const count = random.next() < 0.15 ? random.between(30, 60) : random.between(1, 12);
    if (kind === 'remove') {
      const changes = new Map(random.some(own, count).map((id) => [id, 0]));
      return { kind, input: [...changes.keys()], changes, isWhole: true };
    }
    const old = kind === 'update' ? random.some(own, Math.ceil(count / 2)) : [];
    const ids = [...old, ...Array.from({ length: count - old.length }, () => `${this.letter}${++this.ids}`)];
    const changes = new Map(ids.map((id) => [id, ++this.version]));
    const input = documentsOf(changes);
    const units = input.reduce((sum, { text }) => sum + text.length, 0);
    return { kind, input, changes, isWhole: units < WHOLE };
  }
}
