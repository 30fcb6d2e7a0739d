import type { JsonPlace } from './json-place.ts';

/** What stands around one sequence or two: token ids, and the places of the sequences. */
export type Template = readonly (number | 'A' | 'B')[];

/** The special tokens around a text and around a pair of texts. */
export interface PostProcessor {
  readonly single: Template;
  readonly pair: Template;
}

/**
 * The `post_processor` of a tokenizer.json: a `TemplateProcessing`, or the fixed forms of RoBERTa and BERT.
 *
 * @throws SternaError `unsupported-model` for any other kind, `corrupt-file`.
 */
export function readPostProcessor(json: JsonPlace): PostProcessor {
  if (json.isAbsent) return { single: ['A'], pair: ['A', 'B'] };
  const type = json.field('type').string();
  if (type === 'TemplateProcessing') return readTemplates(json);
  if (type === 'RobertaProcessing' || type === 'BertProcessing') {
    const start = json.field('cls').item(1).id();
    const end = json.field('sep').item(1).id();
    const between = type === 'RobertaProcessing' ? [end, end] : [end];
    return { single: [start, 'A', end], pair: [start, 'A', ...between, 'B', end] };
  }
  return json.refuse('a post-processor of type TemplateProcessing, RobertaProcessing or BertProcessing');
}

function readTemplates(json: JsonPlace): PostProcessor {
  const tokens = json.field('special_tokens');
  const read = (template: JsonPlace): Template =>
    template.list().flatMap((item): (number | 'A' | 'B')[] => {
      const sequence = item.field('Sequence');
      if (!sequence.isAbsent) {
        const id = sequence.field('id').string();
        return id === 'A' || id === 'B' ? [id] : sequence.field('id').fail('"A" or "B"');
      }
      const name = item.field('SpecialToken').field('id').string();
      return tokens
        .field(name)
        .field('ids')
        .list()
        .map((id) => id.id());
    });
  return { single: read(json.field('single')), pair: read(json.field('pair')) };
}
