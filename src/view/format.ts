/** Numbers, times and sizes as people read them. Always with a unit, never with more digits than mean something. */

/** 740 ms, 1.2 s, 59 s, 2 m 10 s, 3 h 5 m, 2 d 4 h */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return twoUnits(seconds, [60, 'm'], [1, 's']);
  if (seconds < 86_400) return twoUnits(seconds, [3600, 'h'], [60, 'm']);
  return twoUnits(seconds, [86_400, 'd'], [3600, 'h']);
}

/** The same of what is known to the second only: 0 s, 5 s, 2 m 10 s */
export function wholeSeconds(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : duration(seconds * 1000);
}

/** 812 B, 12.4 kB, 3.0 MB: powers of 1000, as disks and networks count. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${Math.round(value)} B` : `${value.toFixed(value < 99.95 ? 1 : 0)} ${units[unit]}`;
}

/** 9,998: for tables that people read; JSON has none. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** '3 primaries', '1 primary' */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Cut in the middle, because both ends of an id, a path or an address tell more than what lies between. */
export function cutMiddle(text: string, columns: number): string {
  const characters = [...text];
  if (characters.length <= columns) return text;
  if (columns <= 1) return '…'.slice(0, columns);
  const tail = Math.floor((columns - 1) / 2);
  const head = columns - 1 - tail;
  return `${characters.slice(0, head).join('')}…${characters.slice(characters.length - tail).join('')}`;
}

/** Breaks at blanks; null leaves the text in one piece, so that a log can be searched for it. */
export function wrap(text: string, columns: number | null): string[] {
  if (columns === null || text.length <= columns) return [text];
  const rows: string[] = [];
  let row = '';
  for (const word of text.split(' ')) {
    if (row !== '' && row.length + 1 + word.length > columns) {
      rows.push(row);
      row = word;
    } else {
      row = row === '' ? word : `${row} ${word}`;
    }
  }
  return [...rows, row];
}

function twoUnits(seconds: number, [size, name]: [number, string], [smaller, itsName]: [number, string]): string {
  const rest = Math.floor((seconds % size) / smaller);
  const whole = `${Math.floor(seconds / size)} ${name}`;
  return rest === 0 ? whole : `${whole} ${rest} ${itsName}`;
}
