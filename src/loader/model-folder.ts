import { type EncoderConfig, parseConfig } from '../encoder/config.ts';
import { SternaError } from '../errors.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { Precision, Task } from '../types.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { isRecord, type ModelFiles, parseJson, quote, readAll, readJson } from './files.ts';
import type { ModelCheck } from './pack/golden.ts';

/** A model whose files are open: their small parts read and checked, the weights not read yet. */
export interface ModelFolder {
  /** Name of the model. */
  readonly name: string;
  readonly config: EncoderConfig;
  readonly checkpoint: Checkpoint;
  /** The bytes of tokenizer.json, where there is one. */
  readonly tokenizer?: Uint8Array;
  /** Reads the tokenizer where it is stored in another form. */
  readonly readTokenizer?: () => Promise<Tokenizer>;
  /** What is put before a text. */
  readonly prompts: Readonly<Record<Task, string>>;
  /** What tells this model from others, where that is known without looking at its weights. */
  readonly revision?: string;
  /** The number type that the weights are stored in, where they were converted. */
  readonly precision?: Precision;
  /** Compares vectors with those that are known of the model. */
  readonly check?: ModelCheck;
  /** What happened on the way that is worth knowing. */
  readonly notes?: readonly string[];
  /** Brings what is not needed yet, so that the model works without a connection; absent where all is here. */
  readonly complete?: (stop: AbortSignal) => Promise<void>;
}

/** What both published models put before texts, for folders that do not say. */
const FAMILY_PROMPTS: Readonly<Record<Task, string>> = { query: 'query: ', document: '' };

const PROMPTS = 'config_sentence_transformers.json';
const TOKENIZER = 'tokenizer.json';

/**
 * Opens a model: the configuration first, then its other files side by side.
 *
 * @param onConfig - told of the shape as soon as it is known.
 * @throws SternaError `model-not-found`, `network`, `corrupt-file`, `unsupported-model`, `missing-tensor`.
 */
export async function openModel(
  files: ModelFiles,
  onConfig?: (config: EncoderConfig) => void,
): Promise<ModelFolder> {
  const configFile = await files.open('config.json');
  if (!configFile) {
    throw new SternaError(
      'model-not-found',
      `There is no config.json in ${files.location}; needed: a folder with config.json, model.safetensors and tokenizer.json.`,
    );
  }
  const config = parseConfig(await readJson(configFile), configFile.name);
  onConfig?.(config);
  const [prompts, tokenizer, checkpoint] = await Promise.all([
    files.open(PROMPTS).then(async (file) => promptsOf(file && (await readAll(file)))),
    files.open(TOKENIZER).then((file) => file && readAll(file)),
    openCheckpoint(files),
  ]);
  return { name: files.label, config, checkpoint, tokenizer, prompts };
}

/**
 * What config_sentence_transformers.json puts before texts. It calls the document's prompt `document` or `passage`.
 *
 * @param bytes - the file's, where there is one.
 * @throws SternaError `corrupt-file`.
 */
export function promptsOf(bytes: Uint8Array | undefined): Readonly<Record<Task, string>> {
  if (!bytes) return FAMILY_PROMPTS;
  const json = parseJson(bytes, PROMPTS);
  if (!isRecord(json)) throw new SternaError('corrupt-file', `${PROMPTS} holds no JSON object.`);
  const prompts = json.prompts ?? {};
  if (!isRecord(prompts))
    throw new SternaError('corrupt-file', `${PROMPTS}: prompts is ${quote(prompts)}; needed: an object.`);
  const first = (names: readonly string[], fallback: string): string => {
    for (const name of names) {
      const prompt = prompts[name];
      if (typeof prompt === 'string') return prompt;
      if (prompt !== undefined && prompt !== null) {
        throw new SternaError(
          'corrupt-file',
          `${PROMPTS}: prompts.${name} is ${quote(prompt)}; needed: a string.`,
        );
      }
    }
    return fallback;
  };
  return {
    query: first(['query'], FAMILY_PROMPTS.query),
    document: first(['document', 'passage'], FAMILY_PROMPTS.document),
  };
}
