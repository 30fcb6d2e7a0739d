import { PREFIXES } from '../../encoder/parts.ts';
import type { GraphNode } from './node.ts';
import { notUnderstood } from './refusals.ts';

/** Which weight an initialiser is. */
export interface Source {
  /** Name in the checkpoint, without a prefix. */
  readonly weight: string;
  /** Whether the initialiser is the transposed matrix, `[in, out]`. */
  readonly transposed: boolean;
}

/** A value under the name that it had before casts and transpositions. */
interface Origin {
  readonly name: string;
  readonly transposed: boolean;
}

/** A matrix product or a lookup, with the weights that its matrix may be. */
interface Use {
  readonly origin: Origin;
  readonly weights: Set<string>;
}

/** Operators over quantised weights, for the message. */
const QUANTISED = /Integer|^QLinear|NBits|Bnb4|DequantizeLinear|Quantized|Quantize/;

/** Weights that a message names. */
const NAMED = 3;

/**
 * Finds out which initialiser is which weight, from the nodes of a graph.
 *
 * Exporters keep the names of vectors and tables, and turn the matrices of projections round and call them `onnx::MatMul_1234`. What such
 * a matrix is can be told by the name of the product, which is the path of the module (`/encoder/layer.0/intermediate/dense/MatMul`),
 * by the bias that is added to it, and sometimes by its own name. All that is said has to agree. How it lies is told by the operator: MatMul
 * takes `[in, out]`, Gemm takes that or `[out, in]`, and a table in Gather is as it is in the checkpoint.
 */
export class WeightMatcher {
  /** Outputs of casts and transpositions. */
  private readonly origins = new Map<string, Origin>();
  /** The operator that makes a value. */
  private readonly producers = new Map<string, string>();
  private readonly uses: Use[] = [];
  /** Products by the name of their output. */
  private readonly products = new Map<string, Use>();
  /** Vectors that have another name in the file. */
  private readonly renamed: [weight: string, initialiser: string][] = [];
  private quantised = '';

  constructor(
    private readonly file: string,
    private readonly needed: ReadonlyMap<string, readonly number[]>,
  ) {}

  /** The needed weight of this name, which may have a prefix. */
  weightNamed(name: string): string | undefined {
    const prefix = PREFIXES.find((one) => name.startsWith(one) && this.needed.has(name.slice(one.length)));
    return prefix === undefined ? undefined : name.slice(prefix.length);
  }

  /** Takes in the next node. A node comes after those that it gets its inputs from. */
  add(node: GraphNode): void {
    const { operator, domain, inputs, outputs, attributes } = node;
    for (const output of outputs) this.producers.set(output, operator);
    if (!this.quantised && QUANTISED.test(operator)) this.quantised = operator;
    if (domain !== '' && domain !== 'ai.onnx') return;
    const [first, second, third] = inputs;
    const numberOf = (attribute: string) => attributes.get(attribute)?.[0] ?? 0;
    if (operator === 'Cast' || operator === 'Identity') this.alias(node, false);
    else if (operator === 'Transpose' && isTransposition(attributes.get('perm'))) this.alias(node, true);
    else if (operator === 'MatMul') this.product(node, second, true);
    else if (operator === 'Gemm' && isPlain(attributes))
      this.product(node, second, numberOf('transB') === 0, third);
    else if (operator === 'Gather' && numberOf('axis') === 0) this.use(node, first, false);
    else if (operator === 'Add') {
      this.bias(first, second);
      this.bias(second, first);
    }
  }

  /**
   * What the initialisers are, when all nodes are known. Vectors that go by their own names are left to {@link weightNamed}.
   *
   * @throws SternaError `unsupported-model` where a matrix is not found, or there are two candidates.
   */
  sources(): Map<string, Source> {
    const sources = new Map<string, Source>();
    const initialisers = new Map<string, string>();
    const claim = (weight: string, initialiser: string, transposed: boolean): void => {
      this.checkStored(weight, initialiser);
      const earlier = sources.get(initialiser);
      const own = this.weightNamed(initialiser) ?? weight;
      const other = initialisers.get(weight) ?? initialiser;
      if (other !== initialiser) throw this.ambiguous(`${weight} may be ${other} or ${initialiser}`);
      if (own !== weight) throw this.ambiguous(`${initialiser} may be ${own} or ${weight}`);
      if (earlier && earlier.weight !== weight)
        throw this.ambiguous(`${initialiser} may be ${earlier.weight} or ${weight}`);
      if (earlier && earlier.transposed !== transposed)
        throw this.ambiguous(`${initialiser} is used both as it is and transposed`);
      sources.set(initialiser, { weight, transposed });
      initialisers.set(weight, initialiser);
    };
    for (const { origin, weights } of this.uses) {
      const [weight, ...others] = weights;
      if (others.length > 0) throw this.ambiguous(`${origin.name} may be ${weight} or ${others[0]}`);
      if (weight !== undefined) claim(weight, origin.name, origin.transposed);
    }
    for (const [weight, initialiser] of this.renamed) claim(weight, initialiser, false);
    this.checkMatrices(initialisers);
    return sources;
  }

  private alias({ inputs, outputs }: GraphNode, isTransposed: boolean): void {
    if (inputs.length === 0 || outputs.length === 0) return;
    const origin = this.originOf(inputs[0], isTransposed);
    this.origins.set(outputs[0], origin);
    const weight = this.weightNamed(outputs[0]);
    if (weight !== undefined && !this.isMatrix(weight)) this.renamed.push([weight, origin.name]);
  }

  private product(node: GraphNode, matrix: string | undefined, transposed: boolean, bias?: string): void {
    const use = this.use(node, matrix, transposed);
    if (!use || node.outputs.length === 0) return;
    this.products.set(node.outputs[0], use);
    this.bias(node.outputs[0], bias);
  }

  private use(node: GraphNode, matrix: string | undefined, transposed: boolean): Use | undefined {
    if (matrix === undefined) return undefined;
    const use: Use = { origin: this.originOf(matrix, transposed), weights: new Set() };
    this.vote(use, matrix);
    this.vote(use, use.origin.name);
    this.vote(use, `${modulePath(node)}.weight`);
    this.uses.push(use);
    return use;
  }

  /** A bias that is added to a product tells whose product it is. */
  private bias(product: string | undefined, bias: string | undefined): void {
    if (product === undefined || bias === undefined) return;
    const use = this.products.get(this.originOf(product, false).name);
    const { name } = this.originOf(bias, false);
    if (use && name.endsWith('.bias')) this.vote(use, `${name.slice(0, -'bias'.length)}weight`);
  }

  private vote(use: Use, name: string): void {
    const weight = this.weightNamed(name);
    if (weight !== undefined && this.isMatrix(weight)) use.weights.add(weight);
  }

  private originOf(name: string, isTransposed: boolean): Origin {
    const earlier = this.origins.get(name) ?? { name, transposed: false };
    return { name: earlier.name, transposed: earlier.transposed !== isTransposed };
  }

  private isMatrix(weight: string): boolean {
    return this.needed.get(weight)!.length === 2;
  }

  /** A weight that comes out of a node is not among the initialisers. */
  private checkStored(weight: string, name: string): void {
    const producer = this.producers.get(name);
    if (producer === undefined) return;
    if (this.quantised) throw this.quantisedWeights();
    throw notUnderstood(
      this.file,
      `${weight} comes out of a node ${producer}; needed: an initialiser, perhaps behind Cast, Identity or Transpose`,
    );
  }

  private checkMatrices(found: ReadonlyMap<string, string>): void {
    const missing = [...this.needed.keys()].filter((name) => this.isMatrix(name) && !found.has(name));
    if (missing.length === 0) return;
    if (this.quantised) throw this.quantisedWeights();
    const named = missing.slice(0, NAMED).join(', ');
    const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '';
    throw notUnderstood(this.file, `no MatMul, Gemm or Gather before its initialisers takes ${named}${more}`);
  }

  private quantisedWeights() {
    return notUnderstood(
      this.file,
      `its weights are quantised (there is a node ${this.quantised}); needed: numbers in float32, float16 or bfloat16, which Sterna quantises itself`,
    );
  }

  private ambiguous(words: string) {
    return notUnderstood(this.file, `${words}; needed: one of one`);
  }
}

/** `/encoder/layer.0/intermediate/dense/MatMul` → `encoder.layer.0.intermediate.dense`. */
function modulePath({ name }: GraphNode): string {
  const parts = name.split('/');
  return parts.slice(parts[0] === '' ? 1 : 0, -1).join('.');
}

function isTransposition(permutation: readonly number[] | undefined): boolean {
  return permutation === undefined || permutation.join() === '1,0';
}

/** Whether a Gemm is x·W + b and nothing more. */
function isPlain(attributes: GraphNode['attributes']): boolean {
  const of = (name: string, otherwise: number) => attributes.get(name)?.[0] ?? otherwise;
  return of('transA', 0) === 0 && of('alpha', 1) === 1 && of('beta', 1) === 1;
}
