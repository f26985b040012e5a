"""How it is served: settings, sign-in, protocols, pages, what operators see. The only package that speaks HTTP."""
