import { SternaError } from '../../errors.ts';
import { isRecord } from '../files.ts';
import type { IncomingTensor } from '../incoming.ts';
import type { Source } from './weight-matcher.ts';

/** How far the reading of a file has come: to a tensor that was handed out. */
export interface ReaderState {
  /** Where the stream was when the tensor was handed out. */
  readonly position: number;
  readonly tensor: IncomingTensor;
  /** Where the tensor's message ends, and the graph. */
  readonly tensorEnd: number;
  readonly graphEnd: number;
  /** Initialisers whose weights are known from the graph. */
  readonly sources: ReadonlyMap<string, Source>;
  /** Weights that have been handed out, this one included. */
  readonly taken: ReadonlySet<string>;
}

/** A state as text, 7 kB for a model of 24 layers: weights are numbered in the order of `needed`. */
export function writeState(state: ReaderState, needed: ReadonlyMap<string, readonly number[]>): string {
  const numbers = new Map([...needed.keys()].map((name, i) => [name, i]));
  const { tensor, sources, taken, ...places } = state;
  return JSON.stringify({
    ...places,
    tensor: { ...tensor, shape: undefined },
    needed: needed.size,
    sources: [...sources].map(([name, { weight, transposed }]) => [
      name,
      numbers.get(weight),
      Number(transposed),
    ]),
    taken: [...taken].map((name) => numbers.get(name)),
  });
}

/**
 * Reads what {@link writeState} has written, with the same `needed`.
 *
 * @throws SternaError `invalid-input` where it is anything else.
 */
export function readState(text: string, needed: ReadonlyMap<string, readonly number[]>): ReaderState {
  const state = parse(text);
  const names = [...needed.keys()];
  const nameOf = (number: unknown): string => {
    const name = typeof number === 'number' ? names[number] : undefined;
    if (name === undefined) throw notAState();
    return name;
  };
  const { tensor, sources, taken } = state;
  if (state.needed !== needed.size || !isRecord(tensor) || !Array.isArray(sources) || !Array.isArray(taken))
    throw notAState();
  const shape = needed.get(textOf(tensor.name));
  if (!shape) throw notAState();
  return {
    position: placeOf(state.position),
    tensorEnd: placeOf(state.tensorEnd),
    graphEnd: placeOf(state.graphEnd),
    tensor: {
      name: textOf(tensor.name),
      file: textOf(tensor.file),
      dtype: textOf(tensor.dtype),
      shape,
      transposed: tensor.transposed === true,
      start: placeOf(tensor.start),
      end: placeOf(tensor.end),
    },
    sources: new Map(
      sources.map((entry: unknown) => {
        if (!Array.isArray(entry)) throw notAState();
        return [textOf(entry[0]), { weight: nameOf(entry[1]), transposed: entry[2] === 1 }];
      }),
    ),
    taken: new Set(taken.map(nameOf)),
  };
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch {
    // Said below.
  }
  throw notAState();
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw notAState();
}

function placeOf(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw notAState();
}

/** What is thrown where reading is to go on from something else than a saved state of this model. */
export function notAState(): SternaError {
  return new SternaError(
    'invalid-input',
    'The saved state of an ONNX file does not belong to this model and this place in the file; needed: what state() gave. Read the file from its beginning.',
  );
}
