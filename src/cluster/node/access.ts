export interface TlsAccess {
  /** PEM texts. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What it takes to be let in. */
export interface Access {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: TlsAccess | undefined;
}
