import { useState } from 'react';
import { demoLogins, demoPassword } from './demo';
import { issuers } from './issuers';
import { signIn } from './session';

/** What stands in the middle until somebody has signed in: without a token the server shows nobody its schema. */
export function Welcome() {
  const [problem, setProblem] = useState<string | null>(null);

  return (
    <section className="welcome" aria-labelledby="welcome-title">
      <h2 id="welcome-title">Sign in to load the schema</h2>
      <p>
        Canopy answers with the part of the reseller tree that your account may see. Sign in above with your login, or with an
        access token, and the editor opens.
      </p>
      {issuers.length > 0 && (
        <ul className="welcome-issuers">
          {issuers.map(({ name, button }) => (
            <li key={name}>
              <a className="button button-strong" href={`sign-in/${name}`}>
                Sign in with {button}
              </a>
            </li>
          ))}
        </ul>
      )}
      {demoLogins.length > 0 && demoPassword && (
        <>
          <h3>Demo data: look through somebody’s eyes</h3>
          <ul className="welcome-logins">
            {demoLogins.map((login) => (
              <li key={login}>
                <button
                  className="button"
                  type="button"
                  onClick={() => signIn(login, demoPassword ?? '').catch((error: Error) => setProblem(error.message))}
                >
                  {login}
                </button>
              </li>
            ))}
          </ul>
          <p className="sign-in-problem" role="alert">
            {problem}
          </p>
        </>
      )}
    </section>
  );
}
