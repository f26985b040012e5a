// GraphiQL keeps tabs and history in localStorage, and its history keeps the headers editor's text with every query, whatever
// `shouldPersistHeaders` says. A header may hold a secret, so headers are taken out on the way to the disk.
import type { Storage } from '@graphiql/toolkit';

export const storage: Storage = {
  get length() {
    return localStorage.length;
  },
  getItem: (key) => localStorage.getItem(key),
  removeItem: (key) => localStorage.removeItem(key),
  setItem: (key, value) => localStorage.setItem(key, withoutHeaders(key, value)),
  clear() {
    for (const key of Object.keys(localStorage)) if (key.startsWith('graphiql:')) localStorage.removeItem(key);
  },
};

function withoutHeaders(key: string, value: string): string {
  if (key === 'graphiql:headers') return '';
  if (!value.startsWith('{')) return value;
  return JSON.stringify(JSON.parse(value), (name, part: unknown) => (name === 'headers' ? null : part));
}
