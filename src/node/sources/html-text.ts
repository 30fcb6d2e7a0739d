import { decodeEntities } from './html-entities.ts';
import { RunningText } from './running-text.ts';

/** What a page says. */
export interface PageText {
  readonly title: string | undefined;
  readonly text: string;
}

/** Elements whose content nobody reads. */
const UNREAD = new Set('script style template noscript iframe noembed noframes svg object'.split(' '));
/** Elements that begin and end a paragraph. */
const PARAGRAPHS = new Set(
  'address article aside blockquote body details dialog dl fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr main menu nav ol p pre section table ul'.split(
    ' ',
  ),
);
/** Elements that begin and end a line. */
const LINES = new Set('br caption dd div dt figcaption legend li option summary tr'.split(' '));

/**
 * The text of an HTML page, without tags, comments, scripts and styles, in a time that grows with the length of the page alone. Whatever is no
 * proper HTML is read as browsers read it, roughly.
 */
export function htmlText(html: string): PageText {
  const running = new RunningText();
  let title: string | undefined;
  let verbatim = 0;
  for (let at = 0; at < html.length; ) {
    const open = html.indexOf('<', at);
    running.add(decodeEntities(html.slice(at, open < 0 ? html.length : open)), verbatim > 0);
    if (open < 0) break;
    const tag = tagAt(html, open);
    at = tag.end;
    const { name } = tag;
    if (name === undefined) {
      if (tag.isText) running.add('<', verbatim > 0);
      continue;
    }
    if (PARAGRAPHS.has(name)) running.break(2);
    else if (LINES.has(name)) running.break(1);
    else if (name === 'td' || name === 'th') running.add(' ');
    if (name === 'pre') verbatim = Math.max(0, verbatim + (tag.isEnd ? -1 : 1));
    const isSkipped =
      !tag.isEnd && !(name === 'svg' && tag.isEmpty) && (UNREAD.has(name) || name === 'title');
    if (!isSkipped) continue;
    const end = endOf(html, name, at);
    if (name === 'title') title ??= oneLine(decodeEntities(html.slice(at, end)));
    at = end;
  }
  return { title: title || undefined, text: running.toString() };
}

interface Tag {
  /** In lower case; nothing for a comment, or a `<` that begins no tag. */
  readonly name?: string;
  readonly isEnd?: boolean;
  /** Whether it ends as `<br/>` does. */
  readonly isEmpty?: boolean;
  /** Whether the `<` is just that character. */
  readonly isText?: boolean;
  /** Where what follows begins. */
  readonly end: number;
}

function tagAt(html: string, open: number): Tag {
  if (html.startsWith('<!--', open)) return { end: after(html, '-->', open + 2) };
  if (/[!?]/.test(html.charAt(open + 1))) return { end: after(html, '>', open) };
  const begin = /<(\/?)([a-zA-Z][^\s/>]{0,63})/y;
  begin.lastIndex = open;
  const found = begin.exec(html);
  if (!found) return { isText: true, end: open + 1 };
  const end = endOfTag(html, begin.lastIndex);
  return {
    name: found[2].toLowerCase(),
    isEnd: found[1] !== '',
    isEmpty: html.charAt(end - 2) === '/',
    end,
  };
}

/** After the `>` of a tag; one in the value of an attribute does not count. */
function endOfTag(html: string, from: number): number {
  let isValue = false;
  for (let at = from; at < html.length; at++) {
    const character = html.charAt(at);
    if (character === '>') return at + 1;
    if (isValue && (character === '"' || character === "'")) at = after(html, character, at + 1) - 1;
    if (!/\s/.test(character)) isValue = character === '=';
  }
  return html.length;
}

/** After the next `mark`, or the end. */
function after(html: string, mark: string, from: number): number {
  const at = html.indexOf(mark, from);
  return at < 0 ? html.length : at + mark.length;
}

/** Where the end tag of an element begins whose content has no tags that count. */
function endOf(html: string, name: string, from: number): number {
  const end = new RegExp(`</${name}[\\s/>]`, 'gi');
  end.lastIndex = from;
  return end.exec(html)?.index ?? html.length;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
