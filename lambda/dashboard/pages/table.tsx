import type { Child, PropsWithChildren } from 'hono/jsx';

/** One column; `isNumber` aligns to the right. */
export interface Column {
  readonly name: string;
  readonly isNumber?: boolean;
}

/** What each element is, also where a browser no longer takes it for that because it is laid out as something else. */
const ROLES = {
  table: { role: 'table' },
  rowgroup: { role: 'rowgroup' },
  row: { role: 'row' },
  columnheader: { role: 'columnheader' },
  rowheader: { role: 'rowheader' },
  cell: { role: 'cell' },
} as const;

/**
 * A table that becomes a list of cards on narrow screens. The roles are written out, since browsers drop those of a
 * table that is laid out as something else.
 */
export function Table(
  props: PropsWithChildren<{ readonly label: string; readonly columns: readonly Column[] }>,
) {
  return (
    <table class="stack" {...ROLES.table} aria-label={props.label}>
      <thead {...ROLES.rowgroup}>
        <tr {...ROLES.row}>
          {props.columns.map(({ name, isNumber }) => (
            <th {...ROLES.columnheader} scope="col" class={isNumber ? 'num' : undefined}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody {...ROLES.rowgroup}>{props.children}</tbody>
    </table>
  );
}

/** One row; the first cell is its heading. */
export function Row(props: {
  readonly columns: readonly Column[];
  readonly cells: readonly Child[];
  readonly id?: string;
}) {
  const [heading, ...cells] = props.cells;
  return (
    <tr {...ROLES.row} id={props.id}>
      <th {...ROLES.rowheader} scope="row">
        {heading}
      </th>
      {cells.map((cell, index) => {
        const column = props.columns[index + 1];
        return (
          <td {...ROLES.cell} class={column?.isNumber ? 'num' : undefined} data-label={column?.name}>
            {cell}
          </td>
        );
      })}
    </tr>
  );
}
