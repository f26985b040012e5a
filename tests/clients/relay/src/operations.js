// What relay-compiler compiles; the tests run what it makes of it.
import { graphql } from 'relay-runtime';

graphql`
  query operationsTreeQuery($count: Int!, $cursor: String) {
    viewer {
      account {
        id
        name
        ...operationsChildren_account @arguments(count: $count, cursor: $cursor)
      }
    }
  }
`;

graphql`
  fragment operationsChildren_account on Account
  @refetchable(queryName: "operationsChildrenQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" }) {
    children(first: $count, after: $cursor) @connection(key: "Account_children") {
      edges {
        node {
          id
          name
          version
          externalId
        }
      }
    }
  }
`;

graphql`
  query operationsForbiddenQuery {
    viewer {
      reach
    }
    orders {
      totalCount
    }
  }
`;

graphql`
  query operationsDeferredQuery {
    viewer {
      reach
      ...operationsDeferred_viewer @defer(label: "later")
    }
  }
`;

graphql`
  fragment operationsDeferred_viewer on Viewer {
    account {
      name
    }
  }
`;

graphql`
  mutation operationsRenameMutation($input: AccountUpdateInput!) {
    accountUpdate(input: $input) {
      account {
        id
        externalId
        version
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`;

graphql`
  subscription operationsLiveSubscription($after: String) {
    accountChanged(after: $after) {
      eventId
      account {
        id
        externalId
      }
    }
  }
`;
