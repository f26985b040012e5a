// With demo data the server names its logins in the page's head, so that a visitor can look at the tree through several eyes.

import { told } from './told';

export const demoLogins: readonly string[] = (told('demo')[0] ?? '')
  .split(',')
  .map((login) => login.trim())
  .filter(Boolean);

export const demoPassword: string | null = told('demo-password')[0] || null;
