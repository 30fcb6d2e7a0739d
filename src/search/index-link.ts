import { SternaError } from '../errors.ts';
import type { CollectionSettings } from '../index/collection/manifest.ts';
import { type Reply, unwrap } from '../reply.ts';
import type { Service } from '../tabs/service.ts';
import { untilAborted } from '../until-aborted.ts';
import type { IndexProducts, IndexReport, IndexWork } from './work.ts';

/** What an index's worker is told at first. */
export interface OpenRequest {
  /** Absent: an index in memory. */
  readonly name?: string;
  readonly settings: CollectionSettings;
  readonly threads?: number;
}

/** What a page sends an index's worker. */
export type ToIndexWorker =
  | { readonly type: 'open'; readonly call: number; readonly request: OpenRequest }
  | { readonly type: 'work'; readonly call: number; readonly work: IndexWork }
  | { readonly type: 'abort'; readonly call: number };

/** What it answers. */
export interface FromIndexWorker {
  readonly call: number;
  /** Of `open`: the report; of work: the product and the report after it. */
  readonly reply: Reply<{ readonly product?: unknown; readonly report: IndexReport }>;
}

type Product = IndexProducts[IndexWork['kind']];

/** An index in a worker. It owns the worker: `dispose()` ends it. */
export class IndexLink implements Service<IndexWork, Product, IndexReport> {
  report!: IndexReport;
  private calls = 0;
  private readonly open = new Map<
    number,
    { readonly resolve: (value: Product) => void; readonly reject: (error: unknown) => void }
  >();
  private ended: SternaError | undefined;

  private constructor(private readonly worker: Worker) {
    worker.addEventListener('message', ({ data }: MessageEvent<FromIndexWorker>) => this.hear(data));
    worker.addEventListener('error', (event) => this.end(event.message || 'its script could not be loaded'));
    worker.addEventListener('messageerror', () => this.end('a message could not be read'));
  }

  /** @throws SternaError `worker`, or as the index says; the worker is ended then. */
  static async start(worker: Worker, request: OpenRequest, signal?: AbortSignal): Promise<IndexLink> {
    const link = new IndexLink(worker);
    try {
      await link.call((call) => ({ type: 'open', call, request }), signal);
      return link;
    } catch (error) {
      link.dispose();
      throw error;
    }
  }

  perform(work: IndexWork, signal?: AbortSignal): Promise<Product> {
    return this.call((call) => ({ type: 'work', call, work }), signal);
  }

  dispose(): void {
    this.ended ??= new SternaError('disposed', 'This index was disposed; open it again.');
    for (const { reject } of this.open.values()) reject(this.ended);
    this.open.clear();
    this.worker.terminate();
  }

  private call(message: (call: number) => ToIndexWorker, signal?: AbortSignal): Promise<Product> {
    signal?.throwIfAborted();
    if (this.ended) return Promise.reject(this.ended);
    const call = ++this.calls;
    const begin = () =>
      new Promise<Product>((resolve, reject) => {
        this.open.set(call, { resolve, reject });
        this.worker.postMessage(message(call));
      });
    const stop = () => this.worker.postMessage({ type: 'abort', call });
    return untilAborted(begin, signal, stop).finally(() => this.open.delete(call));
  }

  private hear({ call, reply }: FromIndexWorker): void {
    const waiting = this.open.get(call);
    try {
      const { product, report } = unwrap(reply);
      this.report = report;
      waiting?.resolve(product as Product);
    } catch (error) {
      waiting?.reject(error);
    }
  }

  private end(reason: string): void {
    this.ended = new SternaError(
      'worker',
      `The index's worker failed: ${reason}. If the page has a Content-Security-Policy it must allow the worker (worker-src), and the bundler must ` +
        'emit it; otherwise give `workerFactory`.',
    );
    for (const { reject } of this.open.values()) reject(this.ended);
    this.open.clear();
  }
}
