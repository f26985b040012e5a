// Who is signed in, in this browser tab: begun, renewed in time, and ended.
import { useSyncExternalStore } from 'react';
import { forget, restore, type Session, sessionFrom, store, type TokenAnswer } from './stored-session';

export type { Session } from './stored-session';

const NOTICE = 'canopy.notice';
const LONGEST_TIMER = 24 * 3600 * 1000; // a browser's timer overflows after 24.8 days and then fires at once

let current: Session | null = restore();
let timer: number | undefined;
let refreshing: Promise<void> | null = null;
const listeners = new Set<() => void>();

// A duplicated tab starts with a copy of sessionStorage, so with the same refresh token, and a refresh token works once.
// The tab that renews it hands the new one to the other; tabs signed in on their own hold another token and ignore it.
const duplicates = new BroadcastChannel('canopy.session');
duplicates.onmessage = ({ data }: MessageEvent<{ was: string; now: Session }>) => {
  if (current && current.refreshToken === data.was) keep(data.now);
};

watchExpiry();
document.addEventListener('visibilitychange', watchExpiry); // timers stand still while a laptop sleeps

export function useSession(): Session | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

export async function signIn(login: string, password: string): Promise<void> {
  const response = await askForToken({ grant_type: 'password', username: login, password });
  if (!response.ok) throw new Error(await complaint(response));
  keep(sessionFrom((await response.json()) as TokenAnswer));
}

export async function signInWithToken(pasted: string): Promise<void> {
  const accessToken = pasted.trim().replace(/^bearer\s+/i, '');
  if (!/^[\w.~+/-]+=*$/.test(accessToken)) throw new Error('This does not look like a token.');
  // Tried once before it is kept, so that a wrong one is reported here and not as a broken page.
  const response = await send('graphql', graphql('{ __typename }'), accessToken);
  if (!response.ok) throw new Error(await complaint(response));
  keep({ accessToken, refreshToken: null, expiresAt: expiryOf(accessToken), renewAt: null });
}

/** What the button does: the server takes the tokens back as well. */
export function signOut(): void {
  const token = current?.refreshToken;
  // Kept alive while the page goes. Nobody waits for it: whoever leaves is out, whatever the network does.
  if (token) void post('auth/revoke', { token }, { keepalive: true }).catch(() => undefined);
  end();
}

/** Forgets the tokens and loads the page anew, so that nothing the account saw stays on the screen or in memory. */
function end(notice?: string): void {
  if (!current) return; // already leaving, and the first reason is the one to tell
  current = null;
  clearTimeout(timer);
  forget();
  if (notice) sessionStorage.setItem(NOTICE, notice);
  location.reload();
}

/** Why the last session ended, if it did not end by the button. Told once. */
export function takeNotice(): string | null {
  const notice = sessionStorage.getItem(NOTICE);
  sessionStorage.removeItem(NOTICE);
  return notice;
}

/** Like fetch, signed with an access token that is renewed when it must be. */
export async function authorizedFetch(url: string, init: RequestInit): Promise<Response> {
  if (current?.renewAt && current.renewAt <= Date.now()) {
    await refresh().catch((error: unknown) => {
      if (!current?.expiresAt || current.expiresAt <= Date.now()) throw error; // else the old one still works for a while
    });
  }
  const session = signedIn();
  const response = await send(url, init, session.accessToken);
  if (response.status !== 401) return response;
  // Refused before its time: revoked, or the clocks differ. One fresh token, one more try.
  if (session.refreshToken) {
    await refresh();
    const again = await send(url, init, signedIn().accessToken);
    if (again.status !== 401) return again;
  }
  end('The server no longer accepts your session. Please sign in again.');
  return response;
}

export function graphql(query: string): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json;q=0.9' },
    body: JSON.stringify({ query }),
  };
}

function signedIn(): Session {
  if (!current) throw new Error('Sign in first.');
  return current;
}

function send(url: string, init: RequestInit, accessToken: string): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('authorization', `Bearer ${accessToken}`);
  return fetch(url, { ...init, headers, credentials: 'omit' });
}

function askForToken(form: Record<string, string>): Promise<Response> {
  return post('auth/token', form);
}

function post(url: string, form: Record<string, string>, init?: RequestInit): Promise<Response> {
  return fetch(url, { ...init, method: 'POST', body: new URLSearchParams(form), credentials: 'omit' });
}

function refresh(): Promise<void> {
  refreshing ??= oneTabAtATime(renew).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function oneTabAtATime(work: () => Promise<void>): Promise<void> {
  // Locks exist only where the page is served securely (https or localhost); elsewhere duplicated tabs take their chance.
  if (!navigator.locks) return work();
  const was = current?.refreshToken;
  return navigator.locks.request('canopy.refresh', async () => {
    await new Promise((resolve) => setTimeout(resolve, 50)); // the tab that held the lock before has told us by now
    if (current?.refreshToken === was) await work();
  });
}

async function renew(): Promise<void> {
  const was = signedIn().refreshToken;
  if (!was) return;
  const response = await askForToken({ grant_type: 'refresh_token', refresh_token: was });
  if (response.ok) {
    const now = sessionFrom((await response.json()) as TokenAnswer, was);
    duplicates.postMessage({ was, now });
    keep(now);
  } else if (response.status === 400 || response.status === 401) {
    end(`Your session has ended: ${await complaint(response)}`);
  } else {
    throw new Error(await complaint(response)); // the server is busy or away: not a reason to sign anybody out
  }
}

function keep(session: Session): void {
  current = session;
  store(session);
  watchExpiry();
  for (const listener of listeners) listener();
}

function watchExpiry(): void {
  clearTimeout(timer);
  const due = current && (current.refreshToken ? current.renewAt : current.expiresAt);
  if (!due) return;
  timer = window.setTimeout(() => void act().catch(retry), Math.min(Math.max(due - Date.now(), 0), LONGEST_TIMER));

  async function act(): Promise<void> {
    if (due && due > Date.now()) watchExpiry();
    else if (current?.refreshToken) await refresh();
    else end('The token has expired. Paste a new one, or sign in.');
  }

  function retry(): void {
    timer = window.setTimeout(watchExpiry, 10_000);
  }
}

/** What went wrong, in the server's words where it has any: RFC 6749 or GraphQL. */
async function complaint(response: Response): Promise<string> {
  const seconds = Number(response.headers.get('retry-after'));
  const wait = seconds > 0 ? ` Try again in ${seconds} seconds.` : '';
  let words: string | undefined;
  try {
    const body = (await response.json()) as { error_description?: string; error?: string; errors?: { message: string }[] };
    words = body.error_description ?? body.errors?.[0]?.message ?? body.error;
  } catch {
    // not JSON: a proxy's page, or nothing at all
  }
  if (!words) words = response.status === 429 ? 'Too many attempts.' : `The server answered ${response.status}.`;
  return /[.!?]$/.test(words) ? words + wait : `${words}.${wait}`;
}

/** The `exp` claim, if the token is a JWT. Only for the display: the server decides. */
function expiryOf(token: string): number | null {
  try {
    const claims = JSON.parse(atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'))) as { exp?: unknown };
    return typeof claims.exp === 'number' ? claims.exp * 1000 : null;
  } catch {
    return null;
  }
}
