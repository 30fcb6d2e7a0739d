import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { prefixOf } from '../../encoder/parts.ts';
import { SternaError } from '../../errors.ts';
import { readAll } from '../../loader/files.ts';
import { fingerprintOf } from '../../loader/fingerprint.ts';
import { manifestOf, openFromLibrary, TOKENIZER } from '../../loader/library.ts';
import { type ModelFolder, openModel } from '../../loader/model-folder.ts';
import { nanoSource } from '../../loader/nano.ts';
import { convertCheckpoint } from '../../loader/pack/convert-checkpoint.ts';
import { type GoldenText, MANIFEST, type Manifest, parseManifest } from '../../loader/pack/manifest.ts';
import { sealPack } from '../../loader/pack/seal.ts';
import { writeWhole } from '../../loader/storage/storage.ts';
import { type PruningLoss, Tokenizer, tokenizerToBytes } from '../../text/index.ts';
import type { LoadProgress, Precision } from '../../types.ts';
import { nodeFiles } from '../files.ts';
import { FolderStorage } from '../folder-storage.ts';
import { Embedder } from '../index.ts';
import { UsageError } from '../json-lines.ts';
import { remoteSource } from '../open-source.ts';
import { pruneModel } from '../pruned-model.ts';

/** What `sterna convert` was told. */
export interface ConvertCommand {
  readonly model: string;
  readonly precision: Precision;
  readonly output: string;
  /** Files with sample texts, one a line: words that none of them needs are left out. */
  readonly languages: readonly string[];
  /** Of a repository. */
  readonly revision?: string;
  /** A mirror of the hub. */
  readonly baseUrl?: string;
  readonly onProgress: (progress: LoadProgress) => void;
}

/** What was made. */
export interface Converted {
  readonly bytes: number;
  readonly files: number;
  /** Rows of the word table. */
  readonly words: number;
  readonly loss?: PruningLoss;
}

/** Texts of which a pack knows the vectors: of frequent words, as each of another page would have to be downloaded for the check. */
const GOLDEN_TEXTS = ['What is this?', 'Das ist gut.'];
/** Features of a vector that are written down: a wrong model is off in all of them. */
const GOLDEN_FEATURES = 64;

/** Makes a pack of a model: weights in a precision, the tokenizer as few bytes, hashes of every chunk, and known vectors. */
export async function convert(command: ConvertCommand): Promise<Converted> {
  const storage = await FolderStorage.at(resolve(command.output));
  const remote = command.model === 'nano' ? undefined : remoteSource(command.model, command);
  if (remote && command.languages.length > 0) {
    throw new UsageError(
      `--languages needs a model on this disk, and ${command.model} is not; download its folder first.`,
    );
  }
  const made = remote
    ? await convertRemote(remote.folder, command, storage)
    : await convertFolder(command, storage);
  const sealed = await sealPack(storage, made.manifest, made.golden);
  const sizes = [...sealed.files.values()].map(({ size }) => size);
  return {
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    files: sizes.length + 1,
    words: sealed.words.reduce((sum, { rows }) => sum + rows, 0),
    loss: made.loss,
  };
}

interface Unsealed {
  readonly manifest: Manifest;
  readonly golden: readonly GoldenText[];
  readonly loss?: PruningLoss;
}

/** A model behind an address, converted while it is downloaded; the same call again goes on where the last one broke off. */
async function convertRemote(
  folder: Parameters<typeof openFromLibrary>[0],
  { precision, onProgress }: ConvertCommand,
  storage: FolderStorage,
): Promise<Unsealed> {
  await openFromLibrary(folder, {
    precision,
    onProgress,
    storage: async () => storage,
    lock: (_, run) => run(),
  });
  const file = await storage.open(MANIFEST);
  return { manifest: parseManifest(await readAll(file!)), golden: folder.known?.golden ?? [] };
}

/** A model on this disk. */
async function convertFolder(command: ConvertCommand, storage: FolderStorage): Promise<Unsealed> {
  const { precision, onProgress } = command;
  const source = command.model === 'nano' ? nanoSource() : command.model;
  const files = nodeFiles(source, command.model === 'nano' ? { name: 'nano' } : {});
  const model = await openModel(files);
  const config = await readAll((await files.open('config.json'))!);
  const original = { ...model, json: JSON.parse(new TextDecoder().decode(config)), loss: undefined };
  const { prompts, name } = model;
  const { checkpoint, json, tokenizer, loss, ...shape } =
    command.languages.length > 0
      ? pruneModel(
          {
            tokenizer: needTokenizer(model),
            config,
            checkpoint: model.checkpoint,
            prefix: prefixOf(model.checkpoint.tensors),
            prompts: model.prompts,
          },
          await linesOf(command.languages),
        )
      : original;
  const tell = (loaded: number, total: number) => onProgress({ phase: 'verify', item: name, loaded, total });
  const layout = await convertCheckpoint(checkpoint, shape.config, precision, storage, { onProgress: tell });
  // A model that was pruned has the vectors of the whole one, so it may be compared with it.
  const revision = await fingerprintOf(model);
  const draft = manifestOf(layout, { model: name, revision, precision, config: json, prompts });
  const artifact = tokenizer && (await tokenizerToBytes(tokenizer));
  const all = new Map(draft.files);
  if (artifact) {
    await writeWhole(storage, TOKENIZER, artifact);
    all.set(TOKENIZER, { size: artifact.length, start: 0, chunk: artifact.length });
  }
  const manifest = { ...draft, files: all, tokenizer: artifact && TOKENIZER };
  return {
    manifest,
    golden: await goldenOf(command.model, tokenizer, shape.config.vocabularySize, model),
    loss,
  };
}

/** Vectors in full precision, by the model that is converted, of texts as the pack will read them. */
async function goldenOf(
  source: string,
  tokenizer: Uint8Array | undefined,
  vocabularySize: number,
  original: ModelFolder,
): Promise<GoldenText[]> {
  // Ids of a pruned model are not those of the whole one.
  if (!tokenizer || vocabularySize !== original.config.vocabularySize) return [];
  await using embedder = await Embedder.create({ model: source, device: 'wasm', precision: 'f32' });
  const reader = Tokenizer.fromJSON(tokenizer);
  const ids = GOLDEN_TEXTS.map((text) => [...reader.encode(text).ids]);
  const { embeddings } = await embedder.embed(ids);
  return embeddings.map(({ values }, i) => ({
    ids: ids[i],
    vector: [...values.subarray(0, GOLDEN_FEATURES)].map((value) => Number(value.toPrecision(6))),
  }));
}

function needTokenizer({ tokenizer, name }: ModelFolder): Uint8Array {
  if (tokenizer) return tokenizer;
  throw new SternaError('no-tokenizer', `${name} has no tokenizer.json; needed for --languages.`);
}

async function linesOf(files: readonly string[]): Promise<string[]> {
  const texts = await Promise.all(
    files.map((file) =>
      readFile(file, 'utf8').catch((error) => {
        throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
      }),
    ),
  );
  return texts.flatMap((text) => text.split(/\r?\n/)).filter((line) => line.trim() !== '');
}
