import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEntities } from './html-entities.ts';
import { htmlText } from './html-text.ts';

describe('the text of a page', () => {
  it('has its words and its title, without tags, comments, scripts and styles', () => {
    const page = `<!doctype html><html><head><title> Arctic
      terns &amp; others </title><style>p { color: red }</style></head>
      <body><!-- <p>not this</p> --><h1>Terns</h1><p>They <b>fly</b> from
      pole to&nbsp;pole.</p><script>if (a < b) document.write('<p>no</p>')</script><p>Twice&#33;</p></body></html>`;
    expect(htmlText(page)).toEqual({
      title: 'Arctic terns & others',
      text: 'Terns\n\nThey fly from pole to\u00a0pole.\n\nTwice!',
    });
  });

  it('keeps words of a line together, and cells, lines and blocks apart', () => {
    expect(htmlText('<p>un<i>believ</i>able</p>').text).toBe('unbelievable');
    expect(htmlText('a<br>b<BR/>c').text).toBe('a\nb\nc');
    expect(htmlText('<ul><li>a</li><li>b</li></ul>c').text).toBe('a\nb\n\nc');
    expect(htmlText('<table><tr><td>a</td><td>b</td></tr><tr><td>c</table>').text).toBe('a b\nc');
    expect(htmlText('a<pre>\n  b\n    c\n</pre>d').text).toBe('a\n\n\n  b\n    c\n\n\nd');
  });

  it('takes a < that begins no tag for itself, and a > in an attribute for a part of it', () => {
    expect(htmlText('1 < 2 <3').text).toBe('1 < 2 <3');
    expect(htmlText('<a title="a > b" href=x>c</a>').text).toBe('c');
    expect(htmlText("<p don't>it's</p>").text).toBe("it's");
    expect(htmlText('a<svg/>b<svg><text>c</text></svg>d').text).toBe('abd');
  });

  it('ends where a comment, a tag or a script does not', () => {
    for (const open of ['<!-- ', '<p class="', '<script>', '<SCRIPT></script', '<title>', '<'])
      expect(htmlText(`a ${open}`).text).toBe(open === '<' ? 'a <' : 'a');
  });

  it('is what was escaped, whatever was', () => {
    const escaped = (text: string) =>
      text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), (words) => {
        const text = words.map((word) => word.replace(/[\s\p{Cc}]/gu, '')).filter((word) => word !== '');
        const html = text.map((word) => `<span a='>'>${escaped(word)}</span>`).join('\n');
        return htmlText(html).text === text.join(' ').trim();
      }),
    );
  });

  it('is there in no time for what no browser has seen', () => {
    for (const piece of ['<', '<!', '<!--', '<p a="', '<script>', '</', '&#', '<svg>', "<a '"]) {
      const text = piece.repeat(200_000);
      expect(htmlText(text).text.length).toBeLessThanOrEqual(text.length);
    }
  });
});

describe('character references', () => {
  it('are read by name and by number, and left alone where they are none', () => {
    expect(decodeEntities('&eacute;&yuml;&nbsp;&hellip;&quot;&apos;&amp;lt;')).toBe('éÿ\u00a0…"\'&lt;');
    expect(decodeEntities('&#228;&#xE4;&#x1F600;&#146;')).toBe('ää😀’');
    expect(decodeEntities('&#0;&#xD800;&#x110000;&#9999999;')).toBe('\ufffd'.repeat(4));
    expect(decodeEntities('AT&T &nosuch; & &; &#; &constructor;')).toBe(
      'AT&T &nosuch; & &; &#; &constructor;',
    );
  });
});
