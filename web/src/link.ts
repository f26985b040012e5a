// The page behind the links in mails. The token stands behind the address's `#`, which browsers send to nobody. It is
// taken out of the address at once, kept in this page's memory alone, and sent in the body of one request.
import { find, openSection } from './card';
import './link.css';
import { type Field, refusalOf } from './link-refusal';

const FIELDS: readonly Field[] = ['password', 'question', 'answer'];
const form = find<HTMLFormElement>('#choose form');
const submit = find<HTMLButtonElement>('#choose button[type=submit]');
const password = find<HTMLInputElement>('#password');
const show = find<HTMLInputElement>('#show');

let token = '';
let isBusy = false;

start();
window.addEventListener('hashchange', start); // another link, opened in this tab: the page stays, its address changes
show.addEventListener('change', showPassword);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (!isBusy) void follow();
});

function start(): void {
  if (!location.hash && token) return; // only the `#` was cleared
  token = location.hash.slice(1);
  history.replaceState(null, '', location.pathname);
  clear();
  openSection(token ? 'choose' : 'bare');
}

async function follow(): Promise<void> {
  const [sent, given] = [token, new FormData(form)];
  const fields = FIELDS.map((field): [string, string] => [field, String(given.get(field) ?? '')]);
  complain(null, '');
  work(true);
  try {
    const response = await fetch('auth/link', {
      method: 'POST',
      body: new URLSearchParams([['token', sent], ...fields]),
      credentials: 'omit',
      cache: 'no-store',
    });
    if (response.ok) {
      const { login } = (await response.json()) as { login: string };
      if (sent === token) finish('done', '#login', login);
    } else {
      const { place, message } = await refusalOf(response);
      if (sent !== token) return; // another link was opened meanwhile
      if (place === 'closed') finish('closed', '#closed-why', message);
      else complain(place, message);
    }
  } catch {
    if (sent === token) complain(null, 'The server cannot be reached.');
  } finally {
    work(false);
  }
}

function finish(section: string, where: string, words: string): void {
  token = '';
  clear();
  find(where).textContent = words;
  openSection(section);
}

/** Says what is wrong beside its field and goes there, so that a screen reader reads both; says it at the end otherwise. */
function complain(place: Field | null, message: string): void {
  for (const field of FIELDS) {
    find(`#${field}`).removeAttribute('aria-invalid');
    find(`#${field}-problem`).textContent = '';
  }
  find('#problem').textContent = place ? '' : message;
  if (!place) return;
  find(`#${place}`).setAttribute('aria-invalid', 'true');
  find(`#${place}-problem`).textContent = message;
  find<HTMLElement>(`#${place}`).focus();
}

function clear(): void {
  form.reset();
  showPassword();
  complain(null, '');
}

function work(busy: boolean): void {
  isBusy = busy;
  submit.setAttribute('aria-disabled', String(busy)); // not `disabled`, which would take the focus away
  submit.textContent = busy ? 'One moment…' : 'Continue';
}

function showPassword(): void {
  password.type = show.checked ? 'text' : 'password';
}
