import { type Device, Embedder, type SearchDocument } from '../src/index.ts';
import corpus from './corpus/corpus.json';
import { showError, watchConnection } from './errors.ts';
import { Jobs } from './jobs.ts';
import { KeptIndex, type Source } from './kept-index.ts';
import { isOwn, listenForTexts, type OwnTexts, showOwnTexts } from './own-texts.ts';
import { listenForKeys, SearchPanel } from './search-panel.ts';
import { makeLengthSwitch, showLength } from './vector-length.ts';
import { VectorCache } from './vectors.ts';
import { element, showIndex, showLoad, showReport, showStatus } from './view.ts';

const DOCUMENTS: readonly SearchDocument<Source>[] = corpus.map(({ id, lang, text }) => ({
  id,
  text,
  metadata: { lang },
}));
const LANGUAGES = [...new Set(corpus.map(({ lang }) => lang))].sort();

/** The page as a whole: what its parts do to the index, and what they show of it afterwards. */
class Demo {
  private readonly jobs = new Jobs(() => this.refresh());
  private readonly panel: SearchPanel;
  private readonly own: OwnTexts;

  constructor(
    private readonly index: KeptIndex,
    private readonly vectors: VectorCache,
  ) {
    this.panel = new SearchPanel(index, () => void this.fill());
    this.own = {
      add: (documents) => void this.jobs.run((signal) => this.add(documents, signal)),
      remove: (id) => void this.jobs.run(() => this.remove(id)),
    };
    listenForTexts(this.own);
    listenForKeys();
    element('clear').addEventListener('click', () => void this.jobs.run(() => this.clear()));
    // Another tab may have changed the index meanwhile.
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) void this.refresh().catch(showError);
    });
  }

  /** Shows what the index has now. */
  async refresh(): Promise<void> {
    const ids = await this.index.keys();
    showOwnTexts(ids, this.own);
    this.panel.showLanguages(LANGUAGES, ids.some(isOwn));
    this.showNumbers();
    await this.panel.search();
  }

  /** Brings the demo's own texts into the index, where they are not in it from an earlier visit. */
  fill(): Promise<void> {
    return this.jobs.run(async (signal) => {
      const { documents } = this.index.report;
      await this.vectors.ready;
      await this.index.followModel({ signal, onProgress: (progress) => this.showProgress(progress) });
      const words = await this.add(DOCUMENTS, signal);
      const isKept = documents > 0 && this.index.report.documents === documents;
      return isKept ? `${documents} texts, kept since your last visit.` : words;
    });
  }

  /** Makes the switch for the vectors' length, once the model says which it was trained for. */
  makeLengthSwitch(report: Embedder['report']): void {
    makeLengthSwitch(report, (dimensions) => {
      void this.jobs.run(async (signal) => {
        await this.index.changeDimensions(dimensions, {
          signal,
          onProgress: (progress) => this.showProgress(progress),
        });
        return `${this.index.report.documents} texts have vectors of ${dimensions} dimensions.`;
      });
    });
    showLength(this.index.dimensions ?? report.dimensions);
  }

  /** Adds documents, showing how far it is; what is done can be found meanwhile. */
  private async add(documents: readonly SearchDocument<Source>[], signal: AbortSignal): Promise<string> {
    const before = this.index.report.documents;
    this.panel.isCleared = false;
    try {
      await this.index.put(documents, {
        signal,
        onProgress: (progress) => {
          this.showProgress(progress);
          void this.panel.search();
        },
      });
      return `${this.index.report.documents} texts indexed.`;
    } catch (error) {
      if (!signal.aborted) throw error;
      const done = this.index.report.documents - before;
      return `Cancelled. ${done} of ${documents.length} texts were indexed.`;
    }
  }

  private async remove(id: string): Promise<string> {
    await this.index.remove(id);
    return `Removed. ${this.index.report.documents} texts are in the index.`;
  }

  private async clear(): Promise<string> {
    await this.index.clear();
    this.panel.isCleared = true;
    element('kept').textContent = '';
    return 'The index is empty. At the next visit it is made anew.';
  }

  private showProgress({ done, total }: { done: number; total: number }): void {
    showStatus(`Indexing ${done} of ${total} texts…`, Math.min(done / total, 0.99));
    this.showNumbers();
  }

  private showNumbers(): void {
    showIndex(this.index.report);
    if (this.index.dimensions) showLength(this.index.dimensions);
    const { tokens, milliseconds } = this.vectors;
    if (tokens > 0) element('speed').textContent = `${Math.round((1000 * tokens) / milliseconds)} tokens/s`;
  }
}

async function start(): Promise<void> {
  watchConnection();
  // Ready to type; but no keyboard over half of a phone's screen before it is wanted.
  if (matchMedia('(pointer: fine)').matches) element('query').focus();
  const wishes = new URLSearchParams(location.search);
  const device = (wishes.get('device') ?? 'auto') as Device;
  const ready = Embedder.create({ device, onProgress: showLoad });
  const vectors = new VectorCache(ready);
  const name = wishes.get('keep') === 'no' ? undefined : 'demo';
  const model = ready.then(({ report }) => {
    showReport(report);
    return report;
  });
  // Neither waits for the other: an index of an earlier visit is there before the model is.
  const shown = KeptIndex.open(vectors, name).then(async (index) => {
    const demo = new Demo(index, vectors);
    if (index.report.documents > 0) element('kept').textContent = 'Kept since your last visit.';
    await demo.refresh();
    return demo;
  });
  const [report, demo] = await Promise.all([model, shown]);
  demo.makeLengthSwitch(report);
  await demo.fill();
}

start().catch(showError);
