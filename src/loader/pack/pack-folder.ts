import { type EncoderConfig, parseConfig } from '../../encoder/config.ts';
import { WORDS } from '../../encoder/parts.ts';
import { SternaError } from '../../errors.ts';
import { tokenizerFromBytes } from '../../text/artifact.ts';
import { type Checkpoint, FileCheckpoint } from '../checkpoint.ts';
import { type ModelFile, readAll } from '../files.ts';
import type { ModelFolder } from '../model-folder.ts';
import { readHeader, type TensorInfo } from '../safetensors.ts';
import { goldenCheck } from './golden.ts';
import { MANIFEST, type Manifest } from './manifest.ts';

/** Opens files of a pack, by their names. */
export type OpenPackFile = (name: string) => Promise<ModelFile>;

/**
 * Opens a pack.
 *
 * @param onDemand - whether its files come from afar.
 * @throws SternaError `corrupt-file`, `unsupported-model`; as `open` says.
 */
export async function openPack(
  manifest: Manifest,
  open: OpenPackFile,
  onDemand = false,
): Promise<ModelFolder> {
  const config = parseConfig(manifest.config, MANIFEST);
  const { model: name, prompts, revision, precision, golden, tokenizer } = manifest;
  return {
    name,
    config,
    prompts,
    revision,
    precision,
    check: goldenCheck(name, golden, config, precision),
    checkpoint: { ...(await openWeights(manifest, config, open)), onDemand },
    readTokenizer:
      tokenizer === undefined
        ? undefined
        : async () => tokenizerFromBytes(await readAll(await open(tokenizer)), tokenizer),
  };
}

async function openWeights(
  manifest: Manifest,
  config: EncoderConfig,
  open: OpenPackFile,
): Promise<Checkpoint> {
  const tensors = new Map<string, TensorInfo>();
  const files = new Map<string, ModelFile>();
  for (const name of manifest.layers) {
    const file = await open(name);
    files.set(name, file);
    for (const tensor of await readHeader(file)) tensors.set(tensor.name, tensor);
  }
  const layers = new FileCheckpoint(tensors, files);
  const words = await WordTable.open(manifest, config, open);
  return {
    tensors: new Map([...tensors, [WORDS, words.info]]),
    read: (name) => (name === WORDS ? words.read(0, config.vocabularySize) : layers.read(name)),
    readRows: (name, first, end) =>
      name === WORDS ? words.read(first, end) : layers.readRows(name, first, end),
  };
}

/** The word table of a pack, by rows in several files. */
class WordTable {
  private constructor(
    /** As if it were in one file. */
    readonly info: TensorInfo,
    private readonly rowBytes: number,
    private readonly shards: readonly { file: ModelFile; first: number; end: number; start: number }[],
  ) {}

  static async open(
    { words, files, precision }: Manifest,
    { vocabularySize: rows, hiddenSize }: EncoderConfig,
    open: OpenPackFile,
  ): Promise<WordTable> {
    const dtype = { f32: 'F32', f16: 'F16', q8: 'U8', q4: 'U8' }[precision];
    const columns = { f32: hiddenSize, f16: hiddenSize, q8: 2 + hiddenSize, q4: 2 + hiddenSize / 2 }[
      precision
    ];
    const rowBytes = columns * { f32: 4, f16: 2, q8: 1, q4: 1 }[precision];
    let first = 0;
    const shards = [];
    for (const { file, rows: height } of words) {
      const { start, size } = files.get(file)!;
      if (start + height * rowBytes !== size) {
        throw new SternaError(
          'corrupt-file',
          `${MANIFEST} says that ${file} has ${height} rows from byte ${start} on and ${size} bytes; needed for rows of ${rowBytes}: ${start + height * rowBytes}.`,
        );
      }
      shards.push({ file: await open(file), first, end: first + height, start });
      first += height;
    }
    if (first !== rows) {
      throw new SternaError(
        'corrupt-file',
        `${MANIFEST} has ${first} rows of the word table; needed by its config: ${rows}.`,
      );
    }
    const [{ file }] = words;
    const info = { name: WORDS, file, dtype, shape: [rows, columns], start: 0, end: rows * rowBytes };
    return new WordTable(info, rowBytes, shards);
  }

  async read(first: number, end: number): Promise<Uint8Array> {
    const { rowBytes } = this;
    const parts = this.shards.filter((shard) => shard.first < end && shard.end > first);
    const pieces = parts.map(({ file, start, ...shard }) => {
      const [from, to] = [Math.max(first, shard.first), Math.min(end, shard.end)];
      return file.read(start + (from - shard.first) * rowBytes, start + (to - shard.first) * rowBytes);
    });
    if (pieces.length === 1) return pieces[0];
    const bytes = new Uint8Array((end - first) * rowBytes);
    let at = 0;
    for (const piece of await Promise.all(pieces)) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }
}
