/** Sizes of texts on the wire. */

/** The number of bytes that `text` takes in UTF-8. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    // Each half of a surrogate pair counts as two bytes, four for both.
    if (unit > 0x7f) {
      length += unit > 0x7ff && (unit & 0xf800) !== 0xd800 ? 2 : 1;
    }
  }
  return length;
}
