import { DOC_EXPLORER_PLUGIN, DocExplorerStore } from '@graphiql/plugin-doc-explorer';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { HISTORY_PLUGIN, HistoryStore } from '@graphiql/plugin-history';
import { GraphiQLProvider } from '@graphiql/react';
import { GraphiQL, GraphiQLInterface } from 'graphiql';
import { firstExample } from './examples';
import { fetcher } from './fetcher';
import { useSession } from './session';
import { SignInBar } from './SignInBar';
import { storage } from './storage';
import { Welcome } from './Welcome';

const plugins = [DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })];
const firstTab = [{ query: firstExample.text }];

export function App() {
  const session = useSession();
  const isSignedIn = session !== null;

  return (
    <GraphiQLProvider
      fetcher={fetcher}
      {...(!isSignedIn && { schema: null }) /* null: have no schema and ask for none; left out: ask the server */}
      inputValueDeprecation
      schemaDescription
      shouldPersistHeaders={false}
      storage={storage}
      defaultTabs={firstTab}
      plugins={plugins}
      referencePlugin={DOC_EXPLORER_PLUGIN}
    >
      <HistoryStore>
        <DocExplorerStore>
          <SignInBar session={session} />
          <main className="workbench">
            <div className="workbench-editor" inert={!isSignedIn}>
              <GraphiQLInterface showPersistHeadersSettings={false} defaultEditorToolsVisibility={false}>
                <GraphiQL.Logo>
                  <></>
                </GraphiQL.Logo>
              </GraphiQLInterface>
            </div>
            {!isSignedIn && <Welcome />}
          </main>
        </DocExplorerStore>
      </HistoryStore>
    </GraphiQLProvider>
  );
}
