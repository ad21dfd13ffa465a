import { toBinary } from '@bufbuild/protobuf';
import { SelectionSchema } from '../../../gen/headwater/v1/selection_pb.js';
import type { ConsumerGroups, GroupList, PageRequest } from '../../core/consumer-groups.js';
import { DEFAULT_LIST_PAGE, PAGE_BYTES } from '../../core/limits.js';
import { toWireSelection } from '../../wire/selection.js';

/** A page of groups that fits into a message: a selection may be long, and then there are fewer than were asked for. */
export async function listGroups(
  groups: ConsumerGroups,
  request: PageRequest,
  signal: AbortSignal,
): Promise<GroupList> {
  let pageSize = request.pageSize ?? DEFAULT_LIST_PAGE;
  for (;;) {
    const list = await groups.list({ ...request, pageSize }, { signal });
    let bytes = 0;
    const fitting = list.groups.findIndex(({ selection }) => {
      bytes += toBinary(SelectionSchema, toWireSelection(selection)).byteLength;
      return bytes > PAGE_BYTES;
    });
    if (fitting === -1 || pageSize === 1) return list;
    // The page that ends there has the token to go on behind it.
    pageSize = Math.max(1, fitting);
  }
}
