/**
 * A folder that an index has for itself. Files are read and written at once, without promises: a search reads dozens of small
 * pieces, and a promise for each would take longer than all of them.
 */
export interface IndexFolder {
  /** Whether what is written is still there after the page is closed. */
  readonly lasting: boolean;
  /** In words, for messages. */
  readonly location: string;
  /**
   * Opens a file. One of a name is open at a time.
   *
   * @returns nothing where there is no such file and none is to be made.
   * @throws SternaError `storage`, `storage-full`.
   */
  open(name: string, options?: { readonly create?: boolean }): Promise<IndexFile | undefined>;
  /** Removes a file that is not open, if it is there. */
  remove(name: string): Promise<void>;
  /** The names of its files. */
  names(): Promise<string[]>;
}

/** An open file. */
export interface IndexFile {
  readonly size: number;
  /**
   * Fills `into` with the bytes from `start` on.
   *
   * @throws SternaError `corrupt-file` where the file ends before, `storage`.
   */
  read(start: number, into: Uint8Array): void;
  /** @throws SternaError `storage-full`, `storage`. */
  write(at: number, bytes: Uint8Array): void;
  /** Cuts the file to `size` bytes. */
  truncate(size: number): void;
  /** Settles when all that was written would survive a power cut, as far as the platform promises it. */
  flush(): Promise<void>;
  close(): void;
}
