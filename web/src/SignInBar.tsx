import { ExamplesMenu } from './ExamplesMenu';
import { Identity } from './Identity';
import type { Session } from './session';
import { SignInForm } from './SignInForm';

export function SignInBar({ session }: { session: Session | null }) {
  return (
    <header className="bar">
      <h1 className="bar-name">
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M12 1.5a6.6 6.6 0 0 1 6.4 5A5.4 5.4 0 0 1 17 17h-3.6v-3.2l3-2.2-1-1.4-2 1.5V8.4h-1.8v4.9l-2.3-1.7-1 1.4 3.3 2.5V17H7A5.4 5.4 0 0 1 5.6 6.5a6.6 6.6 0 0 1 6.4-5Zm-1.4 17h2.8v4h-2.8z" />
        </svg>
        Canopy <span className="bar-product">GraphiQL</span>
      </h1>
      {session ? (
        <>
          <ExamplesMenu />
          <Identity session={session} />
        </>
      ) : (
        <SignInForm />
      )}
    </header>
  );
}
