// The page for a forgotten password. It says the same whether there is such a login, as the server does.
import { find, openSection } from './card';
import './link.css';
import { refusalOf } from './link-refusal';

const form = find<HTMLFormElement>('#ask form');
const submit = find<HTMLButtonElement>('#ask button[type=submit]');
const login = find<HTMLInputElement>('#login');

let isBusy = false;

openSection('ask');
find('#again').addEventListener('click', () => {
  openSection('ask');
  login.select();
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (!isBusy) void ask();
});

async function ask(): Promise<void> {
  complain('', '');
  if (!login.value.trim()) {
    complain('login', 'Give the login that you sign in with.');
    return;
  }
  work(true);
  try {
    const response = await fetch('auth/forgotten', {
      method: 'POST',
      body: new URLSearchParams({ login: login.value.trim() }),
      credentials: 'omit',
      cache: 'no-store',
    });
    if (response.ok) {
      find('#whom').textContent = login.value.trim();
      openSection('sent');
    } else {
      complain('', (await refusalOf(response)).message);
    }
  } catch {
    complain('', 'The server cannot be reached.');
  } finally {
    work(false);
  }
}

/** Says what is wrong beside the field and goes there, so that a screen reader reads both; says it at the end otherwise. */
function complain(field: 'login' | '', message: string): void {
  login.removeAttribute('aria-invalid');
  find('#login-problem').textContent = field ? message : '';
  find('#problem').textContent = field ? '' : message;
  if (!field) return;
  login.setAttribute('aria-invalid', 'true');
  login.focus();
}

function work(busy: boolean): void {
  isBusy = busy;
  submit.setAttribute('aria-disabled', String(busy)); // not `disabled`, which would take the focus away
  submit.textContent = busy ? 'One moment…' : 'Send the link';
}
