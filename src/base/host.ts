/** What may stand in an address or a hostname: it ends up in lines of text, between spaces and commas. */
const HOST_PATTERN = /^[0-9A-Za-z.:%_-]{1,255}$/;

export function isHost(text: string): boolean {
  return HOST_PATTERN.test(text);
}
