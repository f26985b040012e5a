// Who is signed in, as this browser tab keeps it: in sessionStorage and nowhere else. It ends with the tab, and no address,
// cookie, saved query or header editor ever holds a token.

export interface Session {
  readonly accessToken: string;
  /** Null for a pasted token: that one cannot be renewed from here. */
  readonly refreshToken: string | null;
  /** Milliseconds since the epoch, by this machine's clock. Null when a pasted token does not say. */
  readonly expiresAt: number | null;
  readonly renewAt: number | null;
}

/** What POST /auth/token and POST /auth/returned answer. */
export interface TokenAnswer {
  access_token: string;
  refresh_token?: string | null;
  expires_in?: number;
}

const STORED = 'canopy.session';

export function sessionFrom(answer: TokenAnswer, refreshToken: string | null = null): Session {
  const lifetime = (answer.expires_in ?? 0) * 1000;
  const expiresAt = lifetime ? Date.now() + lifetime : null;
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token ?? refreshToken,
    expiresAt,
    renewAt: expiresAt && expiresAt - Math.min(60_000, lifetime / 4),
  };
}

export function store(session: Session): void {
  sessionStorage.setItem(STORED, JSON.stringify(session));
}

export function restore(): Session | null {
  try {
    return JSON.parse(sessionStorage.getItem(STORED) ?? 'null') as Session | null;
  } catch {
    return null;
  }
}

export function forget(): void {
  sessionStorage.removeItem(STORED);
}
