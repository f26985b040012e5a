import { DropdownMenu, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { type Example, examples } from './examples';

export function ExamplesMenu() {
  const { addTab, changeTab } = useGraphiQLActions();
  const { tabs, queryEditor } = useGraphiQL((state) => ({ tabs: state.tabs, queryEditor: state.queryEditor }));

  function open(example: Example) {
    // Opened before and not changed since: shown again, so that looking around does not fill the window with tabs.
    const openAlready = tabs.findIndex((tab) => tab.query === example.text);
    if (openAlready >= 0) {
      changeTab(openAlready);
    } else {
      addTab();
      queryEditor?.setValue(example.text);
    }
    queryEditor?.focus();
  }

  return (
    <DropdownMenu>
      <DropdownMenu.Button className="button examples-button" disabled={!queryEditor}>
        Examples
      </DropdownMenu.Button>
      <DropdownMenu.Content align="start" sideOffset={6} className="examples">
        {examples.map((example) => (
          <DropdownMenu.Item key={example.title} onSelect={() => open(example)}>
            {example.title}
          </DropdownMenu.Item>
        ))}
      </DropdownMenu.Content>
    </DropdownMenu>
  );
}
