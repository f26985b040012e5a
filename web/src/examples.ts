// Operations to start from. Each is a file of its own, so that the tests can run every one of them against the demo data.
import accounts from './examples/accounts.graphql?raw';
import estimate from './examples/estimate.graphql?raw';
import order from './examples/order.graphql?raw';
import orders from './examples/orders.graphql?raw';
import products from './examples/products.graphql?raw';
import subscriptions from './examples/subscriptions.graphql?raw';
import summary from './examples/summary.graphql?raw';
import tree from './examples/tree.graphql?raw';
import users from './examples/users.graphql?raw';
import viewer from './examples/viewer.graphql?raw';

export interface Example {
  readonly title: string;
  readonly text: string;
}

export const firstExample: Example = { title: 'Walk the tree', text: tree };

export const examples: readonly Example[] = [
  firstExample,
  { title: 'Who am I, and what may I do?', text: viewer },
  { title: 'Find accounts at any depth', text: accounts },
  { title: 'Users and their roles', text: users },
  { title: 'Subscriptions that end next', text: subscriptions },
  { title: 'The latest orders', text: orders },
  { title: 'What would an order cost?', text: estimate },
  { title: 'Place an order', text: order },
  { title: 'Cost, price and margin', text: products },
  { title: 'The whole portfolio in numbers', text: summary },
];
