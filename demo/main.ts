import { type Device, Embedder, type SearchDocument, SemanticIndex } from '../src/index.ts';
import corpus from './corpus/corpus.json';
import { VectorCache } from './vectors.ts';
import {
  create,
  element,
  type Source,
  showBusy,
  showHits,
  showLoad,
  showReport,
  showStatus,
} from './view.ts';

/** Questions to begin with. The answers are in other languages. */
const EXAMPLES = [
  'Wann fährt der Zug zum Flughafen?',
  'ドアに鍵をかけるのを忘れないで',
  'لا تنس أن تقفل الباب',
  'J’ai perdu ma clé',
];

/** nDCG@10 of the nano model on Tatoeba, the mean of 25 languages to English (its model card). */
const QUALITY: Readonly<Record<number, number>> = { 256: 0.767, 128: 0.763, 64: 0.757 };

/** The nano model was trained on sentences; passages of one or two serve it best. */
const PASSAGE_TOKENS = 32;

const query = element<HTMLInputElement>('query');

/** Everything that depends on the loaded model. */
class Demo {
  private readonly documents: SearchDocument<Source>[] = [];
  private indexing: AbortController | undefined;
  private searching: AbortController | undefined;
  private added = 0;

  private constructor(
    private readonly vectors: VectorCache,
    private index: SemanticIndex<Source>,
  ) {}

  static async open(embedder: Embedder): Promise<Demo> {
    const vectors = new VectorCache(embedder);
    return new Demo(vectors, await openIndex(vectors));
  }

  /** Adds documents, showing how far it is; what is done can be found meanwhile. */
  async add(documents: readonly SearchDocument<Source>[]): Promise<void> {
    const controller = new AbortController();
    this.indexing = controller;
    showBusy(true);
    const before = this.index.size;
    try {
      await this.index.add(documents, {
        signal: controller.signal,
        onProgress: ({ done, total }) => {
          showStatus(`Indexing ${done} of ${total} texts…`, Math.min(done / total, 0.99));
          this.showNumbers();
          void this.search();
        },
      });
      showStatus(`${this.index.size} texts indexed.`, 1);
    } catch (error) {
      const words = controller.signal.aborted ? 'Cancelled' : `Stopped: ${(error as Error).message}`;
      showStatus(`${words}. ${this.index.size - before} of ${documents.length} texts were indexed.`, 1);
    } finally {
      const ids = new Set(await this.index.keys());
      const known = new Set(this.documents.map(({ id }) => id));
      this.documents.push(...documents.filter(({ id }) => ids.has(id) && !known.has(id)));
      this.indexing = undefined;
      showBusy(false);
      this.showNumbers();
      await this.search();
    }
  }

  /** Adds texts of the visitor's own. */
  addTexts(texts: readonly { name: string; text: string }[]): Promise<void> {
    return this.add(
      texts.map(({ name, text }) => ({ id: `own-${++this.added}`, text, metadata: { file: name } })),
    );
  }

  cancel(): void {
    this.indexing?.abort();
  }

  /** Searches for what the box says now; an older search is dropped. */
  async search(): Promise<void> {
    this.searching?.abort();
    const text = query.value;
    if (text.trim() === '') {
      showHits([]);
      return;
    }
    const controller = new AbortController();
    this.searching = controller;
    const start = performance.now();
    try {
      const hits = await this.index.search(text, { k: 8, signal: controller.signal });
      showHits(hits);
      element('latency').textContent = `${Math.round(performance.now() - start)} ms`;
    } catch (error) {
      if (!controller.signal.aborted) showStatus((error as Error).message, 1);
    }
  }

  /** Puts everything into an index of another vector length. The model is not asked again. */
  async changeDimensions(dimensions: number): Promise<void> {
    const index = await openIndex(this.vectors, dimensions);
    await index.add(this.documents);
    const old = this.index;
    this.index = index;
    await old.dispose();
    showQuality(dimensions);
    await this.search();
  }

  private showNumbers(): void {
    const { tokens, milliseconds } = this.vectors;
    if (milliseconds > 0)
      element('speed').textContent = `${Math.round((1000 * tokens) / milliseconds)} tokens/s`;
    element('passages').textContent = String(this.index.passageCount);
  }
}

/** An index for this visit. */
function openIndex(embedder: VectorCache, dimensions?: number): Promise<SemanticIndex<Source>> {
  return SemanticIndex.open<Source>({ embedder, dimensions, passageTokens: PASSAGE_TOKENS });
}

function showQuality(dimensions: number): void {
  const quality = QUALITY[dimensions];
  const bytes = (4 * dimensions).toLocaleString('en');
  const share = quality
    ? `: nDCG@10 ${quality.toFixed(3)} on Tatoeba, ${Math.round((100 * quality) / QUALITY[256])} % of the full length`
    : '';
  element('quality').textContent = `${bytes} bytes a vector${share}.`;
}

function makeSwitch(demo: Demo, { trainedDimensions }: Embedder['report']): void {
  const choices = trainedDimensions.map((dimensions, i) => {
    const label = create('label', '', String(dimensions));
    const input = document.createElement('input');
    input.type = 'radio';
    input.name = 'dimensions';
    input.value = String(dimensions);
    input.checked = i === 0;
    input.addEventListener('change', () => void demo.changeDimensions(dimensions));
    label.prepend(input);
    return label;
  });
  element('dimensions').replaceChildren(...choices);
  showQuality(trainedDimensions[0]);
}

function listenForTexts(demo: Demo): void {
  const addFiles = async (files: Iterable<File>) =>
    demo.addTexts(
      await Promise.all([...files].map(async (file) => ({ name: file.name, text: await file.text() }))),
    );

  const files = element<HTMLInputElement>('files');
  files.addEventListener('change', () => void addFiles(files.files ?? []));

  const paste = element<HTMLTextAreaElement>('paste');
  const button = element<HTMLButtonElement>('add');
  paste.addEventListener('input', () => {
    button.disabled = paste.value.trim() === '';
  });
  button.addEventListener('click', () => {
    const text = paste.value;
    paste.value = '';
    button.disabled = true;
    void demo.addTexts([{ name: 'pasted text', text }]);
  });

  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) document.body.classList.remove('dropping');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    document.body.classList.remove('dropping');
    void addFiles(event.dataTransfer?.files ?? []);
  });
  element('cancel').addEventListener('click', () => demo.cancel());
}

function listenForQueries(demo: Demo): void {
  query.addEventListener('input', () => void demo.search());
  const buttons = EXAMPLES.map((example) => {
    const button = create('button', '', example) as HTMLButtonElement;
    button.type = 'button';
    button.dir = 'auto';
    button.addEventListener('click', () => {
      query.value = example;
      void demo.search();
    });
    return button;
  });
  element('examples').replaceChildren(...buttons);

  document.addEventListener('keydown', (event) => {
    const hits = [...element('hits').children] as HTMLElement[];
    const at = hits.indexOf(document.activeElement as HTMLElement);
    if (event.key === '/' && !(event.target as HTMLElement).matches('input, textarea')) query.focus();
    else if (event.key === 'Escape' && (at >= 0 || event.target === query)) {
      query.value = '';
      query.focus();
      void demo.search();
    } else if (event.key === 'ArrowDown' && (at >= 0 || event.target === query))
      hits[Math.min(at + 1, hits.length - 1)]?.focus();
    else if (event.key === 'ArrowUp' && at >= 0) (hits[at - 1] ?? query).focus();
    else return;
    event.preventDefault();
  });
}

async function start(): Promise<void> {
  // Ready to type; but no keyboard over half of a phone's screen before it is wanted.
  if (matchMedia('(pointer: fine)').matches) query.focus();
  const wanted = new URLSearchParams(location.search).get('device');
  const embedder = await Embedder.create({ device: (wanted ?? 'auto') as Device, onProgress: showLoad });
  showReport(embedder.report);
  const demo = await Demo.open(embedder);
  makeSwitch(demo, embedder.report);
  listenForTexts(demo);
  listenForQueries(demo);
  await demo.add(corpus.map(({ id, lang, text }) => ({ id, text, metadata: { lang } })));
}

start().catch((error: Error) => showStatus(`${error.message}`, 1));
