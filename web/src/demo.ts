// With demo data the server names its logins in the page's head, so that a visitor can look at the tree through several eyes.

export const demoLogins: readonly string[] = meta('canopy-demo')
  .split(',')
  .map((login) => login.trim())
  .filter(Boolean);

export const demoPassword: string | null = meta('canopy-demo-password') || null;

function meta(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? '';
}
