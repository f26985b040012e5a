// Lints the committed SDL, ../schema/schema.graphql; the TypeScript is checked by tsc alone.
// `npm run lint:schema` starts ESLint in the repository's root, so paths here are relative to that.
import { rules, parser, configs } from '@graphql-eslint/eslint-plugin';

const schema = 'schema/schema.graphql';

export default [
  {
    files: [schema],
    plugins: { '@graphql-eslint': { rules } },
    languageOptions: { parser, parserOptions: { graphQLConfig: { schema } } },
    rules: {
      ...configs['flat/schema-recommended'].rules,
      ...configs['flat/schema-relay'].rules,
      '@graphql-eslint/input-name': 'error',
      '@graphql-eslint/no-scalar-result-type-on-mutation': 'error',
      '@graphql-eslint/require-nullable-result-in-root': 'error',
      '@graphql-eslint/require-description': [
        'error',
        {
          types: true,
          rootField: true,
          DirectiveDefinition: true,
          FieldDefinition: true, // the preset asks for the root's fields only; here every field says what it is and who may see it
          InputValueDefinition: true, // arguments and inputs' fields are what a caller must understand before the first call
          EnumValueDefinition: true, // a status without its meaning is the integrator's first support ticket
        },
      ],
      '@graphql-eslint/relay-edge-types': [
        'error',
        {
          withEdgeSuffix: true,
          shouldImplementNode: true,
          listTypeCanWrapOnlyEdgeType: false, // connections have a `nodes` shortcut, and short closed lists (ancestors, privileges, userErrors) are plain lists
        },
      ],
      '@graphql-eslint/strict-id-in-types': [
        'error',
        {
          exceptions: {
            suffixes: [
              'Connection', // a page of a list: known by its cursors
              'Edge', // one row's place in a page
              'Payload', // the answer to one mutation
              'Result', // what came of one item of a mutation for many
              'Event', // that something happened, with the object inside; known by its `eventId`
              'Summary', // an aggregate computed for this answer
              'Count', // one group of a summary
              'Card', // what is shown of an account one may not walk into; an id would invite to try
            ],
            types: [
              'Address', // a value: two equal ones are the same
              'Attribute', // a value
              'Membership', // that a person may work in an account, which has the id
              'RateLimit', // what the caller has left, now
              'Money', // a value
              'Period', // a value
              'PriceTier', // a value
              'MonthlyMoney', // one group of a summary
              'Renewals', // one group of a summary
              'Offer', // several prices seen together, by one caller on one day
              'Contact', // part of its account, replaced as a whole
              'OrderCandidate', // one way to read an order's line
              'Refundable', // what could be given back at this moment
              'ScheduledChange', // what an order that waits will do; the order has the id
              'SubscriptionUpgrade', // a switch as it would go for one subscription; the switch has the id
              'OrderLine', // part of its order, known by its position
              'SubscriptionItem', // part of its subscription, known by its position
              'PlanPeriod', // part of its plan
              'Role', // known by its code
              'PageInfo', // belongs to its connection
              'UserError', // belongs to its payload
              'ChangedField', // part of its change, known by its name
              'DraftLine', // part of an order that isn't placed
              'OrderDraft', // an order that isn't placed
              'OrderCharge', // part of its order's line, known by its edge
              'SubscriptionLot', // part of its subscription
              'ViewerActor', // who acts, where that is another than the caller
              'Viewer', // the caller itself: one for each request, with the ids of its user and account inside
            ],
          },
        },
      ],
    },
  },
];
