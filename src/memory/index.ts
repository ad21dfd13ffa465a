export { MemoryGroupStorage, type MemoryGroupStorageOptions } from './groups.js';
export { createMemoryEventStore, type MemoryEventStoreOptions } from './memory-event-store.js';
export { createMemoryProjections, type MemoryProjectionsOptions } from './projections.js';
