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
export { createMemoryEventStore, type MemoryEventStoreOptions } from '../memory/index.js';
