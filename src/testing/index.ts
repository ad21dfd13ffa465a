export {
  appendTo,
  eventId,
  jsonOf,
  loaded,
  loadedPages,
  newEvent,
  seededRandom,
  thing,
  to,
} from './builders.js';
export {
  eventStoreContract,
  type Expectation,
  type OpenStore,
  type TestFramework,
  type WithStore,
} from './contract.js';
export { createMemoryEventStore, type MemoryEventStoreOptions } from '../memory/index.js';
