// The page to which an external issuer sends the browser back, at sign-in/NAME/callback. What stands in its address is taken
// out at once and sent in the body of one request; only the browser that has set out gets a session for it. It is also the
// page, at sign-in/NAME, of those who could not be sent there: then the server says why in its head.
import { find, openSection } from './card';
import './link.css';
import { refusalOf } from './link-refusal';
import { sessionFrom, store, type TokenAnswer } from './stored-session';
import { told } from './told';

const FROM_ISSUER = ['state', 'code', 'error', 'iss'] as const;

const [problem] = told('problem');
const isBack = problem === undefined;
const root = isBack ? '../../' : '../';
const name = location.pathname.split('/').at(isBack ? -2 : -1) ?? '';
const given = new URLSearchParams(location.search);

find<HTMLAnchorElement>('#otherwise').href = `${root}graphiql`;
find<HTMLAnchorElement>('#again').href = `${root}sign-in/${name}`;

if (isBack) {
  history.replaceState(null, '', location.pathname);
  void comeBack();
} else {
  refuse(problem, told('request')[0]);
}

async function comeBack(): Promise<void> {
  openSection('working');
  const form = new URLSearchParams({ to: name });
  for (const each of FROM_ISSUER) form.set(each, given.get(each) ?? '');
  try {
    // With the cookie that the browser has kept since it set out: the one request of these pages that sends any.
    const response = await fetch(`${root}auth/returned`, {
      method: 'POST',
      body: form,
      credentials: 'same-origin',
      cache: 'no-store',
    });
    if (response.ok) {
      store(sessionFrom((await response.json()) as TokenAnswer));
      location.replace(`${root}graphiql`);
    } else {
      refuse((await refusalOf(response)).message, response.headers.get('x-request-id'));
    }
  } catch {
    refuse('The server cannot be reached.', null);
  }
}

function refuse(why: string, request: string | null | undefined): void {
  find('#why').textContent = why;
  find('#request').textContent = request ?? '';
  find('#support').toggleAttribute('hidden', !request);
  openSection('refused');
}
