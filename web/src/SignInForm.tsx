import { useActionState, useState } from 'react';
import { demoLogins, demoPassword } from './demo';
import { signIn, signInWithToken, takeNotice } from './session';

const notice = takeNotice();

export function SignInForm() {
  const [way, setWay] = useState<'password' | 'token'>('password');
  const [login, setLogin] = useState('');
  const [password, setPassword] = useState('');
  const [token, setToken] = useState('');
  const [problem, submit, isBusy] = useActionState<string | null>(async () => {
    try {
      await (way === 'password' ? signIn(login.trim(), password) : signInWithToken(token));
      return null;
    } catch (error) {
      return error instanceof TypeError ? 'The server cannot be reached.' : (error as Error).message;
    }
  }, notice);

  function changeLogin(text: string) {
    setLogin(text);
    if (demoPassword && demoLogins.includes(text)) setPassword(demoPassword);
  }

  return (
    <form className="sign-in" action={submit} aria-label="Sign in">
      <p className="sign-in-problem" role="alert">
        {!isBusy && problem}
      </p>
      {way === 'password' ? (
        <>
          <input
            aria-label="Login"
            placeholder="Login"
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            list="demo-logins"
            required
            value={login}
            onChange={(event) => changeLogin(event.target.value)}
          />
          <datalist id="demo-logins">
            {demoLogins.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          <input
            aria-label="Password"
            placeholder="Password"
            name="password"
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </>
      ) : (
        <input
          className="sign-in-token"
          aria-label="Access token"
          placeholder="Access token"
          type="password"
          autoComplete="off"
          required
          value={token}
          onChange={(event) => setToken(event.target.value)}
        />
      )}
      <button className="button button-strong" type="submit" disabled={isBusy}>
        {isBusy ? 'Signing in…' : 'Sign in'}
      </button>
      {way === 'password' && (
        <a className="sign-in-forgotten" href="forgotten">
          Forgotten it?
        </a>
      )}
      <button className="button" type="button" onClick={() => setWay(way === 'password' ? 'token' : 'password')}>
        {way === 'password' ? 'Use a token' : 'Use a password'}
      </button>
    </form>
  );
}
