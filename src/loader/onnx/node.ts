import { type Field, type Wire, WireType } from './wire.ts';

/** A node of a graph: an operator with the names of what goes in and out. */
export interface GraphNode {
  readonly operator: string;
  /** Whose operator it is; empty for those of the standard. */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Numbers of the attributes that are numbers or lists of integers, of which the first few. */
  readonly attributes: ReadonlyMap<string, readonly number[]>;
}

/** Fields of NodeProto and AttributeProto. */
const NODE = { input: 1, output: 2, name: 3, operator: 4, attribute: 5, domain: 7 };
const ATTRIBUTE = { name: 1, float: 2, integer: 3, integers: 8 };

/** Dimensions of the largest permutation that matters, and some. */
const MOST_INTEGERS = 8;

/** What is read at once of a node. Most are smaller; those that are not carry a table, which is skipped. */
const AT_ONCE = 4096;

/** Reads the NodeProto that ends at `end`. Tensors and graphs within it are skipped. */
export async function readNode(wire: Wire, end: number): Promise<GraphNode> {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, readonly number[]>();
  let [operator, domain, name] = ['', '', ''];
  await wire.fetch(Math.min(AT_ONCE, end - wire.position));
  while (wire.position < end) {
    const field = await wire.field(end);
    if (field.number === NODE.input) inputs.push(await wire.string(field));
    else if (field.number === NODE.output) outputs.push(await wire.string(field));
    else if (field.number === NODE.name) name = await wire.string(field);
    else if (field.number === NODE.operator) operator = await wire.string(field);
    else if (field.number === NODE.domain) domain = await wire.string(field);
    else if (field.number === NODE.attribute) await readAttribute(wire, field, attributes);
    await wire.skipTo(field.end);
  }
  return { operator, domain, name, inputs, outputs, attributes };
}

async function readAttribute(
  wire: Wire,
  { end }: Field,
  into: Map<string, readonly number[]>,
): Promise<void> {
  const numbers: number[] = [];
  let name = '';
  while (wire.position < end) {
    const field = await wire.field(end);
    if (field.number === ATTRIBUTE.name) name = await wire.string(field);
    else if (field.number === ATTRIBUTE.integer || field.number === ATTRIBUTE.integers)
      await wire.integers(field, numbers, MOST_INTEGERS);
    else if (field.number === ATTRIBUTE.float && field.type === WireType.fixed32)
      numbers.push(await wire.float());
    await wire.skipTo(field.end);
  }
  if (numbers.length > 0) into.set(name, numbers);
}
