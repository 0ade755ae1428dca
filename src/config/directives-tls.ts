/** TLS, for clients, replication and the cluster bus. */
import { oneOf, port, smallInteger, text, yesNo } from './directive.ts';

const OPENSSL_NAMES = 'TLSv1 TLSv1.1 TLSv1.2 TLSv1.3';

export const tls = {
  'tls-port': port({ initial: 0, since: '6.0.0', doc: 'TCP port for clients that speak TLS; 0 opens none.' }),
  'tls-cert-file': text({ initial: '', since: '6.0.0', volatile: true, doc: 'Certificate of the server, PEM.' }),
  'tls-key-file': text({ initial: '', since: '6.0.0', volatile: true, doc: 'Its private key, PEM.' }),
  'tls-key-file-pass': text({
    initial: '',
    since: '6.2.0',
    sensitive: true,
    volatile: true,
    doc: 'Password of that key.',
  }),
  'tls-client-cert-file': text({
    initial: '',
    since: '6.2.0',
    volatile: true,
    doc: 'Certificate shown to other nodes; the one of the server when empty.',
  }),
  'tls-client-key-file': text({ initial: '', since: '6.2.0', volatile: true, doc: 'Its private key.' }),
  'tls-client-key-file-pass': text({
    initial: '',
    since: '6.2.0',
    sensitive: true,
    volatile: true,
    doc: 'Password of that key.',
  }),
  'tls-dh-params-file': text({
    initial: '',
    since: '6.0.0',
    volatile: true,
    doc: 'Parameters of the Diffie-Hellman exchange, PEM.',
  }),
  'tls-ca-cert-file': text({
    initial: '',
    since: '6.0.0',
    volatile: true,
    doc: 'Certificates of the authorities that are trusted.',
  }),
  'tls-ca-cert-dir': text({
    initial: '',
    since: '6.0.0',
    volatile: true,
    doc: 'Folder of such certificates, each in a PEM file; those of tls-ca-cert-file are trusted as well.',
  }),
  'tls-auth-clients': oneOf(['no', 'yes', 'optional'], {
    initial: 'yes',
    since: '6.0.0',
    doc: 'Whether clients must show a certificate; one that is shown must be trusted in any case but no.',
  }),
  'tls-replication': yesNo({ initial: false, since: '6.0.0', doc: 'Connect to the primary by TLS.' }),
  'tls-cluster': yesNo({ initial: false, since: '6.0.0', doc: 'Use TLS on the cluster bus.' }),
  'tls-protocols': text({
    initial: '',
    since: '6.0.0',
    doc: `Versions that are allowed, out of ${OPENSSL_NAMES}; empty is the default.`,
  }),
  'tls-ciphers': text({ initial: '', since: '6.0.0', doc: 'Ciphers up to TLS 1.2, in the notation of OpenSSL.' }),
  'tls-ciphersuites': text({ initial: '', since: '6.0.0', doc: 'Cipher suites of TLS 1.3.' }),
  'tls-prefer-server-ciphers': yesNo({
    initial: false,
    since: '6.0.0',
    doc: 'Choose the cipher by our order, not by that of the client.',
  }),
  'tls-session-caching': yesNo({
    initial: true,
    since: '6.0.0',
    doc: 'Let clients resume sessions.',
  }),
  'tls-session-cache-size': smallInteger({
    initial: 20_480,
    since: '6.0.0',
    doc: 'How many sessions are kept for that; 0 is no limit.',
    notApplicable: 'a session is kept by its client, as a ticket',
  }),
  'tls-session-cache-timeout': smallInteger({
    initial: 300,
    since: '6.0.0',
    doc: 'Seconds for which a session can be resumed.',
  }),
} as const;
