import { crc32 } from '../../crc32.ts';
import { Column } from './column.ts';
import { corrupt, type DirectoryEntry, readDirectory } from './columns-layout.ts';
import type { MetadataSource, ValueTest } from './source.ts';

export { buildColumns, columnsOf } from './write-columns.ts';

/** Metadata of the documents of a segment, one column a field, read in place. A column is checked as a whole when it is first asked for. */
export class MetadataColumns implements MetadataSource {
  private readonly columns = new Map<string, Column>();
  private readonly entries: ReadonlyMap<string, DirectoryEntry>;

  private constructor(
    private readonly bytes: Uint8Array,
    private readonly name: string,
    readonly documents: number,
    fields: readonly DirectoryEntry[],
  ) {
    this.entries = new Map(fields.map((field) => [field.name, field]));
  }

  /**
   * @param bytes - of `buildColumns`; kept, and copied only where they do not begin at a multiple of 8 in their buffer.
   * @param name - of the file, for messages.
   * @throws SternaError `corrupt-file`.
   */
  static from(bytes: Uint8Array, name = 'the metadata'): MetadataColumns {
    const { documents, fields } = readDirectory(bytes, name);
    return new MetadataColumns(bytes.byteOffset % 8 === 0 ? bytes : bytes.slice(), name, documents, fields);
  }

  /** Names of the fields of which some document has a value. */
  get fields(): string[] {
    return [...this.entries.keys()];
  }

  /** @throws SternaError `corrupt-file` where the column is damaged. */
  match(field: string, test: ValueTest, into: Uint32Array): void {
    this.column(field)?.match(test, into);
  }

  private column(field: string): Column | undefined {
    const known = this.columns.get(field);
    const entry = this.entries.get(field);
    if (known || !entry) return known;
    const bytes = this.bytes.subarray(entry.start, entry.end);
    if (crc32(bytes) !== entry.checksum) throw corrupt(this.name, 'the checksum of a column does not match');
    const column = Column.from(bytes, this.documents, this.name);
    this.columns.set(field, column);
    return column;
  }
}
