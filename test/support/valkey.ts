/*
 * An installed valkey-server 8, which behaves like Redis 7.2: what 7.2 does is asked of it. Debian has it in
 * bookworm-backports; where it is not installed, the tests that need it are skipped and say so.
 */
import { spawnSync } from 'node:child_process';

const version = spawnSync('valkey-server', ['--version'], { encoding: 'utf8' });

export const hasValkey: boolean = version.status === 0 && / v=8\./.test(version.stdout);

export const WITHOUT_VALKEY = 'valkey-server 8 (Debian: bookworm-backports) is not installed';
