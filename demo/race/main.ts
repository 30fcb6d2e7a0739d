import { element, showStatus } from '../view.ts';
import { lanesOf } from './lanes.ts';
import { lookAround, type Machine, threadCounts } from './machine.ts';
import { type Heat, race, type Spectator } from './race.ts';
import { type Circumstances, report } from './report.ts';
import { hasRun } from './results.ts';
import { SHAPES } from './shapes.ts';
import { HeatView, readChoice, showChoices, showMachine, showRacing } from './view.ts';

/** `?shapes=1x16,ragged&rounds=1` chooses in advance; tests make use of it. */
const query = new URLSearchParams(location.search);
const ROUNDS = Math.max(1, Number(query.get('rounds')) || 5);

/** The last race, or the one that runs. */
class Race {
  private readonly controller = new AbortController();
  private readonly heats: Heat[] = [];
  private readonly circumstances: Circumstances;

  constructor(private readonly machine: Machine) {
    this.circumstances = {
      ...machine,
      threads: readChoice().threads,
      rounds: ROUNDS,
      onnxruntime: 'unknown',
    };
  }

  async run(): Promise<void> {
    const { shapes, threads, software } = readChoice();
    const { adapter } = this.machine;
    const { signal } = this.controller;
    showRacing(true);
    element('heats').replaceChildren();
    this.showCopy();
    try {
      await race({
        lanes: lanesOf(threads, adapter && (!adapter.software || software) ? adapter : undefined),
        shapes: SHAPES.filter(({ name }) => shapes.includes(name)),
        rounds: ROUNDS,
        signal,
        spectator: this.spectator(),
      });
      showStatus('Finished. Bars are relative to the fastest.', 1);
    } catch (error) {
      showStatus(signal.aborted ? 'Stopped.' : `Stopped: ${(error as Error).message}`, 1);
    } finally {
      showRacing(false);
      this.showCopy();
    }
  }

  stop(): void {
    this.controller.abort();
  }

  report(): string {
    return report(this.circumstances, this.heats);
  }

  private spectator(): Spectator {
    const views = new Map<Heat, HeatView>();
    return {
      // 1 is the end of all work.
      onStatus: (words, share) => showStatus(words, Math.min(share, 0.99)),
      onVersion: (version) => {
        Object.assign(this.circumstances, { onnxruntime: version });
        element('version').textContent = version;
      },
      onHeat: (heat) => {
        const view = new HeatView(heat);
        this.heats.push(heat);
        views.set(heat, view);
        element('heats').append(view.root);
      },
      onTurn: (heat) => views.get(heat)?.update(),
    };
  }

  private showCopy(): void {
    const any = this.heats.some(({ entrants }) => entrants.some(hasRun));
    element<HTMLButtonElement>('copy').disabled = !any;
    element('copied').textContent = '';
    element('report').hidden = true;
  }
}

/** Where a page may not write to the clipboard, the visitor can take the text from a box. */
async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    element('copied').textContent = 'Copied.';
  } catch {
    const box = element<HTMLTextAreaElement>('report');
    box.value = text;
    box.hidden = false;
    box.select();
    element('copied').textContent = 'The clipboard is closed to this page; copy the text below.';
  }
}

async function start(): Promise<void> {
  showChoices(SHAPES, query.get('shapes')?.split(',') ?? SHAPES.map(({ name }) => name));
  element('rounds').textContent = String(ROUNDS);
  const machine = await lookAround();
  showMachine(machine, threadCounts(machine));

  let current: Race | undefined;
  element('race').addEventListener('submit', (event) => {
    event.preventDefault();
    if (readChoice().shapes.length === 0) {
      showStatus('Choose at least one shape.', 1);
      return;
    }
    current = new Race(machine);
    void current.run();
  });
  element('stop').addEventListener('click', () => current?.stop());
  element('copy').addEventListener('click', () => void (current && copy(current.report())));
  showRacing(false);
  showStatus('Ready.', 1);
}

start().catch((error: Error) => showStatus(error.message, 1));
