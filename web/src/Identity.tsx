import { useEffect, useState } from 'react';
import { signOut, type Session } from './session';
import { useViewer } from './viewer';

/** Who is signed in, as which account, and for how long. */
export function Identity({ session }: { session: Session }) {
  const { viewer, problem } = useViewer(session);
  const name = viewer?.user?.name ?? viewer?.apiClient?.name ?? viewer?.account.name ?? '';

  return (
    <div className="identity">
      <TokenTime session={session} />
      {problem && (
        <p className="sign-in-problem" role="alert">
          {problem}
        </p>
      )}
      {viewer && (
        <>
          <button className="identity-who" type="button" popoverTarget="identity-details" title="Who am I?">
            <span className="identity-initials" aria-hidden="true">
              {initials(name)}
            </span>
            <span className="identity-names">
              <span className="identity-name">{name}</span>
              <span className="identity-account">
                {viewer.account.name} · {viewer.account.type.toLowerCase()}
              </span>
            </span>
          </button>
          <div id="identity-details" className="identity-details" popover="auto">
            <dl>
              {viewer.user && (
                <>
                  <dt>Login</dt>
                  <dd>{viewer.user.login}</dd>
                  <dt>User id</dt>
                  <dd className="code">{viewer.user.id}</dd>
                </>
              )}
              <dt>Account</dt>
              <dd>{viewer.account.name}</dd>
              <dt>Account id</dt>
              <dd className="code">{viewer.account.id}</dd>
              <dt>Privileges ({viewer.privileges.length})</dt>
              <dd>
                <ul className="identity-privileges code">
                  {viewer.privileges.map((privilege) => (
                    <li key={privilege}>{privilege}</li>
                  ))}
                </ul>
              </dd>
            </dl>
          </div>
        </>
      )}
      <button className="button" type="button" onClick={signOut}>
        Sign out
      </button>
    </div>
  );
}

function TokenTime({ session }: { session: Session }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 15_000);
    return () => clearInterval(timer);
  }, []);
  if (!session.expiresAt) return null;
  const minutes = Math.max(0, Math.ceil((session.expiresAt - now) / 60_000));
  const left = minutes > 120 ? `${Math.floor(minutes / 60)} h` : `${minutes} min`;
  const ends = new Date(session.expiresAt).toLocaleTimeString();
  return (
    <span className="identity-time" title={session.refreshToken ? `Renews itself before ${ends}` : `Ends at ${ends}`}>
      token: {left}
    </span>
  );
}

function initials(name: string): string {
  const words = name.split(/\s+/).filter(Boolean);
  return [words[0], words.length > 1 ? words.at(-1) : '']
    .map((word) => word?.[0] ?? '')
    .join('')
    .toUpperCase();
}
