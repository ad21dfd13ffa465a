// The bank: `npx headwater serve --domain ./examples/bank/domain.js` serves it, and an AggregateManager runs it in process.
import { CommandRegistry } from '../../src/index.js';
import { account } from './account.js';
import { transfer } from './transfer.js';

export const domain = new CommandRegistry().register(account).register(transfer);
