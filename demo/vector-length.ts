import type { EmbedderReport } from '../src/index.ts';
import { createChoice, element } from './view.ts';

/** nDCG@10 of the nano model on Tatoeba, the mean of 25 languages to English (its model card). */
const QUALITY: Readonly<Record<number, number>> = { 256: 0.767, 128: 0.763, 64: 0.757 };

export function makeLengthSwitch(
  { trainedDimensions }: EmbedderReport,
  change: (dimensions: number) => void,
): void {
  const choices = trainedDimensions.map((dimensions) =>
    createChoice('dimensions', String(dimensions), String(dimensions), () => change(dimensions)),
  );
  element('dimensions').replaceChildren(...choices);
}

/** Shows the length that the index has, and what it costs. */
export function showLength(dimensions: number): void {
  const input = element('dimensions').querySelector<HTMLInputElement>(`[value="${dimensions}"]`);
  if (input) input.checked = true;
  const quality = QUALITY[dimensions];
  const share = quality
    ? `: nDCG@10 ${quality.toFixed(3)} on Tatoeba, ${Math.round((100 * quality) / QUALITY[256])} % of the full length`
    : '';
  element('quality').textContent = `${dimensions} bytes a vector${share}.`;
}
