// What the server has told this page in its head: each of a name, in order.

export function told(name: string): string[] {
  const found = document.querySelectorAll<HTMLMetaElement>(`meta[name="canopy-${name}"]`);
  return Array.from(found, (each) => each.content);
}
