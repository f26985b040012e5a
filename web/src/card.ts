// What the pages of one card share: finding what the page has, and showing one of its sections.

/** The element, which the page has. */
export function find<T extends Element = Element>(selector: string): T {
  const found = document.querySelector<T>(selector);
  if (!found) throw new Error(`The page has no ${selector}`);
  return found;
}

/** Shows one section alone, and goes to its heading. */
export function openSection(id: string): void {
  for (const section of document.querySelectorAll('main section')) section.toggleAttribute('hidden', section.id !== id);
  const heading = find<HTMLElement>(`#${id} h1`);
  document.title = `${heading.textContent} · Canopy`;
  heading.focus();
}
