/*
 * Methods of Buffer that Node has always had and its type declarations leave out. They are what `toString('latin1')` and
 * `write(text, 'latin1')` call after looking at the encoding's name; on hot paths that look costs more than the work.
 */
interface Buffer {
  latin1Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
  utf8Write(text: string, offset?: number, length?: number): number;
}
