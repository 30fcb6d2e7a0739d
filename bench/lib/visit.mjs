/** Visits to a page that nobody looks into, to measure its memory. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { findChromium } from '../../scripts/chromium.mjs';
import { addressOf, peakMemory, renderers } from './browser.mjs';

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-extensions',
  '--disable-sync',
];

/**
 * Opens a page in a browser of its own, and waits for what it posts to the address in its query as `answer`. For whoever inspects
 * a page, as playwright does, Chromium keeps up to 200 MB of what it downloads in the page's own process; here nobody does.
 *
 * @param path - of the page, in the project; it finds `settings` as JSON in its query.
 * @param profile - a folder for what the browser keeps between visits.
 * @returns the answer, and the most memory of the page's process in megabytes: of the largest renderer, as all others are smaller.
 */
export async function visitPage(path, settings, profile) {
  const answers = createServer();
  answers.listen(0, 'localhost');
  await once(answers, 'listening');
  const answer = `http://localhost:${answers.address().port}/`;
  const address = `${addressOf(path)}?${new URLSearchParams({ settings: JSON.stringify(settings), answer })}`;
  const browser = spawn(findChromium(), [...FLAGS, `--user-data-dir=${profile}`, address], {
    stdio: 'ignore',
  });
  const ended = once(browser, 'exit');
  try {
    const [request, response] = await Promise.race([
      once(answers, 'request'),
      ended.then(() => Promise.reject(new Error('the browser has ended'))),
    ]);
    const found = JSON.parse(await textOf(request));
    const memory = Math.max(...renderersOf(browser.pid).map(peakMemory));
    response.end();
    if (found.error) throw new Error(found.error);
    return { found, memory };
  } finally {
    browser.kill();
    await ended;
    answers.close();
    answers.closeAllConnections();
  }
}

async function textOf(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return text;
}

/** The renderers of a browser, but for those of its own windows. */
function renderersOf(browser) {
  return renderers().filter((pid) => isUnder(pid, browser) && !isOwnWindow(pid));
}

function isOwnWindow(pid) {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--top-chrome-webui');
}

function isUnder(pid, ancestor) {
  for (let at = Number(pid); at > 1; ) {
    if (at === ancestor) return true;
    at = Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${at}/status`, 'utf8'))?.[1]);
  }
  return false;
}
