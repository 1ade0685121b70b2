/** What two spellings of a name have in common. */
export function fold (name: string): string {
  return name.normalize('NFC').trim().toLowerCase()
}

/** A caller's text, fit to be quoted in a message: no control or formatting characters, at most 100 characters. */
export function printable (text: string): string {
  return text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim().slice(0, 100)
}
