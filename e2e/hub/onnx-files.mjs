/** ONNX files around the graph: nodes first, then the weights by position, in the file or in a second one. */
import { fileOfSegments, segmentOf } from './hub-file.mjs';
import { encoderGraph, TYPES } from './onnx-graph.mjs';
import { bytes, integer, message, prefix } from './protobuf.mjs';
import { weightSegment } from './random-values.mjs';

/** Bytes of a tensor from which on it goes to the second file. */
const EXTERNAL_FROM = 1024;

/**
 * @typedef {object} OnnxSource
 * @property {'gte' | 'xlm-roberta'} family
 * @property {import('./tensors.mjs').Size} size
 * @property {readonly import('./random-values.mjs').RandomTensor[]} tensors - in the order of their definition.
 * @property {{ epsilon: number, theta: number, padId: number }} constants
 */

/**
 * An ONNX file.
 *
 * @param {string} name - path in the repository.
 * @param {OnnxSource} source
 * @param {{ half?: boolean, external?: boolean }} form - float16 in place of float32; large tensors in `${name}_data`.
 * @param {string} identity
 * @returns {Record<string, import('./hub-file.mjs').HubFile>} one file, or two, by path.
 */
export function onnxFiles(
  name,
  { family, size, tensors, constants },
  { half = false, external = false },
  identity,
) {
  const graph = encoderGraph(family, size, { ...constants, half });
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const dataName = `${name.slice(name.lastIndexOf('/') + 1)}_data`;
  const data = [];
  let dataLength = 0;
  const segments = [
    segmentOf(
      message(
        graph.nodes.map((node) => bytes(1, node)),
        bytes(2, 'main_graph'),
      ),
    ),
  ];
  const initialisers = [
    ...tensors
      .filter((tensor) => graph.named.has(tensor.name))
      .map((tensor) => ({ name: tensor.name, tensor })),
    ...graph.matrices.map(({ name, tensor }) => ({ name, tensor: byName.get(tensor), transposed: true })),
  ];
  for (const { name: initialiser, tensor, transposed = false } of initialisers) {
    const weights = weightSegment(tensor, { half, transposed });
    const { shape } = tensor;
    const fields = message(
      (transposed ? [...shape].reverse() : shape).map((one) => integer(1, one)),
      integer(2, half ? TYPES.half : TYPES.float),
      bytes(8, initialiser),
    );
    if (external && weights.length >= EXTERNAL_FROM) {
      const entries = { location: dataName, offset: dataLength, length: weights.length };
      segments.push(segmentOf(bytes(5, message(fields, externalFields(entries)))));
      data.push(weights);
      dataLength += weights.length;
    } else {
      const opening = message(fields, prefix(9, weights.length));
      segments.push(segmentOf(message(prefix(5, opening.length + weights.length), opening)), weights);
    }
  }
  segments.push(segmentOf(interfaceFields(size.hidden, half ? graph.products : [])));

  const length = segments.reduce((sum, segment) => sum + segment.length, 0);
  const opening = message(integer(1, 7), bytes(2, 'pytorch'), bytes(3, '2.4.1'), prefix(7, length));
  const whole = [segmentOf(opening), ...segments, segmentOf(bytes(8, integer(2, 14)))];
  const files = { [name]: fileOfSegments(name, whole, `${identity}/${name}`) };
  if (external) files[`${name}_data`] = fileOfSegments(`${name}_data`, data, `${identity}/${name}_data`);
  return files;
}

function externalFields(entries) {
  const pairs = Object.entries(entries).map(([key, value]) =>
    bytes(13, message(bytes(1, key), bytes(2, String(value)))),
  );
  return message(pairs, integer(14, 1));
}

/** Inputs and outputs, and what converters to float16 note of products. */
function interfaceFields(hidden, products) {
  const rows = ['batch_size', 'sequence_length'];
  return message(
    ['input_ids', 'attention_mask'].map((name) => bytes(11, valueInfo(name, TYPES.int64, rows))),
    bytes(12, valueInfo('token_embeddings', TYPES.float, [...rows, hidden])),
    bytes(12, valueInfo('sentence_embedding', TYPES.float, ['batch_size', hidden])),
    products.map(({ name, width }) => bytes(13, valueInfo(name, TYPES.half, [...rows, width]))),
  );
}

function valueInfo(name, type, dimensions) {
  const shape = dimensions.map((size) =>
    bytes(1, typeof size === 'string' ? bytes(2, size) : integer(1, size)),
  );
  return message(bytes(1, name), bytes(2, bytes(1, message(integer(1, type), bytes(2, message(shape))))));
}
