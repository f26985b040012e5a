import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  // The page is served at /graphiql without a trailing slash, where relative addresses would point beside it.
  base: '/graphiql/',
  plugins: [react()],
  worker: { format: 'es' },
  build: {
    target: 'es2023',
    // The page's policy allows no inline script, and every browser that runs this preloads modules by itself.
    modulePreload: { polyfill: false },
    // Monaco is one big chunk by nature, loaded beside the page and not before it.
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      input: 'graphiql.html',
      checks: { moduleLevelDirective: false }, // GraphiQL's "use no memo", which speaks to React's compiler, not to the bundler
    },
  },
});
