export {
  appendTo,
  eventId,
  fill,
  jsonOf,
  loaded,
  loadedPages,
  newEvent,
  seededRandom,
  shown,
  thing,
  to,
} from './builders.js';
export {
  eventually,
  eventStoreContract,
  type Expectation,
  type OpenStore,
  type TestFramework,
  type WithStore,
} from './contract.js';
export {
  given,
  type Given,
  type GivenElsewhere,
  TEST_AGGREGATE,
  TEST_TIME,
  type Then,
  type When,
  type WhenOptions,
} from './given-when-then.js';
export { GivenWhenThenError } from './given-when-then-error.js';
export {
  createMemoryEventStore,
  createMemoryProjections,
  type MemoryEventStoreOptions,
  type MemoryProjectionsOptions,
} from '../memory/index.js';
