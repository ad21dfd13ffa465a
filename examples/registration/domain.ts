// Registration: `npx headwater serve --domain ./examples/registration/domain.js` serves it, and an AggregateManager runs it
// in process.
import { CommandRegistry } from '../../src/index.js';
import { user } from './user.js';

export const domain = new CommandRegistry().register(user);
