import { create, element } from '../view.ts';
import type { Machine } from './machine.ts';
import type { Entrant, Heat } from './race.ts';
import { bestOf, hasRun, ratioOf } from './results.ts';
import type { Shape } from './shapes.ts';
import { median } from './timing.ts';

/** What the visitor has chosen. */
export interface Choice {
  /** Names of shapes. */
  readonly shapes: readonly string[];
  readonly threads: number;
  readonly software: boolean;
}

export function showChoices(shapes: readonly Shape[], chosen: readonly string[]): void {
  const labels = shapes.map(({ name, title }) => {
    const label = create('label', '', name.replace('x', '×'));
    label.title = title;
    const input = document.createElement('input');
    input.type = 'checkbox';
    input.name = 'shape';
    input.value = name;
    input.checked = chosen.includes(name);
    label.prepend(input);
    return label;
  });
  element('shapes').replaceChildren(...labels);
}

export function showMachine({ userAgent, processors, isolated, adapter }: Machine, counts: number[]): void {
  const options = counts.map((count) => create('option', '', String(count)));
  element('threads').replaceChildren(...options);
  element('processors').textContent = String(processors);
  element('isolated').textContent = isolated ? 'yes' : 'no, so one thread';
  element('adapter').textContent = adapter
    ? `${adapter.name}${adapter.software ? ' (software)' : ''}`
    : 'none';
  element('user-agent').textContent = userAgent;
  element('software-choice').hidden = !adapter?.software;
}

export function readChoice(): Choice {
  const boxes = [...element('shapes').querySelectorAll<HTMLInputElement>('input:checked')];
  return {
    shapes: boxes.map(({ value }) => value),
    threads: Number(element<HTMLSelectElement>('threads').value),
    software: element<HTMLInputElement>('software').checked,
  };
}

/** During a race there is something to stop, and nothing to choose. The keyboard stays where it was. */
export function showRacing(racing: boolean): void {
  const [start, stop] = [element<HTMLButtonElement>('start'), element<HTMLButtonElement>('stop')];
  const focused = document.activeElement === (racing ? start : stop);
  start.disabled = racing;
  stop.disabled = !racing;
  element<HTMLFieldSetElement>('choices').disabled = racing;
  if (focused) (racing ? stop : start).focus();
}

/** The bars of a heat. They are made once and then jump: what moves slowly would take time from the engine whose turn is next. */
export class HeatView {
  readonly root = create('section', 'heat');
  private readonly bars: readonly LaneBar[];

  constructor(private readonly heat: Heat) {
    this.root.dataset.shape = heat.shape.name;
    this.bars = heat.entrants.map((entrant) => new LaneBar(entrant));
    const list = create('ol', 'lanes');
    list.append(...this.bars.map(({ root }) => root));
    this.root.append(create('h2', '', heat.shape.title), list);
    this.update();
  }

  update(): void {
    const best = bestOf(this.heat.entrants);
    for (const bar of this.bars) bar.update(this.heat, best);
  }
}

class LaneBar {
  readonly root = create('li', 'lane');
  private readonly bar = create('span', 'bar');
  private readonly speed = create('span', 'speed');
  private readonly detail = create('span', 'detail');
  private readonly ratio = create('span', 'ratio');

  constructor(private readonly entrant: Entrant) {
    const { lane } = entrant;
    this.root.classList.toggle('ours', lane.engine === 'sterna');
    this.root.dataset.engine = lane.name;
    this.root.dataset.threads = String(lane.threads);
    this.bar.append(create('span', ''));
    this.root.append(create('span', 'name', lane.name), this.bar, this.speed, this.detail, this.ratio);
  }

  update(heat: Heat, best: Entrant | undefined): void {
    const { lane, times, failure } = this.entrant;
    const out = failure !== undefined;
    this.root.classList.toggle('failed', out);
    this.root.classList.toggle('turn', heat.turn === this.entrant);
    const threads = lane.device === 'wasm' ? `${lane.threads} thread${lane.threads > 1 ? 's' : ''}` : '';
    if (!hasRun(this.entrant)) {
      this.bar.style.setProperty('--share', '0');
      this.speed.textContent = out ? 'out' : '–';
      this.detail.textContent = [threads, failure].filter(Boolean).join(': ');
      this.ratio.textContent = '';
      return;
    }
    const milliseconds = median(times);
    this.bar.style.setProperty('--share', String(best ? median(best.times) / milliseconds : 0));
    this.speed.textContent = `${rounded((1000 * heat.shape.tokens) / milliseconds)} tokens/s`;
    this.detail.textContent = [threads, `${rounded(milliseconds)} ms`].filter(Boolean).join(', ');
    const ratio = ratioOf(heat, this.entrant);
    this.ratio.textContent = ratio ? `${ratio.ratio.toFixed(2)}× onnxruntime’s best` : '';
  }
}

/** Three digits, or all before the point. */
function rounded(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
