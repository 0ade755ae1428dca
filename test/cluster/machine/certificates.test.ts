import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { makeCertificates } from '../../../src/cluster/machine/certificates.ts';
import { certificateFiles } from '../../../src/cluster/machine/layout.ts';
import { makeHome } from '../servers.ts';

test('a node certificate is of the own authority, for the loopback and the host, and keys are private', async () => {
  const files = certificateFiles(makeHome());
  await makeCertificates(files, ['10.1.2.3', 'box.example']);
  const [ca, node] = [files.ca, files.cert].map((file) => new X509Certificate(readFileSync(file)));
  expect(node!.verify(ca!.publicKey)).toBe(true);
  expect(ca!.ca).toBe(true);
  expect(node!.ca).toBe(false);
  expect(node!.subjectAltName).toBe(
    'IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:localhost, IP Address:10.1.2.3, DNS:box.example',
  );
  expect(Date.parse(node!.validTo) - Date.now()).toBeGreaterThan(365 * 86_400_000);
  expect(statSync(files.folder).mode & 0o777).toBe(0o700);
  for (const file of [files.caKey, files.key]) expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('both sides of a connection prove themselves with it', async () => {
  const files = certificateFiles(makeHome());
  await makeCertificates(files, []);
  const [ca, cert, key] = [files.ca, files.cert, files.key].map((file) => readFileSync(file));
  const server = createServer(
    { ca: ca!, cert: cert!, key: key!, requestCert: true, rejectUnauthorized: true },
    (socket) => {
      socket.end('welcome');
    },
  );
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 22_410 }, resolve));
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: 22_410, ca: ca!, cert: cert!, key: key! });
    socket.once('error', reject).once('data', (data) => resolve(data.toString()));
  });
  expect(text).toBe('welcome');
});
