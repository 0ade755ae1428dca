/** The one place that knows ink: lines that are redrawn in place. What the lines say is decided elsewhere. */
import { Box, render, Text, useInput } from 'ink';
import { type Line, renderLines } from './line.ts';
import type { Terminal } from './terminal.ts';

export interface LiveView {
  show(lines: readonly Line[]): void;
  /** Leaves the last lines on the screen and gives the terminal back. */
  end(): Promise<void>;
}

export function Lines({ lines, terminal }: { lines: readonly Line[]; terminal: Terminal }) {
  const rows = renderLines(lines, terminal).split('\n').slice(0, -1);
  return rows.map((row, i) => (
    // An empty Text takes no row of its own; a blank does.
    // biome-ignore lint/suspicious/noArrayIndexKey: a row is its position on the screen.
    <Text key={i} wrap="truncate">
      {row === '' ? ' ' : row}
    </Text>
  ));
}

/** `onQuit`: the person typed q, or Ctrl-C while the keyboard is read here. Without it no key is read. */
export function startLive(stream: NodeJS.WriteStream, terminal: Terminal, onQuit?: () => void): LiveView {
  const readsKeys = onQuit !== undefined && process.stdin.isTTY === true;
  const element = (lines: readonly Line[]) => (
    <>
      <Screen lines={lines} terminal={terminal} />
      {readsKeys ? <QuitKeys onQuit={onQuit} /> : null}
    </>
  );
  // Ctrl-C is ours: it undoes what was begun. So is the console: nothing else prints while this is on.
  const screen = render(element([]), { stdout: stream, exitOnCtrlC: false, patchConsole: false });
  return {
    show: (lines) => screen.rerender(element(lines)),
    async end() {
      screen.unmount();
      await screen.waitUntilExit();
    },
  };
}

function Screen(props: { lines: readonly Line[]; terminal: Terminal }) {
  return (
    <Box flexDirection="column">
      <Lines {...props} />
    </Box>
  );
}

function QuitKeys({ onQuit }: { onQuit: () => void }) {
  useInput((input, key) => {
    if (input === 'q' || (key.ctrl && input === 'c')) onQuit();
  });
  return null;
}
