import type { EncoderConfig } from '../../encoder/config.ts';
import { allParts, partsOf } from '../../encoder/parts.ts';
import { transpose } from '../../encoder/transpose.ts';
import { SternaError } from '../../errors.ts';
import { release } from '../../release.ts';
import type { Precision } from '../../types.ts';
import type { ByteStream } from '../byte-stream.ts';
import type { IncomingTensor, IncomingWeights } from '../incoming.ts';
import { Sha256 } from '../sha256.ts';
import type { Storage } from '../storage/storage.ts';
import { Journal } from './journal.ts';
import type { PackLayout } from './layout.ts';
import { Packer } from './packer.ts';
import { rowBytesOf, SLAB, SlabNumbers, slabsOf } from './slab.ts';

/** A file of weights that can be read from front to back, from any place on. */
export interface WeightFile {
  readonly name: string;
  readonly size: number;
  /** Tells this version of the file from all others. */
  readonly identity: string;
  /** The SHA-256 that it must have, where that is known. */
  readonly sha256?: string;
  stream(position: number): ByteStream & { cancel?(): void };
  /** @param state - what {@link IncomingWeights.state} gave at the place where the stream begins. */
  weights(stream: ByteStream, state: string | undefined): Promise<IncomingWeights>;
}

export interface ConversionOptions {
  readonly signal?: AbortSignal;
  /** Told of the bytes of the file that are done. */
  readonly onProgress?: (loaded: number, total: number) => void;
}

/** Bytes after which it is noted down how far it has come. */
const NOTE_AFTER = 2 * SLAB;

/** The tensors that a model of this shape needs, with their shapes. */
export function neededTensors(config: EncoderConfig): Map<string, readonly number[]> {
  return new Map(
    allParts(partsOf(config)).flatMap(({ tensors, shape }) => tensors.map((name) => [name, shape])),
  );
}

/**
 * Converts a file of weights to the files of a pack, while it comes in: some rows at a time, so that memory holds no more of a model
 * than those. How far it has come is noted down in the storage, and another call with the same file goes on from there.
 *
 * @returns the layout of what is in the storage now.
 * @throws SternaError as the file and the storage say; `corrupt-file` where the whole has another SHA-256 than it should, and
 *   nothing of it is kept then.
 */
export async function convertWeights(
  file: WeightFile,
  config: EncoderConfig,
  precision: Precision,
  storage: Storage,
  options: ConversionOptions = {},
): Promise<PackLayout> {
  const journal = new Journal(storage);
  const of = [file.identity, file.sha256 ?? '', precision, JSON.stringify(config)].join(' ');
  const noted = await journal.read();
  const entry = noted?.of === of ? noted : undefined;
  const sha = Sha256.restore(entry?.sha ?? '');
  const begun = file.sha256 === undefined || sha ? entry : undefined;
  if (!begun) await journal.remove();
  const source = file.stream(begun?.position ?? 0);
  const stream = file.sha256 === undefined ? source : hashed(source, sha ?? new Sha256());
  const packer = new Packer(config, precision, storage);
  const conversion = new Conversion(file, stream, packer, journal, of, options);
  try {
    await conversion.run(await file.weights(stream, begun?.reader));
    await finish(file, stream, journal);
    await packer.flush();
    return packer.layout;
  } finally {
    source.cancel?.();
    conversion.release();
    await packer.close();
  }
}

class Conversion {
  private noted: number;
  // Used again by each slab.
  private bytes = new Uint8Array(0);
  private readonly numbers = new SlabNumbers();
  private turned = new Float32Array(0);

  constructor(
    private readonly file: WeightFile,
    private readonly stream: ByteStream & { save?(): string },
    private readonly packer: Packer,
    private readonly journal: Journal,
    private readonly of: string,
    private readonly options: ConversionOptions,
  ) {
    this.noted = stream.position;
  }

  async run(weights: IncomingWeights): Promise<void> {
    for await (const tensor of weights.tensors) {
      if (tensor.file !== this.stream.name) {
        throw new SternaError(
          'unsupported-model',
          `${this.file.name} has its tensor ${tensor.name} in ${tensor.file}; needed: a file that holds its weights.`,
        );
      }
      // After a break the reader begins with the tensor that was at hand, of which all may have been done.
      if (this.stream.position >= tensor.end) continue;
      if (tensor.transposed) await this.wholeTensor(tensor);
      else await this.rowsOf(tensor, weights);
      await this.note(weights);
    }
  }

  /** Gives back the memory of slabs. */
  release(): void {
    this.numbers.release();
    for (const room of [this.bytes, this.turned]) release(room);
  }

  /** A matrix that lies in the file by columns is turned as a whole. */
  private async wholeTensor(tensor: IncomingTensor): Promise<void> {
    const [rows, columns] = tensor.shape;
    const numbers = await this.next(tensor, 0, tensor.end - tensor.start);
    if (numbers.length > this.turned.length) this.turned = new Float32Array(numbers.length);
    const values = transpose(numbers, this.turned.subarray(0, numbers.length), columns, rows);
    await this.packer.write(tensor.name, 0, values);
  }

  private async rowsOf(tensor: IncomingTensor, weights: IncomingWeights): Promise<void> {
    const columns = tensor.shape.at(-1)!;
    const rowBytes = rowBytesOf(tensor);
    for (const { first, count } of slabsOf(tensor, (this.stream.position - tensor.start) / rowBytes)) {
      const values = await this.next(tensor, first * columns, count * rowBytes);
      await this.packer.write(tensor.name, first, values);
      await this.note(weights);
    }
  }

  /** The next numbers of a tensor, from the next bytes of the stream. @param first - how many of them came before. */
  private async next(tensor: IncomingTensor, first: number, byteCount: number): Promise<Float32Array> {
    const { signal, onProgress } = this.options;
    signal?.throwIfAborted();
    if (byteCount > this.bytes.length) this.bytes = new Uint8Array(byteCount);
    const values = this.numbers.of(await this.stream.read(byteCount, this.bytes), tensor, first);
    onProgress?.(this.stream.position, this.stream.size);
    return values;
  }

  /** Notes down, now and then, that all up to here is on the disk. */
  private async note(weights: IncomingWeights): Promise<void> {
    const { position } = this.stream;
    if (position - this.noted < NOTE_AFTER) return;
    await this.packer.flush();
    const [sha, reader] = [this.stream.save?.(), weights.state()];
    await this.journal.write({ of: this.of, position, sha, reader });
    this.noted = position;
  }
}

/** Checks the hash of the whole. */
async function finish(
  file: WeightFile,
  stream: ByteStream & { digest?(): string },
  journal: Journal,
): Promise<void> {
  if (stream.digest) {
    await stream.skip(stream.size - stream.position);
    const found = stream.digest();
    if (found !== file.sha256) {
      await journal.remove();
      throw new SternaError(
        'corrupt-file',
        `${file.name} is damaged somewhere in its bytes 0 to ${file.size}: its SHA-256 is ${found}; needed: ${file.sha256}. Load the model again, or get it from another place.`,
      );
    }
  }
}

/** A stream whose bytes are hashed as they go by, those that are skipped as well. */
function hashed(stream: ByteStream, sha: Sha256): ByteStream & { save(): string; digest(): string } {
  const read = async (count: number, room?: Uint8Array) => {
    const bytes = await stream.read(count, room);
    sha.update(bytes);
    return bytes;
  };
  return {
    name: stream.name,
    size: stream.size,
    get position() {
      return stream.position;
    },
    read,
    async skip(count) {
      for (let left = count; left > 0; left -= SLAB) await read(Math.min(SLAB, left));
    },
    save: () => sha.save(),
    digest: () => sha.digest(),
  };
}
