import { SternaError } from '../../errors.ts';
import type { ByteStream } from '../byte-stream.ts';
import type { IncomingTensor, IncomingWeights } from '../incoming.ts';
import { Initialiser } from './initialiser.ts';
import { readNode } from './node.ts';
import { damaged, notUnderstood } from './refusals.ts';
import { notAState, type ReaderState, readState, writeState } from './state.ts';
import { type Source, WeightMatcher } from './weight-matcher.ts';
import { type Field, Wire, WireType } from './wire.ts';

/** Field of ModelProto, and fields of GraphProto. */
const GRAPH = 7;
const NODE = 1;
const INITIALISER = 5;

/** Limits of what a file may make the reader do; a model of 24 layers has 3,000 nodes and 400 initialisers. */
const MOST_NODES = 100_000;
const MOST_INITIALISERS = 100_000;

/** Weights that a message names. */
const NAMED = 3;

/** The weights of an ONNX file, as {@link onnxWeights} describes them. */
export class OnnxReader implements IncomingWeights {
  readonly tensors: AsyncGenerator<IncomingTensor>;
  private readonly wire: Wire;
  private readonly matcher: WeightMatcher;
  private sources: Map<string, Source> | undefined;
  private readonly taken = new Set<string>();
  private nodes = 0;
  private initialisers = 0;
  private graphEnd: number | undefined;
  private last: Pick<ReaderState, 'tensor' | 'position' | 'tensorEnd'> | undefined;

  constructor(
    readonly stream: ByteStream,
    private readonly needed: ReadonlyMap<string, readonly number[]>,
    resume?: string,
  ) {
    this.wire = new Wire(stream);
    this.matcher = new WeightMatcher(stream.name, needed);
    const state = resume === undefined ? undefined : readState(resume, needed);
    if (state && !fits(state, stream)) throw notAState();
    this.tensors = this.read(state);
  }

  state(): string | undefined {
    const { last, graphEnd, sources, taken } = this;
    if (!last || graphEnd === undefined || !sources) return undefined;
    return writeState({ ...last, graphEnd, sources, taken }, this.needed);
  }

  private async *read(state: ReaderState | undefined): AsyncGenerator<IncomingTensor> {
    const { name, size } = this.stream;
    if (state) yield* this.goOn(state);
    while (this.wire.position < size) {
      const field = await this.wire.field(size);
      if (field.number === GRAPH) {
        if (this.graphEnd !== undefined) throw damaged(name, 'it has two graphs');
        this.graphEnd = this.endOf(field);
        yield* this.graph(field.end);
      }
      await this.wire.skipTo(field.end);
    }
    if (this.graphEnd === undefined) throw damaged(name, 'it has no graph');
    this.checkComplete();
  }

  /** The tensor that was handed out last, once more, and what follows it in the graph. */
  private async *goOn({ graphEnd, sources, taken, ...last }: ReaderState): AsyncGenerator<IncomingTensor> {
    this.graphEnd = graphEnd;
    this.sources = new Map(sources);
    for (const weight of taken) this.taken.add(weight);
    this.last = last;
    yield last.tensor;
    await this.leave(last.tensorEnd);
    yield* this.graph(graphEnd);
  }

  private async *graph(end: number): AsyncGenerator<IncomingTensor> {
    const { wire } = this;
    while (wire.position < end) {
      const field = await wire.field(end);
      if (field.number === NODE) await this.node(this.endOf(field));
      else if (field.number === INITIALISER) yield* this.initialiser(this.endOf(field));
      await wire.skipTo(field.end);
    }
  }

  private async node(end: number): Promise<void> {
    const { name } = this.stream;
    if (this.sources)
      throw notUnderstood(name, 'nodes come after its initialisers; needed: all nodes before');
    if (++this.nodes > MOST_NODES) throw notUnderstood(name, `it has more than ${MOST_NODES} nodes`);
    this.matcher.add(await readNode(this.wire, end));
  }

  private async *initialiser(end: number): AsyncGenerator<IncomingTensor> {
    const { wire } = this;
    const { name } = this.stream;
    this.sources ??= this.matcher.sources();
    if (++this.initialisers > MOST_INITIALISERS)
      throw notUnderstood(name, `it has more than ${MOST_INITIALISERS} initialisers`);
    const tensor = new Initialiser(name);
    while (wire.position < end) {
      const field = await wire.field(end);
      await tensor.take(wire, field);
      const source = this.sourceOf(tensor.name);
      if (source && field.type === WireType.bytes && tensor.hasNumbersIn(field, this.rankOf(source))) {
        yield* this.handOut(tensor, source, end);
        return;
      }
      await wire.skipTo(field.end);
    }
    const source = this.sourceOf(tensor.name);
    if (source) yield* this.handOut(tensor, source, end);
  }

  private async *handOut(tensor: Initialiser, source: Source, end: number): AsyncGenerator<IncomingTensor> {
    const { weight } = source;
    const { name, position } = this.stream;
    this.checkOnlyOne(weight, tensor.name);
    const incoming = tensor.asWeight(source, this.needed.get(weight)!);
    // The stream does not go back.
    if (incoming.file === name && incoming.start !== position) {
      throw notUnderstood(
        name,
        `the numbers of initialiser ${tensor.name} come before what describes them; needed: its dimensions, type and name first, as they are before raw_data`,
      );
    }
    this.taken.add(weight);
    this.last = { tensor: incoming, position, tensorEnd: end };
    yield incoming;
    await this.leave(end);
  }

  private checkOnlyOne(weight: string, initialiser: string): void {
    const { name } = this.stream;
    if (this.taken.has(weight))
      throw notUnderstood(name, `${weight} comes twice, the second time as ${initialiser}`);
    for (const [other, source] of this.sources ?? []) {
      if (source.weight === weight && other !== initialiser)
        throw notUnderstood(name, `${weight} may be ${other} or ${initialiser}; needed: one of one`);
    }
  }

  /** Goes past the rest of a tensor, of which the consumer may have read the numbers. */
  private async leave(end: number): Promise<void> {
    const { position } = this.wire;
    if (position > end) {
      throw new SternaError(
        'invalid-input',
        `${position - end} bytes too many were read from the stream of ${this.stream.name}; needed: those of the tensor, or none.`,
      );
    }
    await this.wire.skipTo(end);
  }

  /** Which needed weight an initialiser is; nothing for those that nobody needs. */
  private sourceOf(name: string): Source | undefined {
    const known = this.sources?.get(name);
    if (known) return known;
    const weight = this.matcher.weightNamed(name);
    return weight === undefined ? undefined : { weight, transposed: false };
  }

  private rankOf({ weight }: Source): number {
    return this.needed.get(weight)!.length;
  }

  private endOf({ type, end, start }: Field): number {
    if (type === WireType.bytes) return end;
    throw damaged(this.stream.name, `a number is where a message belongs, at byte ${start}`);
  }

  private checkComplete(): void {
    const missing = [...this.needed.keys()].filter((name) => !this.taken.has(name));
    if (missing.length === 0) return;
    const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '';
    throw new SternaError(
      'missing-tensor',
      `${this.stream.name} has no ${missing.slice(0, NAMED).join(', ')}${more}; it has ${this.taken.size} of ${this.needed.size} weights. The file and config.json belong to different models, or the file is not a whole encoder.`,
    );
  }
}

/** A state fits at the tensor that it is about: where that was handed out, or further on in it. */
function fits({ position, tensorEnd, graphEnd }: ReaderState, stream: ByteStream): boolean {
  return (
    position <= stream.position &&
    stream.position <= tensorEnd &&
    tensorEnd <= graphEnd &&
    graphEnd <= stream.size
  );
}
