import react from '@vitejs/plugin-react';
import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vite';

/** Puts what several pages begin with where they say so: `<!-- part: bar -->` stands for `src/parts/bar.html`. */
const parts: Plugin = {
  name: 'parts',
  transformIndexHtml: {
    order: 'pre',
    handler: (page) =>
      page.replace(/<!-- part: ([a-z]+) -->/g, (_, name: string) =>
        readFileSync(new URL(`src/parts/${name}.html`, import.meta.url), 'utf8').trim(),
      ),
  },
};

export default defineConfig({
  // Pages are served as /graphiql, /link and /forgotten, without a slash at the end, and perhaps behind a path of a proxy's: what they
  // refer to lies below their own directory, which is built as it is served. Where a page lies deeper, the server puts `../` before.
  base: './',
  plugins: [react(), parts],
  worker: { format: 'es' },
  build: {
    assetsDir: 'graphiql/assets',
    target: 'es2023',
    // The page's policy allows no inline script, and every browser that runs this preloads modules by itself.
    modulePreload: { polyfill: false },
    // Monaco is one big chunk by nature, loaded beside the page and not before it.
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      input: ['graphiql.html', 'link.html', 'forgotten.html', 'returned.html'],
      checks: { moduleLevelDirective: false }, // GraphiQL's "use no memo", which speaks to React's compiler, not to the bundler
    },
  },
});
