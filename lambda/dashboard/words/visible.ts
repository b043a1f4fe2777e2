/**
 * Characters that change how the text around them is shown, or that show nothing: control and format characters (with
 * directional marks, overrides and isolates), separators of lines, lone surrogates, and the letters that are blank.
 */
const DECEPTIVE = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;

/**
 * Text from outside so that it looks like what it is: every deceptive character is written out, as in `[U+202E]`.
 * Escaping for HTML is done where the text is put into a page.
 */
export function visible(text: string): string {
  return text.replace(DECEPTIVE, nameOf);
}

function nameOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `[U+${code.toString(16).toUpperCase().padStart(4, '0')}]`;
}
