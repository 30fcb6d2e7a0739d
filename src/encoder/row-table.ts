import type { RowTable } from './embeddings.ts';

/** Adds row `row` of some rows to `target[at … at + columns]`. */
export type AddRow = (row: number, target: Float32Array, at: number) => void;

/** Where the rows of a table are. */
export interface RowSource {
  readonly rows: number;
  readonly columns: number;
  /** Stored bytes of a row. */
  readonly rowBytes: number;
  /** The stored rows `first` … `end`. */
  read(first: number, end: number): Promise<Uint8Array>;
  /** @throws SternaError `corrupt-file` for numbers that are not finite. */
  open(bytes: Uint8Array, first: number): AddRow;
}

/** Tables of up to this many bytes are held as a whole. */
const HELD_BYTES = 32 * 2 ** 20;
/** Bytes of a page of a larger table, and of all pages that are kept. */
const PAGE_BYTES = 64 * 2 ** 10;
const KEPT_BYTES = 32 * 2 ** 20;
/** Pages that are read together, where they are neighbours, and how many such reads are under way at a time. */
const RUN = 8;
const READS = 6;

/** Whether a table of so many stored bytes is read in pages. */
export function isPaged(bytes: number): boolean {
  return bytes > HELD_BYTES;
}

/** A table of which all rows are in memory. */
export async function heldTable(source: RowSource): Promise<RowTable> {
  const { rows, columns } = source;
  return { rows, columns, addRow: source.open(await source.read(0, rows), 0) };
}

/**
 * A table in pages of rows, which are read when they are asked for. Vocabularies are in the order of frequency, so the pages of common
 * pieces stay, and a table of hundreds of megabytes takes the memory of those.
 */
export class PagedTable implements RowTable {
  readonly rows: number;
  readonly columns: number;
  private readonly pageRows: number;
  private readonly mostPages: number;
  /** By number; the one that was asked for the longest time ago comes first. */
  private readonly pages = new Map<number, AddRow>();

  constructor(
    private readonly source: RowSource,
    { pageBytes = PAGE_BYTES, keptBytes = KEPT_BYTES } = {},
  ) {
    this.rows = source.rows;
    this.columns = source.columns;
    this.pageRows = Math.max(1, Math.floor(pageBytes / source.rowBytes));
    this.mostPages = Math.max(1, Math.floor(keptBytes / (this.pageRows * source.rowBytes)));
  }

  /** Makes rows ready for {@link addRow} until the next call. @throws SternaError as the source says. */
  async fetch(rows: Uint32Array): Promise<void> {
    const wanted = new Set<number>();
    for (const row of rows) wanted.add(Math.floor(row / this.pageRows));
    const missing: number[] = [];
    for (const page of wanted) {
      const opened = this.pages.get(page);
      if (!opened) missing.push(page);
      else {
        this.pages.delete(page);
        this.pages.set(page, opened);
      }
    }
    const runs = runsOf(missing.sort((a, b) => a - b));
    const readers = Array.from({ length: Math.min(READS, runs.length) }, async () => {
      for (let run = runs.pop(); run; run = runs.pop()) await this.readRun(run);
    });
    await Promise.all(readers);
    for (const page of this.pages.keys()) {
      if (this.pages.size <= this.mostPages) break;
      if (!wanted.has(page)) this.pages.delete(page);
    }
  }

  addRow(row: number, target: Float32Array, at: number): void {
    const page = Math.floor(row / this.pageRows);
    this.pages.get(page)!(row - page * this.pageRows, target, at);
  }

  private async readRun({ first, end }: Run): Promise<void> {
    const { pageRows, source } = this;
    const firstRow = first * pageRows;
    const bytes = await source.read(firstRow, Math.min(end * pageRows, source.rows));
    const pageBytes = pageRows * source.rowBytes;
    for (let page = first; page < end; page++) {
      const from = (page - first) * pageBytes;
      // A copy, as a view would keep its neighbours' bytes as well.
      const ofPage = end - first === 1 ? bytes : bytes.slice(from, from + pageBytes);
      this.pages.set(page, source.open(ofPage, page * pageRows));
    }
  }
}

/** Pages `first` … `end`. */
interface Run {
  readonly first: number;
  readonly end: number;
}

/** Neighbours together. */
function runsOf(pages: readonly number[]): Run[] {
  const runs: Run[] = [];
  for (const page of pages) {
    const last = runs.at(-1);
    if (last && last.end === page && page - last.first < RUN) {
      runs[runs.length - 1] = { first: last.first, end: page + 1 };
    } else runs.push({ first: page, end: page + 1 });
  }
  return runs;
}
