import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chromium } from '@playwright/test';

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--no-first-run',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-breakpad',
  '--disable-sync',
  '--disable-extensions',
  '--remote-debugging-port=0',
];
/** How long a browser may take to start, and to be gone, in milliseconds. */
const PATIENCE = 60_000;

/** A browser with a profile that lasts, in a process group of its own, which can be killed as a whole. */
export class MortalBrowser {
  constructor(process, connection, profile) {
    this.process = process;
    this.connection = connection;
    this.profile = profile;
  }

  /** @param profile - path of the folder that is its profile. */
  static async start(executable, profile) {
    const args = [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'];
    const child = spawn(executable, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    const connection = await chromium.connectOverCDP(await addressOf(child), { timeout: PATIENCE });
    return new MortalBrowser(child, connection, profile);
  }

  /** The page that it has opened. */
  page() {
    return this.connection.contexts()[0].pages()[0];
  }

  /** Sends SIGKILL to all its processes at once, and waits until none is left. */
  async kill() {
    process.kill(-this.process.pid, 'SIGKILL');
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const left = processesWith(this.profile);
      if (left.length === 0) break;
      if (Date.now() > deadline) throw new Error(`Processes ${left} of the browser survive.`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await this.connection.close().catch(() => {});
  }
}

/** Where a browser that starts can be spoken to. */
function addressOf(child) {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => reject(new Error(`The browser does not start: ${said}`)), PATIENCE);
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`The browser ended with ${code}: ${said}`)));
    child.stderr.on('data', (data) => {
      said += data;
      const address = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
      if (!address) return;
      clearTimeout(timer);
      resolve(address);
    });
  });
}

/** Processes that run, whose command names a path. */
function processesWith(path) {
  return readdirSync('/proc').filter((id) => {
    if (!/^\d+$/.test(id) || Number(id) === process.pid) return false;
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(`--user-data-dir=${path}`);
    } catch {
      return false; // it has ended meanwhile
    }
  });
}
