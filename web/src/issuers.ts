// The external issuers by which one can sign in here, as the server names them in the page's head: `name What it is called`.
import { told } from './told';

export interface Issuer {
  readonly name: string;
  readonly button: string;
}

export const issuers: readonly Issuer[] = told('issuer').map((text) => {
  const end = text.indexOf(' ');
  return { name: text.slice(0, end), button: text.slice(end + 1) };
});
