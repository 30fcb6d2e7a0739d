import type { PageText } from './html-text.ts';

/** Front matter: between two lines of dashes at the beginning. */
const FRONT = /^---[ \t]*\r?\n/;
const FRONT_END = /^(?:---|\.\.\.)[ \t]*$/m;

/** A Markdown text as it is, without its front matter; its title is that of the front matter, or its first heading. */
export function markdownText(source: string): PageText {
  const { front, text } = split(source);
  const named = /^title[ \t]*:[ \t]*(.+)$/m.exec(front)?.[1].trim();
  const title = named?.replace(/^(["'])(.*)\1$/, '$2') ?? /^#{1,6}[ \t]+(.+)$/m.exec(text)?.[1];
  return { title: title?.replace(/[ \t]+#*[ \t\r]*$/, '') || undefined, text };
}

function split(source: string): { front: string; text: string } {
  const start = FRONT.exec(source)?.[0].length;
  if (start === undefined) return { front: '', text: source };
  const rest = source.slice(start);
  const end = FRONT_END.exec(rest);
  if (!end) return { front: '', text: source };
  return { front: rest.slice(0, end.index), text: rest.slice(end.index + end[0].length).trimStart() };
}
