/**
 * The worker: one engine behind comlink. Import it as `sterna/worker` to start it from a worker of your own. The engine's other
 * threads are this same script, as bundlers know its address already.
 */
import { expose, transfer } from 'comlink';
import { describeError } from '../src/describe-error.ts';
import { Engine } from '../src/engine/engine.ts';
import { SternaError } from '../src/errors.ts';
import { sourceOpener } from '../src/loader/open-source.ts';
import type { Reply } from '../src/reply.ts';
import { listener } from './listener.ts';
import type { EngineProtocol } from './protocol.ts';
import { isThread, serveThread, threadStarter } from './thread.ts';

let engine: Engine | undefined;
/** Calls under way, by their numbers. */
const calls = new Map<number, AbortController>();

const protocol: EngineProtocol = {
  load: (call, { model: source, name, revision, baseUrl, ...settings }, onProgress, fetch) =>
    answer(call, async (signal) => {
      const told = listener(onProgress);
      const model = sourceOpener(source, {
        name,
        revision,
        baseUrl,
        keep: settings.keep !== 'nothing',
        pageFetch: fetch,
        signal,
        onProgress: told?.tell,
      });
      const gpu = async () => navigator.gpu as GPU | undefined;
      const machine = { gpu, processors: navigator.hardwareConcurrency, startThread: threadStarter() };
      engine = await Engine.load({ ...settings, ...machine, model, signal, onProgress: told?.tell });
      await told?.heard();
      return engine.report;
    }),

  embed: (call, inputs, request, onProgress) =>
    answer(call, async (signal) => {
      const told = listener(onProgress);
      const texts = await loaded().embed(inputs, request, signal, told?.tell);
      await told?.heard();
      return texts;
    }).then((reply) => (reply.ok ? transfer(reply, [reply.value.values]) : reply)),

  chunk: (call, texts, maxTokens) => answer(call, (signal) => loaded().chunk(texts, maxTokens, signal)),

  tokenize: (call, texts) => answer(call, (signal) => loaded().tokenize(texts, signal)),

  abort: (call) => calls.get(call)?.abort(),
};

function loaded(): Engine {
  if (engine) return engine;
  throw new SternaError('worker', 'The worker was asked to embed before it was told to load a model.');
}

/** Runs a call that can be aborted by its number, and packs what comes of it. */
async function answer<T>(call: number, run: (signal: AbortSignal) => Promise<T>): Promise<Reply<T>> {
  const controller = new AbortController();
  calls.set(call, controller);
  try {
    return { ok: true, value: await run(controller.signal) };
  } catch (error) {
    return { ok: false, error: describeError(error) };
  } finally {
    calls.delete(call);
  }
}

if (isThread()) serveThread();
else expose(protocol);
