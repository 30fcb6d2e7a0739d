import type { IndexFile, IndexFolder } from '../../files/folder.ts';

/** What a slow folder takes its time for. */
export type SlowStep = 'make' | 'flush';

/** A folder that waits before it makes or flushes a file, so that whatever else can go on does. What is closed cannot be read. */
export class SlowFolder implements IndexFolder {
  readonly lasting: boolean;
  readonly location: string;

  /** @param wait - settles when the step may be done. */
  constructor(
    private readonly folder: IndexFolder,
    public wait: (name: string, step: SlowStep) => Promise<unknown> | undefined = () => undefined,
  ) {
    this.lasting = folder.lasting;
    this.location = folder.location;
  }

  async open(name: string, options?: { readonly create?: boolean }): Promise<IndexFile | undefined> {
    if (options?.create) await this.wait(name, 'make');
    const file = await this.folder.open(name, options);
    return file && new SlowFile(file, () => this.wait(name, 'flush'));
  }

  remove(name: string): Promise<void> {
    return this.folder.remove(name);
  }

  names(): Promise<string[]> {
    return this.folder.names();
  }
}

class SlowFile implements IndexFile {
  private isClosed = false;

  constructor(
    private readonly file: IndexFile,
    private readonly wait: () => Promise<unknown> | undefined,
  ) {}

  get size(): number {
    return this.file.size;
  }

  read(start: number, into: Uint8Array): void {
    if (this.isClosed) throw new Error('A file that is closed is read.');
    this.file.read(start, into);
  }

  write(at: number, bytes: Uint8Array): void {
    this.file.write(at, bytes);
  }

  truncate(size: number): void {
    this.file.truncate(size);
  }

  async flush(): Promise<void> {
    await this.wait();
    await this.file.flush();
  }

  close(): void {
    this.isClosed = true;
    this.file.close();
  }
}

/** Waits for some turns of the event loop. */
export async function turnsOfLoop(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A wait that lasts until it is told to end. */
export class Gate {
  /** Settles when somebody waits. */
  readonly reached: Promise<void>;
  private readonly passed: Promise<void>;
  private reach: () => void = () => {};
  private pass: () => void = () => {};

  constructor() {
    this.reached = new Promise((resolve) => {
      this.reach = resolve;
    });
    this.passed = new Promise((resolve) => {
      this.pass = resolve;
    });
  }

  wait(): Promise<void> {
    this.reach();
    return this.passed;
  }

  open(): void {
    this.pass();
  }
}
